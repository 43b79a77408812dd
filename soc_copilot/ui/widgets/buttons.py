"""Buttons that look like something else."""

from PySide6.QtWidgets import QPushButton


def link_button(text: str = "", tip: str = "") -> QPushButton:
    """A button that looks like a link, as in the head of a card."""
    button = QPushButton(text)
    button.setProperty("kind", "link")
    button.setToolTip(tip)
    return button
