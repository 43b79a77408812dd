import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertRow, AlertStatus
from soc_copilot.ui.models.alert_pages import PAGE_ROWS, TAIL_ROWS, matches
from soc_copilot.ui.models.alerts import ROLE_ROW, Column, count_text, score_text
from tests.ui.alerts_support import Bench, bench, finding, raise_alerts


def loaded(made: Bench) -> Any:
    model = made.page.model
    model.set_query(AlertFilter())
    made.settle()
    return model


def ids(model: Any) -> list[int]:
    return [model.index(n, 0).data(ROLE_ROW).id for n in range(model.rowCount())]


def test_model_keeps_qts_rules_when_full(
    qtbot: QtBot, qtmodeltester: ModelTester, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(300)]) as made:
        qtmodeltester.check(loaded(made), force_py=True)


def test_model_keeps_qts_rules_from_empty_through_live_inserts(
    qtbot: QtBot, qtmodeltester: ModelTester, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path) as made:
        model = loaded(made)
        qtmodeltester.check(model, force_py=True)  # and after every change from here on
        raise_alerts(made.governance, [finding(n) for n in range(300)])
        model.poll()
        made.settle()
        assert model.rowCount() == PAGE_ROWS
        raise_alerts(made.governance, [finding(n) for n in range(300, 310)])
        model.poll()
        made.settle()
        assert ids(model)[:11] == list(range(310, 299, -1))


def test_history_model_keeps_qts_rules(
    qtbot: QtBot, qtmodeltester: ModelTester, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(300)]) as made:
        model = made.page.history.model
        qtmodeltester.check(model, force_py=True)
        model.reload()
        qtbot.waitUntil(lambda: model.rowCount() >= PAGE_ROWS)
        model.fetchMore(QModelIndex())
        qtbot.waitUntil(lambda: model.rowCount() == 300)


def test_an_alert_that_grows_moves_up_only_when_nothing_is_held(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(5)]) as made:
        model = loaded(made)
        held = {"on": True}
        model.hold = lambda: held["on"]
        grown = finding(1, last_seen=finding(60).last_seen)
        raise_alerts(made.governance, [grown])
        model.poll()
        made.settle()
        assert ids(model) == [5, 4, 3, 2, 1]
        assert model.index(3, Column.COUNT).data() == "4"
        assert model.n_pending == 0  # it is on the screen already
        held["on"] = False
        model.poll()
        made.settle()
        assert ids(model) == [2, 5, 4, 3, 1]


def test_twenty_thousand_alerts_are_read_page_by_page_at_one_price(
    qtbot: QtBot, tmp_path: Path
) -> None:
    n_alerts = 20_000
    with bench(qtbot, tmp_path, [finding(n) for n in range(n_alerts)]) as made:
        made.load()
        model = made.page.model
        assert model.rowCount() == PAGE_ROWS
        while model.canFetchMore(QModelIndex()):
            model.fetchMore(QModelIndex())
            made.settle()
        assert ids(model) == list(range(n_alerts, 0, -1))
        near, far = page_s(made, model.row_at(300), model.row_at(n_alerts - 300))
        assert far < 5 * near + 0.005  # a page is found by key: depth costs nothing


def page_s(made: Bench, *rows: AlertRow) -> tuple[float, ...]:
    """The least time of reading the page after each row, seconds: what else runs adds to it."""
    took: list[list[float]] = [[] for _ in rows]
    for _ in range(9):
        for row, times in zip(rows, took, strict=True):
            start = time.perf_counter()
            place = AlertCursor(row.last_seen, row.id)
            made.governance.alerts.page(AlertFilter(), place, PAGE_ROWS)
            times.append(time.perf_counter() - start)
    return tuple(map(min, took))


def test_the_far_end_is_reached_at_once_and_left_page_by_page(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(2_000)]) as made:
        made.load()
        page, model = made.page, made.page.model
        made.act("last")
        assert page.table.currentIndex().data(ROLE_ROW).id == 1
        assert ids(model) == list(range(TAIL_ROWS, 0, -1))
        assert page.table.pill.isVisible()
        raise_alerts(made.governance, [finding(3_000)])
        made.desk.alerts_changed.emit()
        made.settle()
        assert model.rowCount() == TAIL_ROWS
        page.table.go_to(0)
        seen = page.table.currentIndex().data(ROLE_ROW)
        top = page.table.visualRect(page.table.currentIndex()).top()
        made.settle()
        assert ids(model)[0] == TAIL_ROWS + PAGE_ROWS
        assert page.table.currentIndex().data(ROLE_ROW) == seen
        assert page.table.visualRect(page.table.currentIndex()).top() == top
        while model.has_gap:
            model.fetch_above()
            made.settle()
        assert ids(model) == list(range(2_001, 0, -1))
        made.act("last")
        assert page.table.current_row() == 2_000


def test_the_newest_alert_is_one_step_from_the_far_end(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(2_000)]) as made:
        made.load()
        made.act("last")
        made.act("first")
        assert not made.page.model.has_gap
        assert ids(made.page.model)[0] == 2_000
        assert not made.page.table.pill.isVisible()


def test_a_row_is_matched_against_every_part_of_a_query_but_the_text(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path, [finding(1)]) as made:
        row = loaded(made).row_at(0)
    assert matches(row, AlertFilter(text="whatever"))
    assert matches(row, AlertFilter(entity=row.entity, technique=row.technique))
    for query in (
        AlertFilter(severities=(type(row.severity)(4),)),
        AlertFilter(statuses=(AlertStatus.CLOSED,)),
        AlertFilter(detectors=("other",)),
        AlertFilter(until=row.first_seen),
        AlertFilter(since=finding(2).last_seen),
        AlertFilter(entity="other"),
        AlertFilter(technique="other"),
    ):
        assert not matches(row, query)


def test_cells_are_aligned_and_explained(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path, [finding(1)]) as made:
        model = loaded(made)
        count = model.index(0, Column.COUNT)
        assert count.data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
        tip = model.index(0, Column.TECHNIQUE).data(Qt.ItemDataRole.ToolTipRole)
        assert "Exploit Public-Facing Application" in tip
        assert "2026-03-04 12:00:01 UTC" in model.index(0, Column.LAST_SEEN).data(
            Qt.ItemDataRole.ToolTipRole
        )
    assert [score_text(s) for s in (0.9981, 0.5, 1.0, 0.9999)] == [".998", ".500", "1.00", "1.00"]
    assert [count_text(n) for n in (1, 99_999, 120_400, 1_203_620)] == [
        "1",
        "99,999",
        "120k",
        "1.2M",
    ]
