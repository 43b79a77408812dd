"""Colours by role, dark and light, fonts, and icons recoloured to fit."""

from dataclasses import dataclass
from string import Template
from typing import Final

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.paths import bundled
from soc_copilot.ui.icons import icon as draw_icon
from soc_copilot.ui.qss import SHEET

Roles = dict[str, str]

DARK: Final[Roles] = {
    "background": "#0f1419",
    "surface": "#171e26",
    "raised": "#1f2833",
    "hover": "#283442",
    "field": "#0f1419",
    "line": "#2c3846",
    "text": "#e6edf3",
    "muted": "#9fb0c0",
    "accent": "#4cc2ff",
    "on_accent": "#0b1016",
    "selection": "#16344a",
    "critical": "#ff6b6b",
    "on_critical": "#160808",
    "high": "#ff9f45",
    "medium": "#f2cc4d",
    "low": "#5fb3f9",
    "info": "#93a4b5",
    "ok": "#4fd1a0",
    "mark": "#5a2a31",
    "track": "#222c37",
}
LIGHT: Final[Roles] = {
    "background": "#f5f7f9",
    "surface": "#ffffff",
    "raised": "#ffffff",
    "hover": "#edf1f5",
    "field": "#f5f7f9",
    "line": "#d5dde5",
    "text": "#16202a",
    "muted": "#51606f",
    "accent": "#0067b8",
    "on_accent": "#ffffff",
    "selection": "#e1effb",
    "critical": "#b4232c",
    "on_critical": "#ffffff",
    "high": "#a84b00",
    "medium": "#7a5c00",
    "low": "#0b62a8",
    "info": "#566573",
    "ok": "#11734f",
    "mark": "#fbdcdc",
    "track": "#edf1f5",
}
# Text roles and the surfaces they are drawn on; a test holds each pair to 4.5:1.
TEXT_ROLES: Final = (
    "text",
    "muted",
    "accent",
    "critical",
    "high",
    "medium",
    "low",
    "info",
    "ok",
)
SURFACES: Final = ("background", "surface", "raised", "field")
EXTRA_PAIRS: Final = (
    ("text", "selection"),
    ("text", "hover"),
    ("text", "mark"),
    ("on_accent", "accent"),
    ("on_critical", "critical"),
)

SMALL_PX: Final = 11
BASE_PX: Final = 13
TITLE_PX: Final = 16
NUMBER_PX: Final = 22
ROW_HEIGHT: Final = 28  # px of a table row
GRID: Final = 8  # px; every distance is a multiple of it, or half of it
PANEL_PADDING: Final = 16  # px inside a card
RADIUS: Final = 6  # px

SANS_FAMILIES: Final = (
    "Inter",
    "Segoe UI Variable Text",
    "Segoe UI",
    "SF Pro Text",
    "Noto Sans",
    "DejaVu Sans",
)
MONO_FAMILIES: Final = (
    "JetBrains Mono",
    "Cascadia Mono",
    "SF Mono",
    "Consolas",
    "Noto Sans Mono",
    "DejaVu Sans Mono",
)
# Order in which sources and detectors take their colours.
SERIES_ROLES: Final = ("accent", "ok", "medium", "high", "info", "critical")


def severity_role(severity: Severity) -> str:
    """The colour role of a severity: its word in lower case."""
    return severity.name.lower()


def health_role(state: str) -> str:
    """The colour role of a detector's or source's state."""
    good = {"ok", "live", "listening", "running", "reading", "idle"}
    wrong = {"open", "failed", "missing", "denied", "quarantined", "hung", "error"}
    if state in good:
        return "ok"
    if state in wrong:
        return "critical"
    return "info" if state in {"disabled", "loading", "stopped"} else "medium"


@dataclass(frozen=True, slots=True)
class _Look:
    roles: Roles
    is_dark: bool


