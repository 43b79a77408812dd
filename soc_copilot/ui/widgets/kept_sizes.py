"""A splitter's sizes as text, for what a page remembers until the next start."""

from PySide6.QtWidgets import QSplitter


def sizes_text(splitter: QSplitter) -> str:
    """The sizes of a splitter's parts: "420,260"."""
    return ",".join(map(str, splitter.sizes()))


def restore_sizes(splitter: QSplitter, text: str) -> None:
    """Take sizes back; anything that does not fit this splitter is ignored."""
    try:
        sizes = [int(word) for word in text.split(",")]
    except ValueError:
        return
    if len(sizes) == splitter.count() and all(size > 0 for size in sizes):
        splitter.setSizes(sizes)
