"""The kinds of sources to choose from: a title, and one plain sentence each."""

from typing import Any, Final

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget
from typing_extensions import override

from soc_copilot.domain.source_options import KIND_TITLES
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.theme import BASE_PX, SMALL_PX, Theme

ROW_PX: Final = 44
WIDTH_PX: Final = 316  # chosen: the longest sentence fits
SENTENCES: Final = {
    "file": "Follows a log file, also when it is rotated.",
    "directory": "Follows every file of a folder that fits a pattern.",
    "syslog-udp": "Receives syslog; what the network drops is gone.",
    "syslog-tcp": "Receives syslog; senders wait while we are busy.",
    "syslog-tls": "Receives encrypted syslog, with your certificate.",
    "json-tcp": "Receives one JSON object on each line.",
    "activity": "Notes what happens to files in folders.",
    "journald": "Reads this machine's journal, or a copy of one.",
    "evtx": "Reads exported Windows event logs (.evtx).",
    "mail": "Reads messages dropped into a folder; scores them for phishing.",
}


class KindModel(RowModel):
    """One row for each kind that can be added."""

    headers = ("Kind",)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = tuple(SENTENCES)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        kind = self._rows[index.row()]
        if role == Role.DisplayRole:
            return KIND_TITLES[kind]
        if role in (Role.AccessibleDescriptionRole, Role.StatusTipRole):
            return SENTENCES[kind]
        return kind if role == Role.UserRole else None


class _KindDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH_PX - 16, ROW_PX)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        bare = QStyleOptionViewItem(option)
        self.initStyleOption(bare, index)
        bare.text = ""
        option.widget.style().drawControl(
            QStyle.ControlElement.CE_ItemViewItem, bare, painter, option.widget
        )
        box: QRect = option.rect.adjusted(10, 5, -8, -5)
        painter.save()
        left = Qt.AlignmentFlag.AlignLeft
        painter.setFont(self._theme.font(BASE_PX, bold=True))
        painter.setPen(self._theme.color("text"))
        painter.drawText(box, left | Qt.AlignmentFlag.AlignTop, index.data())
        painter.setFont(self._theme.font(SMALL_PX))
        painter.setPen(self._theme.color("muted"))
        sentence = index.data(Role.AccessibleDescriptionRole)
        painter.drawText(box, left | Qt.AlignmentFlag.AlignBottom, sentence)
        painter.restore()


class KindList(QListView):
    """Chooses a kind with the arrows or the mouse.

    Signals:
        chosen: A key of `SENTENCES`.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("kinds")
        self._kinds = KindModel(self)
        self.setModel(self._kinds)
        self.setItemDelegate(_KindDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setFixedWidth(WIDTH_PX)
        self.setMinimumHeight(ROW_PX * len(SENTENCES) + 8)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Kind of source")
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.viewport().update)

    @property
    def kind(self) -> str:
        """The kind chosen, empty when none is."""
        return str(self.currentIndex().data(Role.UserRole) or "")

    def choose(self, kind: str) -> None:
        """Choose a kind."""
        if kind in SENTENCES and kind != self.kind:
            self.setCurrentIndex(self._kinds.index(list(SENTENCES).index(kind), 0))

    def _on_current(self) -> None:
        self.chosen.emit(self.kind)
