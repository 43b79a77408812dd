"""The status strip: detectors' health, rates, latency, size of the database."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from soc_copilot.domain.summary import DetectorHealth
from soc_copilot.ui.context import Desk
from soc_copilot.ui.theme import GRID, Theme, health_role
from soc_copilot.ui.units import seconds_text, size_text
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip

if TYPE_CHECKING:
    from soc_copilot.ui.live import Live

STRIP_PX = 30
DOT_PX = 8
PAGES = ("host", "phishing", "web")  # of detectors that have one of their name
TIPS = ("Click for its figures.", "Click for its page, right-click for its figures.")


def dot_icon(color: QColor) -> QIcon:
    """A filled disc."""
    scale = 3  # drawn large enough for every screen
    pixmap = QPixmap(QSize(DOT_PX, DOT_PX) * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(QRectF(0, 0, DOT_PX * scale, DOT_PX * scale))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return QIcon(pixmap)


def health_words(health: DetectorHealth) -> str:
    """A detector in the strip: its name, and what is wrong if anything is."""
    return health.name if health.state == "ok" else f"{health.name}: {health.state}"


class HealthPanel(QFrame):
    """What the strip's entry for a detector stands for, in full."""

    def __init__(self, health: DetectorHealth, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(health.title or health.name, "heading"))
        if health.detail:
            detail = PlainLabel(health.detail, wrap=True)
            detail.setMaximumWidth(360)
            column.addWidget(detail)
        table = QGridLayout()
        table.setHorizontalSpacing(2 * GRID)
        table.setVerticalSpacing(4)
        retry = f"in {health.retry_in_s:.0f} s" if health.retry_in_s else ""
        rows = (
            ("State", health.state),
            ("Tried again", retry),
            ("Version", health.version),
            ("Device", health.device),
            ("Time per batch", f"mean {health.mean_ms:.1f} ms, p95 {health.p95_ms:.1f} ms"),
            ("Batches", f"{health.n_batches:,}"),
            ("Failures", f"{health.n_failures:,}"),
        )
        # Another process tells how it stands, not what it counts.
        for name, value in rows if health.device else rows[:3]:
            if value:
                row = table.rowCount()
                table.addWidget(PlainLabel(name, "muted"), row, 0)
                table.addWidget(PlainLabel(value), row, 1)
        column.addLayout(table)

    def show_above(self, button: QWidget) -> None:
        """Open just above a button of the strip."""
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(0, 0))
        self.move(corner - QPoint(0, self.height() + 4))
        self.show()


class Strip(QFrame):
    """One line at the foot of the window; every entry leads to what explains it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.setFixedHeight(STRIP_PX)
        self._theme = theme
        self._desk: Desk | None = None
        self._live: Live | None = None
        self._shown: tuple[tuple[str, str, str], ...] = ()
        self._buttons: list[QPushButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, 0, 2 * GRID, 0)
        row.setSpacing(GRID)
        self._detectors = QHBoxLayout()
        self._detectors.setSpacing(GRID)
        self._none = PlainLabel("Detectors load when ingestion starts.", "small")
        self._none.setIndent(GRID)
        row.addWidget(self._none)
        row.addLayout(self._detectors)
        row.addStretch(1)
        self.rate = self._link("", "overview")
        self.latency = self._link("", "overview")
        self.database = self._link("", "governance")
        for button in (self.rate, self.latency, self.database):
            row.addWidget(button)
        theme.changed.connect(self._paint)

    def adopt(self, desk: Desk, live: "Live") -> None:
        """Follow the live numbers from now on."""
        self._desk, self._live = desk, live
        live.updated.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the numbers of now."""
        live = self._live
        if live is None:
            return
        self.rate.setText(f"{live.rate():,.0f} events/s")
        found = live.latency_ms()
        words = (
            "—"
            if found is None
            else (f"p50 {seconds_text(found[0])} · p95 {seconds_text(found[1])}")
        )
        self.latency.setText(f"line to alert {words}")
        self._show_detectors(self._entries(live))

    def _entries(self, live: "Live") -> tuple[DetectorHealth, ...]:
        """The detectors here, then what another process runs and this one does not."""
        is_stopped = self._desk is None or self._desk.ingestion == "stopped"
        others = {one.name for one in live.others} if is_stopped else set()
        own = [one for one in live.detectors if one.name not in others]  # told before it stopped
        names = {one.name for one in own}
        return (*own, *(one for one in live.others if one.name not in names))

    def show_size(self, path: Path | None, size_bytes: int) -> None:
        """Show the database's name and size."""
        name = path.name if path is not None else "database"
        self.database.setText(f"{name} {size_text(size_bytes)}")
        self.database.setToolTip(safe_tip(str(path or "")))

    def _show_detectors(self, detectors: tuple[DetectorHealth, ...]) -> None:
        shown = tuple((h.name, health_words(h), h.state) for h in detectors)
        if shown == self._shown:
            return
        self._shown = shown
        self._none.setVisible(not detectors)
        while len(self._buttons) < len(detectors):
            button = self._make(len(self._buttons))
            self._buttons.append(button)
            self._detectors.addWidget(button)
        for place, button in enumerate(self._buttons):
            button.setVisible(place < len(detectors))
            if place < len(detectors):
                button.setText(f" {shown[place][1]}")
                tip = detectors[place].detail or TIPS[shown[place][0] in PAGES]
                button.setToolTip(safe_tip(tip))
        self._paint()

    def _make(self, place: int) -> QPushButton:
        button = QPushButton()
        button.setIconSize(QSize(DOT_PX, DOT_PX))
        button.clicked.connect(lambda: self._open(place))
        button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        button.customContextMenuRequested.connect(lambda _where: self._explain(place))
        return button

    def _open(self, place: int) -> None:
        """A detector with a page of its own leads there, another one to its figures."""
        name = self._shown[place][0]
        if name in PAGES:
            self._go(name)
        else:
            self._explain(place)

    def _explain(self, place: int) -> None:
        if self._live is not None:
            entries = self._entries(self._live)
            if place < len(entries):
                HealthPanel(entries[place], self).show_above(self._buttons[place])

    def _link(self, text: str, page: str) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: self._go(page))
        return button

    def _go(self, page: str) -> None:
        if self._desk is not None:
            self._desk.open_page(page)

    def _paint(self) -> None:
        for button, (_, _, state) in zip(self._buttons, self._shown, strict=False):
            button.setIcon(dot_icon(self._theme.color(health_role(state))))
