"""Table cells that are drawn: severity as shape, word and colour; bars."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget
from typing_extensions import override

from soc_copilot.domain.findings import Severity
from soc_copilot.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex

ROLE_SEVERITY = Qt.ItemDataRole.UserRole + 1  # a Severity, for SeverityDelegate
ROLE_BAR = Qt.ItemDataRole.UserRole + 2  # float in [0, 1], for BarDelegate
PAD = 8  # px beside the text of a cell
MARK_PX = 9.0  # chosen: as high as a capital letter


def paint_severity_shape(painter: QPainter, box: QRectF, severity: Severity, color: QColor) -> None:
    """Draw a severity's shape: triangle, diamond, square, disc, ring; worst first."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    left, right, top, bottom = box.left(), box.right(), box.top(), box.bottom()
    middle = box.center()
    if severity is Severity.CRITICAL:
        painter.drawPolygon(
            QPolygonF([QPointF(middle.x(), top), QPointF(right, bottom), QPointF(left, bottom)])
        )
    elif severity is Severity.HIGH:
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(middle.x(), top),
                    QPointF(right, middle.y()),
                    QPointF(middle.x(), bottom),
                    QPointF(left, middle.y()),
                ]
            )
        )
    elif severity is Severity.MEDIUM:
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
    elif severity is Severity.LOW:
        painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        pen = painter.pen()
        pen.setStyle(Qt.PenStyle.SolidLine)
        pen.setColor(color)
        pen.setWidthF(1.5)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(box.adjusted(1.0, 1.0, -1.0, -1.0))
    painter.restore()


class CellDelegate(QStyledItemDelegate):
    """Draws the background and focus of a cell; subclasses draw what is in it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> QRect:
        """Draw the cell without text; returns the rectangle for the content."""
        bare = QStyleOptionViewItem(option)
        self.initStyleOption(bare, index)
        bare.text = ""
        widget = option.widget
        style = widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, bare, painter, widget)
        rect: QRect = option.rect
        return rect.adjusted(PAD, 0, -PAD, -2)  # as style sheets centre text above the border

    def paint_marked(
        self, painter: QPainter, box: QRect, shape: Severity, word: str, color: QColor
    ) -> None:
        """Draw a severity's shape and a bold word behind it, cut to the cell."""
        mark = QRectF(box.left(), box.center().y() - MARK_PX / 2 + 0.5, MARK_PX, MARK_PX)
        paint_severity_shape(painter, mark, shape, color)
        painter.save()
        painter.setFont(self._theme.font(bold=True))
        painter.setPen(color)
        text = box.adjusted(round(MARK_PX) + 6, 0, 0, 0)
        cut = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, cut)
        painter.restore()


class SeverityDelegate(CellDelegate):
    """Severity as coloured shape and word; the model gives it under `ROLE_SEVERITY`."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box = self.paint_ground(painter, option, index)
        severity = index.data(ROLE_SEVERITY)
        if severity is None:
            return
        severity = Severity(severity)
        self.paint_marked(
            painter, box, severity, severity.label, self._theme.severity_color(severity)
        )


class BarDelegate(CellDelegate):
    """A share in [0, 1] as a bar; the model gives it under `ROLE_BAR`, colour by severity."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box = self.paint_ground(painter, option, index)
        share = index.data(ROLE_BAR)
        if share is None:
            return
        severity = index.data(ROLE_SEVERITY)
        color = (
            self._theme.color("accent")
            if severity is None
            else self._theme.severity_color(Severity(severity))
        )
        paint_bar(painter, QRectF(box), float(share), color, self._theme.color("track"))


def paint_bar(painter: QPainter, box: QRectF, share: float, color: QColor, track: QColor) -> None:
    """A bar of 8 px height in the middle of a box, over its track."""
    height = 8.0  # px, one grid step
    groove = QRectF(box.left(), box.center().y() - height / 2, box.width(), height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(track)
    painter.drawRoundedRect(groove, 2, 2)
    if share > 0:
        groove.setWidth(max(2.0, groove.width() * min(share, 1.0)))
        painter.setBrush(color)
        painter.drawRoundedRect(groove, 2, 2)
    painter.restore()
