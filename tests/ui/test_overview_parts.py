"""The Overview's small drawings: what they show, and what the mouse and the keys choose."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.overview_parts import ROW_PX, Bar, BarList, ScoreBars, Sparkline, Tile

RED = QColor("#ff0000")
HEADING = Bar("", "Entities", 0, "", RED, is_heading=True)


def bar(key: str, name: str = "", share: float = 1.0) -> Bar:
    return Bar(key, name or key, share, "7", RED)


def bar_list(qtbot: QtBot, *bars: Bar, wide: int = 300, rows: int = 8) -> tuple[BarList, list[str]]:
    made, chosen = BarList(Theme("dark"), "Nothing."), []
    qtbot.addWidget(made)
    made.resize(wide, rows * ROW_PX)
    made.set_bars(bars)
    made.show()
    made.chosen.connect(chosen.append)
    return made, chosen


def n_red(image: QImage) -> int:
    return sum(
        image.pixelColor(x, y) == RED for x in range(image.width()) for y in range(image.height())
    )


def spark_image(qtbot: QtBot, values: list[float]) -> QImage:
    spark = Sparkline(Theme("dark"), "accent")
    qtbot.addWidget(spark)
    spark.resize(100, 32)
    spark.set_values(np.array(values))
    return spark.grab().toImage()


def at_row(row: int) -> QPoint:
    return QPoint(20, row * ROW_PX + ROW_PX // 2)


@pytest.mark.parametrize("values", [[1.0], [np.nan, 3.0, np.nan], [np.nan] * 4])
def test_less_than_two_values_make_no_line(qtbot: QtBot, values: list[float]) -> None:
    assert spark_image(qtbot, values) == spark_image(qtbot, [])


def test_two_values_make_a_line(qtbot: QtBot) -> None:
    assert spark_image(qtbot, [1.0, 2.0]) != spark_image(qtbot, [])


def test_a_series_of_zeros_is_a_line_at_the_bottom(qtbot: QtBot) -> None:
    image, nothing = spark_image(qtbot, [0.0, 0.0]), spark_image(qtbot, [])
    rows = {y for y in range(32) for x in range(100) if image.pixel(x, y) != nothing.pixel(x, y)}
    assert min(rows) >= 28


def test_a_tile_hides_the_words_it_was_not_given(qtbot: QtBot) -> None:
    tile = Tile(Theme("dark"), "Open alerts", "critical")
    qtbot.addWidget(tile)
    tile.show_number("3", ("2 critical", "critical"), ("1 high", "high"))
    tile.show_number("1", ("1 low", "low"))
    assert [label.text() for label in tile.words if not label.isHidden()] == ["1 low"]


def test_a_screen_reader_hears_a_tiles_number_and_words(qtbot: QtBot) -> None:
    tile = Tile(Theme("dark"), "Open alerts", "critical")
    qtbot.addWidget(tile)
    tile.show_number("3", ("2 critical", "critical"))
    assert tile.accessibleName() == "Open alerts"
    assert tile.accessibleDescription() == "3 2 critical"


def test_a_click_chooses_the_row_below_the_mouse(qtbot: QtBot) -> None:
    made, chosen = bar_list(qtbot, bar("a"), bar("b"))
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=at_row(1))
    assert chosen == ["b"]


def test_the_right_button_chooses_nothing(qtbot: QtBot) -> None:
    made, chosen = bar_list(qtbot, bar("a"))
    qtbot.mouseClick(made, Qt.MouseButton.RightButton, pos=at_row(0))
    assert chosen == []


@pytest.mark.parametrize("row", [0, 5])
def test_a_heading_and_the_room_below_the_rows_cannot_be_chosen(qtbot: QtBot, row: int) -> None:
    made, chosen = bar_list(qtbot, HEADING, bar("a"))
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=at_row(row))
    assert chosen == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([Qt.Key.Key_Down], ["a"]),
        ([Qt.Key.Key_Down] * 2, ["b"]),
        ([Qt.Key.Key_Down] * 2 + [Qt.Key.Key_Up], ["a"]),
        ([Qt.Key.Key_Down] * 9, ["b"]),
        ([Qt.Key.Key_Down, Qt.Key.Key_Up], ["a"]),
        ([], []),
    ],
    ids=["first", "over the heading", "back", "stays at the end", "stays at the start", "none"],
)
def test_the_arrows_pass_over_headings(
    qtbot: QtBot, keys: list[Qt.Key], expected: list[str]
) -> None:
    made, chosen = bar_list(qtbot, HEADING, bar("a"), HEADING, bar("b"))
    for key in [*keys, Qt.Key.Key_Return]:
        qtbot.keyClick(made, key)
    assert chosen == expected


def test_a_row_that_is_not_drawn_cannot_be_chosen(qtbot: QtBot) -> None:
    made, chosen = bar_list(qtbot, *(bar(f"{n}") for n in range(9)), rows=4)
    for _ in range(9):
        qtbot.keyClick(made, Qt.Key.Key_Down)
    qtbot.keyClick(made, Qt.Key.Key_Return)
    assert chosen == ["3"]


def test_a_bar_is_as_long_as_its_share(qtbot: QtBot) -> None:
    red = [n_red(bar_list(qtbot, bar("a", share=share))[0].grab().toImage()) for share in (0.5, 1)]
    assert red[1] == pytest.approx(2 * red[0], rel=0.1)


def test_a_name_takes_the_room_it_needs_before_the_bar(qtbot: QtBot) -> None:
    name = "T1190 Exploit Public-Facing Application"
    made, _ = bar_list(qtbot, bar("a", name), wide=500)
    need = made.fontMetrics().horizontalAdvance(name)
    assert made._columns(made.fontMetrics())[0] > need


def test_a_name_too_long_leaves_the_bar_its_room(qtbot: QtBot) -> None:
    made, _ = bar_list(qtbot, bar("a", "a name that fills the whole row" * 3))
    assert n_red(made.grab().toImage()) > 0


def test_where_no_bar_fits_none_is_drawn(qtbot: QtBot) -> None:
    made, _ = bar_list(qtbot, bar("a", "a name that fills the whole row" * 3), wide=60)
    assert n_red(made.grab().toImage()) == 0


def test_a_cut_name_is_whole_in_the_tooltip(qtbot: QtBot) -> None:
    made, _ = bar_list(qtbot, bar("a", "n" * 120))
    for row in (1, 0):
        qtbot.mouseMove(made, at_row(row))
    qtbot.waitUntil(lambda: "n" * 120 in made.toolTip())


def test_scores_are_told_in_words_for_the_place_below_the_mouse(qtbot: QtBot) -> None:
    scores = ScoreBars(Theme("dark"))
    qtbot.addWidget(scores)
    scores.resize(200, 116)
    counts = np.arange(20, dtype=np.int64) * 1_000
    scores.set_scores({"auth": np.zeros(20, np.int64), "web": counts})
    assert scores.describe(199, 60) == "web: 19,000 events scored 0.95 to 1.00"
    assert scores.describe(0, 0) == "auth: 0 events scored 0.00 to 0.05"


def test_without_scores_nothing_is_claimed(qtbot: QtBot) -> None:
    scores = ScoreBars(Theme("dark"))
    qtbot.addWidget(scores)
    assert scores.describe(10, 10) == ""


def test_scores_follow_the_theme(qtbot: QtBot) -> None:
    theme = Theme("dark")
    scores = ScoreBars(theme)
    qtbot.addWidget(scores)
    scores.set_scores({"web": np.ones(20, np.int64)})
    before = scores.grab().toImage()
    theme.set_choice("light")
    assert scores.grab().toImage() != before
