"""Parts of the Phishing page: verdicts, reasons, lines of a head, pictures beside each other."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.phishing import PHISH_SCORE, SUSPICIOUS_SCORE, Prediction, Reason
from soc_copilot.ui.models.phishing_tables import ROLE_VERDICT
from soc_copilot.ui.phishing_facts import HEADLINES, ROLES, HeaderFact
from soc_copilot.ui.theme import GRID, NUMBER_PX, Theme
from soc_copilot.ui.widgets.delegates import CellDelegate, Index, paint_bar, paint_severity_shape
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip
from soc_copilot.ui.widgets.picture import HIGH_PX, PictureView

SHAPES: Final[dict[Prediction | None, Severity]] = {
    "phish": Severity.CRITICAL,
    "suspicious": Severity.MEDIUM,
    "benign": Severity.LOW,
    None: Severity.INFO,
}
MAX_REASONS: Final = 12  # rows of reasons that there are
FULL_WEIGHT: Final = 2.0  # chosen: weight of a reason whose bar is full
BAR_PX: Final = 36
NAME_PX: Final = 88


def paint_verdict(
    painter: QPainter, box: QRectF, prediction: Prediction | None, color: QColor
) -> None:
    """Draw a verdict's shape: triangle, square, disc, ring; worst first."""
    paint_severity_shape(painter, box, SHAPES[prediction], color)


class VerdictDelegate(CellDelegate):
    """A verdict as coloured shape and word; the model gives it under `ROLE_VERDICT`."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box = self.paint_ground(painter, option, index)
        prediction: Prediction | None = index.data(ROLE_VERDICT)
        color = self._theme.color(ROLES[prediction])
        self.paint_marked(painter, box, SHAPES[prediction], str(index.data()), color)


class VerdictBadge(QWidget):
    """A verdict in large letters, with its shape."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._prediction: Prediction | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def text(self) -> str:
        """What it says."""
        return HEADLINES[self._prediction]

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Show this verdict; None for what could not be read."""
        self._prediction = prediction
        self.setAccessibleName(self.text)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        self.setFont(self._theme.font(NUMBER_PX, bold=True))
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text) + 26, metrics.height())

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color = self._theme.color(ROLES[self._prediction])
        box = QRectF(1, self.height() / 2 - 7, 14, 14)
        paint_verdict(painter, box, self._prediction, color)
        painter.setFont(self._theme.font(NUMBER_PX, bold=True))
        painter.setPen(color)
        side = Qt.AlignmentFlag
        painter.drawText(
            self.rect().adjusted(23, 0, 0, 0), side.AlignLeft | side.AlignVCenter, self.text
        )


class ScoreBar(QWidget):
    """A score in [0, 1] with the places from which it is suspicious, and phishing."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._score = theme, 0.0
        self._prediction: Prediction | None = None
        self.setFixedHeight(16)
        self.setMinimumWidth(120)
        self.setToolTip(
            safe_tip(f"Suspicious from {SUSPICIOUS_SCORE}, phishing from {PHISH_SCORE}")
        )
        theme.changed.connect(self.update)

    def show_score(self, score: float, prediction: Prediction | None) -> None:
        """Show a score in its verdict's colour."""
        self._score, self._prediction = score, prediction
        self.setAccessibleName(f"Score {score:.3f}")
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        box, color = QRectF(self.rect()), self._theme.color(ROLES[self._prediction])
        paint_bar(painter, box, self._score, color, self._theme.color("track"))
        for at in (SUSPICIOUS_SCORE, PHISH_SCORE):
            x = round(box.width() * at)
            painter.fillRect(QRectF(x, box.top(), 2, box.height()), self._theme.color("surface"))
            painter.fillRect(
                QRectF(x + 0.5, box.top() + 1, 1, box.height() - 2), self._theme.color("muted")
            )