class Theme(QObject):
    """The look in force. GUI thread only; `changed` follows every switch."""

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._series: dict[str, str] = {}
        self._look = self._resolve()
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._on_system_changed)

    @property
    def choice(self) -> str:
        """What was asked for: "system", "dark" or "light"."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """True when the dark roles are in force."""
        return self._look.is_dark

    def set_choice(self, choice: str) -> None:
        """Switch at once; every page hears `changed`."""
        self._choice = choice
        self._switch()

    def hex(self, role: str) -> str:
        """The role's colour as "#rrggbb"."""
        return self._look.roles[role]

    def color(self, role: str, alpha: float = 1.0) -> QColor:
        """The role's colour, with an opacity in [0, 1]."""
        color = QColor(self._look.roles[role])
        color.setAlphaF(alpha)
        return color

    def severity_color(self, severity: Severity) -> QColor:
        """The severity's colour; show its word or shape as well."""
        return self.color(severity_role(severity))

    def series_color(self, key: str) -> QColor:
        """One colour per source or detector, the same wherever it is drawn."""
        if key not in self._series:
            self._series[key] = SERIES_ROLES[len(self._series) % len(SERIES_ROLES)]
        return self.color(self._series[key])

    def font(self, px: int = BASE_PX, *, bold: bool = False) -> QFont:
        """The sans font with tabular figures."""
        return _font(SANS_FAMILIES, px, bold)

    def mono_font(self, px: int = BASE_PX) -> QFont:
        """The monospaced font for log text."""
        font = _font(MONO_FAMILIES, px, bold=False)
        font.setStyleHint(QFont.StyleHint.Monospace)
        font.setFixedPitch(True)
        return font

    def icon(self, name: str, role: str = "muted", size: int = 16) -> QIcon:
        """One of our own drawings (`resources/icons/<name>.svg`) in a role's colour."""
        return draw_icon(name, self.hex(role), self.hex("info"), QSize(size, size))

    def apply(self, app: QApplication) -> None:
        """Give the whole program this look, unless it has it already."""
        sheet = Template(SHEET).substitute(self._look.roles, **_sheet_words(self.is_dark))
        if app.styleSheet() == sheet:
            return  # each of the four calls below styles every widget that there is
        app.setStyle("Fusion")
        app.setFont(self.font())
        app.setPalette(self._palette())
        app.setStyleSheet(sheet)

    def _resolve(self) -> _Look:
        dark = self._choice == "dark"
        if self._choice == "system":
            hints = QGuiApplication.styleHints()
            dark = hints is None or hints.colorScheme() != Qt.ColorScheme.Light
        return _Look(DARK if dark else LIGHT, dark)

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self._switch()

    def _switch(self) -> None:
        look = self._resolve()
        if look == self._look:
            return
        self._look = look
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self.apply(app)
        self.changed.emit()

    def _palette(self) -> QPalette:
        role, palette = QPalette.ColorRole, QPalette()
        for slot, name in (
            (role.Window, "background"),
            (role.WindowText, "text"),
            (role.Base, "surface"),
            (role.AlternateBase, "raised"),
            (role.Text, "text"),
            (role.Button, "raised"),
            (role.ButtonText, "text"),
            (role.BrightText, "critical"),
            (role.Highlight, "selection"),
            (role.HighlightedText, "text"),
            (role.Link, "accent"),
            (role.PlaceholderText, "muted"),
            (role.ToolTipBase, "raised"),
            (role.ToolTipText, "text"),
            (role.Mid, "line"),
            (role.Accent, "accent"),
        ):
            palette.setColor(slot, self.color(name))
        for slot in (role.Text, role.ButtonText, role.WindowText):
            palette.setColor(QPalette.ColorGroup.Disabled, slot, self.color("muted", 0.6))
        return palette


def load_fonts() -> None:
    """Register the fonts that are shipped with the program, if any are."""
    for path in sorted((bundled("resources") / "fonts").glob("*.[to]tf")):
        QFontDatabase.addApplicationFont(str(path))


def _font(families: tuple[str, ...], px: int, bold: bool) -> QFont:
    font = QFont()
    font.setFamilies(list(families))
    font.setPixelSize(px)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if hasattr(font, "setFeature"):  # tabular figures, so that numbers do not jitter
        font.setFeature(QFont.Tag("tnum"), 1)
        # Log text is shown as it is: "0x10" never as a sign of multiplication, "!=" no ligature.
        for tag in ("calt", "liga"):
            font.setFeature(QFont.Tag(tag), 0)
    return font


def _sheet_words(is_dark: bool) -> dict[str, str]:
    return {
        "controls": (bundled("resources") / "controls").as_posix(),
        "look": "dark" if is_dark else "light",
        "small": f"{SMALL_PX}px",
        "base": f"{BASE_PX}px",
        "title": f"{TITLE_PX}px",
        "number": f"{NUMBER_PX}px",
        "radius": f"{RADIUS}px",
    }
