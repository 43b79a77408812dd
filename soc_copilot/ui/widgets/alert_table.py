"""The table of alerts: rows of one height, check boxes, marks, and a pill for what is new."""

from typing import Final

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QHeaderView,
    QMenu,
    QPushButton,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)
from typing_extensions import override

from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alert_pages import MAX_LIVE_ROWS
from soc_copilot.ui.models.alerts import (
    ROLE_CHECKED,
    ROLE_MARKED,
    TITLES,
    AlertTableModel,
    Column,
)
from soc_copilot.ui.theme import ROW_HEIGHT
from soc_copilot.ui.widgets.delegates import CellDelegate, Index, SeverityDelegate

# The widest text that a column is made to show whole; longer ones end in an ellipsis.
SAMPLES: Final = {
    Column.SEVERITY: "▲  Critical",
    Column.LAST_SEEN: "Nov 20 10:41",
    Column.ENTITY: "198.51.100.255",
    Column.TECHNIQUE: "T1110.003",
    Column.DETECTOR: "Detector",
    Column.COUNT: "88,888",
    Column.STATUS: "Acknowledged",
    Column.SCORE: "Score",
    Column.FIRST_SEEN: "Nov 20 10:41",
}
CHECK_PX: Final = 40
CELL_PX: Final = 22  # beside a cell's text, both sides together
WHAT_PX: Final = 184  # chosen: the What column keeps at least this where it can
# Columns that give way on a narrow desk, first one first, while the What column has less than
# so many pixels; the pane beside the table shows what they say.
GIVE_WAY: Final = (
    (Column.FIRST_SEEN, WHAT_PX),
    (Column.SCORE, WHAT_PX),
    (Column.DETECTOR, WHAT_PX),
    (Column.TECHNIQUE, WHAT_PX),
    (Column.COUNT, 96),
    (Column.STATUS, 96),
)
BOX_PX: Final = 14
PILL_GAP_PX: Final = 12


