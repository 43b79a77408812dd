"""Finds and loads the parts of the phishing pipeline; one that fails does not stop the others."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from soc_copilot.detection.phishing.visual.matching import Registry
from soc_copilot.domain.phishing import Analyser, ContentType
from soc_copilot.phishing.reading import read_content

logger = logging.getLogger(__name__)

GROUP: Final = "soc_copilot.analysers"
"""Entry points of third parties: name = "package.module:factory", taking nothing."""
_MADE_BY: Final = {
    "url": "analysers:UrlAnalyser",
    "email": "analysers:MailAnalyser",
    "text": "analysers:TextAnalyser",
    "visual": "visual.analyser:VisualAnalyser",
}
BUILT_IN: Final = tuple(
    EntryPoint(name, f"soc_copilot.detection.phishing.{maker}", GROUP)
    for name, maker in _MADE_BY.items()
)
_SAMPLES: Final[tuple[tuple[ContentType, bytes], ...]] = (
    ("url", b"https://example.com/"),
    ("email", b"From: a@example.com\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"),
    ("text", b"Lunch at noon?"),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found.

    Attributes:
        parts: Ready to be asked, by name.
        missing: Names of those that could not be loaded, each with the reason.
    """

    parts: tuple[Analyser, ...]
    missing: tuple[tuple[str, str], ...]


def load_parts(
    points: Iterable[EntryPoint] | None = None, *, brands: Registry | None = None
) -> Loaded:
    """Load every part that is installed, and have each score once.

    Args:
        points: Where to find them; None for our own and what else is installed.
        brands: Protected brands, for parts that say `takes_brands`; None for no brand.
    """
    found = (*BUILT_IN, *entry_points(group=GROUP)) if points is None else points
    parts: list[Analyser] = []
    missing = []
    names: set[str] = set()
    for point in found:
        try:
            maker = point.load()
            part = maker(brands) if getattr(maker, "takes_brands", False) else maker()
            if not isinstance(part, Analyser):
                raise TypeError("it is no Analyser")
            if part.name in names:
                raise ValueError(f'another part is called "{part.name}", and was first')
            _warm(part)
        except Exception as error:
            logger.exception(
                "A part of the phishing pipeline cannot be loaded. name=%s", point.name
            )
            missing.append((point.name, f"{type(error).__name__}: {error}"[:300]))
            continue
        names.add(part.name)
        parts.append(part)
    return Loaded(tuple(sorted(parts, key=lambda one: one.name)), tuple(sorted(missing)))


def _warm(part: Analyser) -> None:
    """Score samples, so that the first caller does not wait for what is made at the first use.

    Raises:
        DetectorError: The model cannot be loaded.
    """
    logger.info("A part is loaded. name=%s version=%s", part.name, part.version)
    for kind, raw in _SAMPLES:
        content = read_content(kind, raw)
        if part.applies(content):
            part.analyse(content)
