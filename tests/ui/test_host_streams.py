"""The table of streams stays sound while lines come, go and change places."""

import itertools

import pytest
from PySide6.QtCore import QItemSelectionModel, QPersistentModelIndex
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.host_rows import HostFacts, HostRow, assemble
from soc_copilot.ui.models.host_streams import ROLE_STRIP, Column, StreamTableModel, Strip
from soc_copilot.ui.models.rows import Role
from soc_copilot.ui.stream_history import N_COLUMNS, StreamHistory
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_SEVERITY
from soc_copilot.ui.widgets.tables import desk_table
from tests.ui.desk_support import HOSTILE, SHOWN
from tests.ui.host_support import judged

NOTHING = HostFacts({1: HOSTILE}, (), ())


@pytest.fixture
def history() -> StreamHistory:
    return StreamHistory()


@pytest.fixture
def model(qtbot: QtBot, history: StreamHistory) -> StreamTableModel:
    return StreamTableModel(history, TimeFormat("UTC"))


def rows_of(history: StreamHistory, *scores: float) -> tuple[HostRow, ...]:
    for number, score in enumerate(scores):
        history.take([judged(score, f"1/host-{number}")], utc_now().timestamp())
    return assemble(history.records("host"), NOTHING)


def test_it_is_sound_empty_full_and_replaced(
    model: StreamTableModel, history: StreamHistory, qtmodeltester: ModelTester
) -> None:
    qtmodeltester.check(model, force_py=True)
    rows = rows_of(history, 0.1, 0.5, 0.9)
    for order in itertools.permutations(rows):
        for some in (order, order[:1], order[1:], (), order[:2]):
            model.set_rows(some)
            assert [row.key for row in model.rows] == [row.key for row in some]
    assert model.data(model.index(9, 0)) is None


def test_a_selected_stream_stays_selected_wherever_its_line_goes(
    model: StreamTableModel, history: StreamHistory, qtbot: QtBot
) -> None:
    view = desk_table(model, "streams", {})
    qtbot.addWidget(view)
    calm, raised, bad = reversed(rows_of(history, 0.1, 0.5, 0.9))
    model.set_rows((calm, raised))
    flags = QItemSelectionModel.SelectionFlag
    view.selectionModel().setCurrentIndex(model.index(0, 0), flags.ClearAndSelect | flags.Rows)
    kept = QPersistentModelIndex(model.index(1, Column.SCORE))
    model.set_rows((bad, raised, calm))
    (selected,) = view.selectionModel().selectedRows()
    assert model.row(selected.row()) is calm
    assert (kept.row(), kept.column()) == (1, Column.SCORE)
    model.set_rows((bad, raised))
    (selected,) = view.selectionModel().selectedRows()
    assert model.row(selected.row()) is raised  # its neighbour, once it is gone


def test_a_line_says_name_state_scores_and_times(
    model: StreamTableModel, history: StreamHistory
) -> None:
    model.set_rows(rows_of(history, 0.9))
    history.take([judged(0.1, "1/host-0")], utc_now().timestamp())
    texts = [str(model.index(0, column).data()) for column in Column]
    assert texts == [
        "Threat", f"host-0 · {SHOWN}", "highest 0.90", "0.10", "0.90", "just now", "",
    ]  # fmt: skip
    assert model.index(0, Column.STATE).data(ROLE_SEVERITY) is Severity.CRITICAL
    tip = str(model.index(0, Column.HIGHEST).data(Role.ToolTipRole))
    assert "a threat from 0.80 on" in tip
    assert "<img" not in str(model.index(0, Column.STREAM).data(Role.ToolTipRole))
    assert model.place_of("1/host-0") == 0
    assert model.place_of("none") is None


def test_the_strip_has_a_column_for_each_five_seconds(
    model: StreamTableModel, history: StreamHistory
) -> None:
    model.set_rows(rows_of(history, 0.9))
    strip = model.index(0, Column.STRIP).data(ROLE_STRIP)
    assert isinstance(strip, Strip)
    assert strip.cells is not None
    assert strip.cells.shape == (N_COLUMNS,)
    assert abs(float(strip.cells[-1]) - 0.9) < 1e-6
    assert strip.threshold == 0.8


def test_a_thousand_streams_are_brought_up_to_date_in_an_instant(
    model: StreamTableModel, history: StreamHistory
) -> None:
    rows = rows_of(history, *(0.1 + i % 7 / 100 for i in range(1_000)))
    model.set_rows(rows)
    model.set_rows(tuple(reversed(rows)))
    assert model.rowCount() == 1_000
