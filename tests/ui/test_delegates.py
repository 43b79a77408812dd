"""Severity is told by shape as well as colour, and bars are as long as their share."""

import pytest
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyleOptionViewItem, QTableView
from pytestqt.qtbot import QtBot

from soc_copilot.domain.findings import Severity
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.delegates import (
    ROLE_BAR,
    ROLE_SEVERITY,
    BarDelegate,
    CellDelegate,
    SeverityDelegate,
    paint_bar,
    paint_severity_shape,
)

INK, TRACK, PAPER = QColor("#ff0000"), QColor("#00ff00"), QColor("#000000")
SIDE = 32


def canvas(wide: int = SIDE, high: int = SIDE) -> QImage:
    image = QImage(wide, high, QImage.Format.Format_RGB32)
    image.fill(PAPER)
    return image


def shape(severity: Severity) -> QImage:
    image = canvas()
    painter = QPainter(image)
    paint_severity_shape(painter, QRectF(4, 4, 24, 24), severity, INK)
    painter.end()
    return image


def n_of(image: QImage, color: QColor) -> int:
    return sum(
        image.pixelColor(x, y) == color for x in range(image.width()) for y in range(image.height())
    )


def bar(share: float) -> QImage:
    image = canvas(200, 20)
    painter = QPainter(image)
    paint_bar(painter, QRectF(0, 0, 200, 20), share, INK, TRACK)
    painter.end()
    return image


def cell(kind: type[CellDelegate], theme: Theme, qtbot: QtBot, **roles: object) -> QImage:
    """One cell as the delegate draws it."""
    view = QTableView()
    qtbot.addWidget(view)
    model = QStandardItemModel(1, 1, view)
    item = QStandardItem("text of the model")
    for name, value in roles.items():
        item.setData(value, {"severity": ROLE_SEVERITY, "share": ROLE_BAR}[name])
    model.setItem(0, 0, item)
    image = canvas(160, 28)
    option = QStyleOptionViewItem()
    option.rect = QRect(0, 0, 160, 28)
    option.widget = view
    painter = QPainter(image)
    kind(theme, view).paint(painter, option, model.index(0, 0))
    painter.end()
    return image


def test_every_severity_has_a_shape_of_its_own() -> None:
    shapes = [shape(severity) for severity in Severity]
    assert not any(a == b for n, a in enumerate(shapes) for b in shapes[:n])


def test_the_least_severity_is_a_ring_open_in_the_middle() -> None:
    middle = SIDE // 2
    assert shape(Severity.INFO).pixelColor(middle, middle) == PAPER
    assert all(
        shape(severity).pixelColor(middle, middle) == INK
        for severity in Severity
        if severity is not Severity.INFO
    )


@pytest.mark.parametrize("severity", list(Severity))
def test_a_shape_stays_in_its_box(severity: Severity) -> None:
    image = shape(severity)
    edge = [(x, y) for x in range(SIDE) for y in (0, 1, SIDE - 2, SIDE - 1)]
    assert all(image.pixelColor(x, y) == PAPER for x, y in edge)


def test_painting_a_shape_leaves_the_painter_as_it_was() -> None:
    image = canvas()
    painter = QPainter(image)
    before = painter.pen(), painter.brush()
    paint_severity_shape(painter, QRectF(4, 4, 24, 24), Severity.HIGH, INK)
    assert (painter.pen(), painter.brush()) == before
    painter.end()


def test_a_bar_is_as_long_as_its_share() -> None:
    half, whole = n_of(bar(0.5), INK), n_of(bar(1.0), INK)
    assert half == pytest.approx(whole / 2, rel=0.05)


def test_a_share_above_one_fills_the_bar_and_no_more() -> None:
    assert bar(7.0) == bar(1.0)


def test_nothing_is_drawn_over_the_track_for_nothing() -> None:
    assert n_of(bar(0.0), INK) == 0
    assert n_of(bar(0.0), TRACK) > 0


def test_the_least_share_can_still_be_seen() -> None:
    image = bar(0.000_1)
    assert any(image.pixelColor(x, 10).red() > 60 for x in range(3))


def test_a_severity_cell_is_drawn_in_the_colour_of_its_severity(qtbot: QtBot) -> None:
    theme = Theme("dark")
    image = cell(SeverityDelegate, theme, qtbot, severity=Severity.CRITICAL)
    assert n_of(image, theme.severity_color(Severity.CRITICAL)) > 10


def test_a_cell_without_severity_draws_no_word(qtbot: QtBot) -> None:
    theme = Theme("dark")
    assert cell(SeverityDelegate, theme, qtbot) == cell(BarDelegate, theme, qtbot)


def test_the_models_own_text_is_never_drawn_under_the_word(qtbot: QtBot) -> None:
    theme = Theme("dark")
    image = cell(SeverityDelegate, theme, qtbot)
    ground = image.pixelColor(0, 0)
    assert n_of(image, ground) == image.width() * image.height()


@pytest.mark.parametrize("severity", [None, Severity.LOW])
def test_a_bar_cell_takes_the_colour_of_its_severity_or_the_accent(
    qtbot: QtBot, severity: Severity | None
) -> None:
    theme = Theme("dark")
    roles = {} if severity is None else {"severity": severity}
    image = cell(BarDelegate, theme, qtbot, share=1.0, **roles)
    color = theme.color("accent") if severity is None else theme.severity_color(severity)
    assert image.pixelColor(80, 13) == color


def test_a_severity_cell_follows_the_theme(qtbot: QtBot) -> None:
    theme = Theme("dark")
    dark = cell(SeverityDelegate, theme, qtbot, severity=Severity.HIGH)
    theme.set_choice("light")
    assert cell(SeverityDelegate, theme, qtbot, severity=Severity.HIGH) != dark
