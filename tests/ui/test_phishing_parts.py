"""Parts of the Phishing page: a verdict is colour, shape and word; tables sort and stay put."""

from PySide6.QtCore import QPersistentModelIndex, Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.phishing import Prediction, Reason
from soc_copilot.ui.models.phishing_tables import (
    AttachmentModel,
    CheckedColumn,
    CheckedModel,
    LinkModel,
)
from soc_copilot.ui.phishing_checks import CheckedRow, Given
from soc_copilot.ui.phishing_facts import HeaderFact
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.phishing_parts import (
    SHAPES,
    FactGrid,
    ReasonList,
    ScoreBar,
    VerdictBadge,
    VerdictDelegate,
)
from soc_copilot.ui.widgets.tables import desk_table


def row(number: int, prediction: Prediction | None, score: float, title: str = "") -> CheckedRow:
    return CheckedRow(number, Given(f"{number}.eml"), "email", prediction, score, title=title)


def test_every_verdict_has_a_shape_of_its_own() -> None:
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_the_table_paints_verdicts_in_their_colours(qtbot: QtBot) -> None:
    theme, model = Theme("light"), CheckedModel()
    model.add([row(1, "phish", 0.9), row(2, "benign", 0.1)])
    table = desk_table(model, "Checked", {CheckedColumn.VERDICT: 140}, sortable=True)
    qtbot.addWidget(table)
    table.setItemDelegateForColumn(CheckedColumn.VERDICT, VerdictDelegate(theme, table))
    table.resize(600, 200)
    image = table.grab().toImage()
    inks = {image.pixelColor(x, y).name() for x in range(150) for y in range(image.height())}
    assert {theme.hex("critical"), theme.hex("ok")} <= inks


def test_rows_come_in_at_their_places_and_what_is_held_moves_along() -> None:
    model = CheckedModel()
    model.sort(CheckedColumn.SCORE, Qt.SortOrder.DescendingOrder)
    model.add([row(1, "benign", 0.1), row(2, "phish", 0.9)])
    held = QPersistentModelIndex(model.index(1, 0))
    model.add([row(3, "suspicious", 0.5), row(4, None, 0.0)])
    assert [one.number for one in model.rows] == [2, 3, 1, 4]
    assert held.row() == 2
    assert model.counts == {"phish": 1, "suspicious": 1, "benign": 1, None: 1}
    model.put(row(1, "phish", 0.95))
    assert (held.row(), model.place_of(1)) == (0, 0)
    for column in CheckedColumn:
        model.sort(column, Qt.SortOrder.AscendingOrder)
        assert sorted(one.number for one in model.rows) == [1, 2, 3, 4]
    model.clear()
    assert model.rowCount() == 0


def test_reasons_and_facts_fill_the_rows_there_are(qtbot: QtBot) -> None:
    theme = Theme("dark")
    reasons, facts, bar, badge = ReasonList(theme), FactGrid(), ScoreBar(theme), VerdictBadge(theme)
    for widget in (reasons, facts, bar, badge):
        qtbot.addWidget(widget)
    reasons.show_reasons([Reason("x", f"Reason {n}.", weight=1.0 - n) for n in range(40)])
    assert reasons.texts[:2] == ["Reason 0.", "Reason 1."]
    reasons.show_reasons([])
    assert reasons.texts == []
    facts.show_facts([HeaderFact("From", "a@b.example", "It is odd.", True), HeaderFact("To", "x")])
    assert facts.texts == [("From", "a@b.example", "It is odd."), ("To", "x", "")]
    bar.show_score(0.5, "suspicious")
    badge.set_prediction("suspicious")
    assert (bar.accessibleName(), badge.accessibleName()) == ("Score 0.500", "Suspicious")
    for widget in (bar, badge):
        widget.resize(200, 30)
        assert not widget.grab().isNull()


def test_tables_of_nothing_are_empty() -> None:
    for model in (LinkModel(), AttachmentModel()):
        assert model.rowCount() == 0
        assert model.index(0, 0).data() is None
