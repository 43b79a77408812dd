"""From a screenshot to what is kept of it as a brand's reference."""

from soc_copilot.detection.phishing.visual.embedder import Embedder, shipped


def make_reference(picture: bytes, embedder: Embedder | None = None) -> tuple[bytes, bytes]:
    """What `governance.brands.add_reference` takes: a small PNG, and its embedding.

    Args:
        picture: A screenshot, PNG, JPEG or WebP.
        embedder: The model; None for the one that comes with the program.

    Raises:
        ParseError: It is no picture that can be read; the message is for the analyst.
        DetectorError: The model cannot be loaded.

    Thread:
        Any. Takes tens of milliseconds, the first time a second.
    """
    return (embedder or shipped()).reference(picture)