class _WeightBar(QWidget):
    """How much a reason weighs; what speaks against phishing has the colour of what is well."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._weight = theme, 0.0
        self.setFixedSize(BAR_PX, 18)
        theme.changed.connect(self.update)

    def set_weight(self, weight: float) -> None:
        self._weight = weight
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        role = "ok" if self._weight < 0 else "high"
        share = min(abs(self._weight) / FULL_WEIGHT, 1.0)
        paint_bar(
            QPainter(self), QRectF(self.rect()), share, self._theme.color(role),
            self._theme.color("track"),
        )  # fmt: skip


class ReasonList(QWidget):
    """Sentences, each with a bar of its weight."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._rows: list[tuple[_WeightBar, PlainLabel]] = []
        for at in range(MAX_REASONS):
            bar, text = _WeightBar(theme), PlainLabel("", wrap=True, selectable=True)
            grid.addWidget(bar, at, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, at, 1)
            self._rows.append((bar, text))
        self.show_reasons(())

    @property
    def texts(self) -> list[str]:
        """What is shown."""
        return [text.text() for _, text in self._rows if not text.isHidden()]

    def show_reasons(self, reasons: Sequence[Reason]) -> None:
        """Show these, as many as there is room for."""
        for at, (bar, text) in enumerate(self._rows):
            is_there = at < len(reasons)
            bar.setVisible(is_there)
            text.setVisible(is_there)
            if is_there:
                bar.set_weight(reasons[at].weight)
                text.setText(reasons[at].text)
                words = "against" if reasons[at].weight < 0 else "for"
                bar.setToolTip(safe_tip(f"Speaks {words} phishing: {abs(reasons[at].weight):.2f}"))


class FactGrid(QWidget):
    """Names and values, and below a value what is wrong with it."""

    MAX_ROWS = 6

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnMinimumWidth(0, NAME_PX)
        grid.setColumnStretch(1, 1)
        self._rows: list[tuple[PlainLabel, PlainLabel, PlainLabel]] = []
        for at in range(self.MAX_ROWS):
            name = PlainLabel("", "muted")
            value = PlainLabel("", wrap=True, selectable=True)
            finding = PlainLabel("", "high", wrap=True)
            below = QVBoxLayout()
            below.setSpacing(0)
            below.addWidget(value)
            below.addWidget(finding)
            grid.addWidget(name, at, 0, Qt.AlignmentFlag.AlignTop)
            grid.addLayout(below, at, 1)
            self._rows.append((name, value, finding))
        self.show_facts(())

    @property
    def texts(self) -> list[tuple[str, str, str]]:
        """Name, value and finding of each line."""
        return [
            (name.text(), value.text(), finding.text() if not finding.isHidden() else "")
            for name, value, finding in self._rows
            if not name.isHidden()
        ]

    def show_facts(self, facts: Sequence[HeaderFact]) -> None:
        """Show these, as many as there is room for."""
        for at, (name, value, finding) in enumerate(self._rows):
            is_there = at < len(facts)
            name.setVisible(is_there)
            value.setVisible(is_there)
            finding.setVisible(is_there and bool(facts[at].finding))
            if is_there:
                name.setText(facts[at].name)
                value.setText(facts[at].value)
                finding.setText(facts[at].finding)
                finding.set_kind("high" if facts[at].is_wrong else "muted")


class PicturePair(QWidget):
    """A screenshot, and beside it the picture of the brand that it looks like."""

    def __init__(self, theme: Theme, high: int = HIGH_PX) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.captions = [PlainLabel("", "strong", wrap=True) for _ in range(2)]
        self.pictures = [PictureView(theme, high) for _ in range(2)]
        for caption, picture in zip(self.captions, self.pictures, strict=True):
            column = QVBoxLayout()
            column.setSpacing(GRID // 2)
            column.addWidget(caption)
            column.addWidget(picture)
            row.addLayout(column, 1)

    def show_pair(
        self, screenshot: QImage | None, reference: QImage | None, captions: tuple[str, str]
    ) -> None:
        """Show the page, and the brand's picture where there is one."""
        images = (screenshot, reference)
        for view, label, image, words in zip(
            self.pictures, self.captions, images, captions, strict=True
        ):
            view.show_image(image)
            label.setText(words)
            view.setVisible(image is not None)
            label.setVisible(image is not None and bool(words))