class CheckDelegate(CellDelegate):
    """A check box for actions on several alerts, and a flag where the analyst set one."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = self.paint_ground(painter, option, index)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(cell.left(), cell.center().y() - BOX_PX / 2 + 0.5, BOX_PX, BOX_PX)
        if index.data(ROLE_CHECKED):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(QPen(self._theme.color("on_accent"), 2))
            tick = [(0.25, 0.52), (0.44, 0.7), (0.77, 0.32)]
            painter.drawPolyline(self._points(box, tick))
        else:
            painter.setPen(QPen(self._theme.color("muted", 0.55), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if index.data(ROLE_MARKED):
            flag = QRectF(box.right() + 4, box.top() + 1, 10, BOX_PX - 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawPolygon(self._points(flag, [(0, 0), (1, 0.3), (0, 0.6)]))
            painter.drawRect(QRectF(flag.left(), flag.top(), 1.5, flag.height()))
        painter.restore()

    def _points(self, box: QRectF, shares: list[tuple[float, float]]) -> QPolygonF:
        polygon = QPolygonF()
        for x, y in shares:
            point = box.topLeft()
            point.setX(box.left() + x * box.width())
            point.setY(box.top() + y * box.height())
            polygon.append(point)
        return polygon


class AlertTable(QTableView):
    """The view on an `AlertTableModel`; one current row, and check boxes for several."""

    pill_clicked = Signal()
    checked_from = Signal(int)  # row where the last check was set by mouse

    def __init__(self, desk: Desk, model: AlertTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._alerts = model
        self._hidden_by_hand: set[int] = {Column.FIRST_SEEN}
        self.setModel(model)
        self._set_up()
        self._set_up_headers(desk)
        self._checks, self._severities = CheckDelegate(desk.theme), SeverityDelegate(desk.theme)
        self.setItemDelegateForColumn(Column.CHECK, self._checks)
        self.setItemDelegateForColumn(Column.SEVERITY, self._severities)
        self.pill = QPushButton("", self)
        self.pill.setObjectName("pill")
        self.pill.setCursor(Qt.CursorShape.PointingHandCursor)
        self.pill.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pill.clicked.connect(self.pill_clicked)
        self.pill.hide()
        model.pending_changed.connect(self.show_pill)
        model.hold = self.is_held

    def _set_up(self) -> None:
        self.setAccessibleName("Alerts")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setCornerButtonEnabled(False)

    def _set_up_headers(self, desk: Desk) -> None:
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns = self.horizontalHeader()
        columns.setHighlightSections(False)
        columns.setSectionsClickable(False)  # the order is newest first, by key
        columns.setMinimumSectionSize(36)
        self._widths = {
            column: QFontMetrics(desk.theme.font(bold=column is Column.SEVERITY)).horizontalAdvance(
                sample
            )
            + CELL_PX
            for column, sample in SAMPLES.items()
        } | {Column.CHECK: CHECK_PX}
        for column, width in self._widths.items():
            self.setColumnWidth(column, width)
        columns.setSectionResizeMode(Column.WHAT, QHeaderView.ResizeMode.Stretch)
        columns.setSectionResizeMode(Column.CHECK, QHeaderView.ResizeMode.Fixed)
        columns.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        columns.customContextMenuRequested.connect(self._on_header_menu)

    # -- where the user is

    def is_held(self) -> bool:
        """True when new rows must not move what is seen: scrolled down, or something chosen."""
        return (
            self.verticalScrollBar().value() > 0
            or self.currentIndex().isValid()
            or self._alerts.has_selection
        )

    def current_row(self) -> int:
        """Row of the current alert, -1 when there is none."""
        return self.currentIndex().row()

    def go_to(self, row: int) -> None:
        """Make a row the current one and bring it into view."""
        if 0 <= row < self._alerts.rowCount():
            index = self._alerts.index(row, Column.SEVERITY)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def show_pill(self, count: int) -> None:
        """Say how many new alerts wait at the top, or that the newest are not read."""
        words = f"{MAX_LIVE_ROWS:,}+" if count > MAX_LIVE_ROWS else f"{count:,}"
        self.pill.setText(f"{words} new at the top" if count else "Back to the newest")
        self.pill.setVisible(count > 0 or self._alerts.has_gap)
        self._place_pill()

    def _place_pill(self) -> None:
        self.pill.adjustSize()
        self.pill.move(
            (self.width() - self.pill.width()) // 2,
            self.height() - self.pill.height() - PILL_GAP_PX,
        )
        self.pill.raise_()

    # -- columns

    def hidden_columns(self) -> list[int]:
        """Columns that the person hid."""
        return sorted(self._hidden_by_hand)

    def set_hidden_columns(self, columns: list[int]) -> None:
        """Hide these, as the person did before."""
        self._hidden_by_hand = {c for c in columns if c in list(SAMPLES)}
        self._fit_columns()

    def _fit_columns(self) -> None:
        shown = [column for column in self._widths if column not in self._hidden_by_hand]
        room = self.viewport().width() - sum(self.columnWidth(c) or self._widths[c] for c in shown)
        given = set()
        for column, least in GIVE_WAY:
            if column in shown and room < least:
                given.add(column)
                room += self.columnWidth(column) or self._widths[column]
        for column in self._widths:
            self.setColumnHidden(column, column not in shown or column in given)

    def _on_header_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for column, title in TITLES.items():
            if column in (Column.CHECK, Column.WHAT):
                continue
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(column not in self._hidden_by_hand)
            action.setData(int(column))
        chosen = menu.exec(self.horizontalHeader().mapToGlobal(at))
        if chosen is not None:
            self._hidden_by_hand ^= {chosen.data()}
            self._fit_columns()
        menu.deleteLater()

    # -- events

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()
        self._place_pill()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        if self.currentIndex().isValid():
            super().focusInEvent(event)
        else:  # Qt would choose the first row; here nothing is chosen until a person does
            QAbstractScrollArea.focusInEvent(self, event)
            self.viewport().update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            modifiers = event.modifiers()
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                start = self.current_row() if self.current_row() >= 0 else index.row()
                self._alerts.check_range(start, index.row())
                return
            is_ctrl = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
            if is_ctrl or index.column() == Column.CHECK:
                self._alerts.toggle_checked(index.row())
                self.checked_from.emit(index.row())
                return
        super().mousePressEvent(event)

    @override
    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here; typing never jumps to a row."""
