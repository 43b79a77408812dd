"""The list of all changes: newest first, in pages, searched, and inert."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import Disposition
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.text import has_hidden
from soc_copilot.governance.database import Governance
from soc_copilot.ui.models.alert_changes import (
    PAGE_ROWS,
    ROLE_CHANGE,
    AlertChangeModel,
    ChangeColumn,
)
from tests.ui.alerts_support import finding, raise_alerts
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench

Role = Qt.ItemDataRole
ROOT = QModelIndex()


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def loaded(bench: DeskBench) -> AlertChangeModel:
    model = AlertChangeModel(bench.desk)
    model.reload()
    bench.settle()
    return model


def column(model: AlertChangeModel, of: ChangeColumn) -> list[str]:
    return [model.index(row, of).data() for row in range(model.rowCount())]


def test_the_model_keeps_qts_rules_empty_full_paged_and_searched(
    bench: DeskBench, qtmodeltester: ModelTester
) -> None:
    model = loaded(bench)
    qtmodeltester.check(model, force_py=True)  # goes on checking at every change below
    raise_alerts(bench.governance, [finding(n) for n in range(PAGE_ROWS + 44)])
    model.reload()
    bench.settle()
    model.fetchMore(ROOT)  # the checker may have asked already
    bench.settle()
    assert model.rowCount() == PAGE_ROWS + 44
    assert not model.canFetchMore(ROOT)
    model.set_text("no such word")
    bench.settle()
    assert model.rowCount() == 0


def test_the_newest_change_comes_first(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(1)])
    bench.governance.alerts.acknowledge([1])
    model = loaded(bench)
    ids = [model.index(row, 0).data(ROLE_CHANGE).id for row in range(model.rowCount())]
    assert ids == sorted(ids, reverse=True)
    assert model.index(model.rowCount() - 1, ChangeColumn.FIELD).data() == "raised"


def test_no_change_is_lost_or_repeated_between_pages(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(n) for n in range(PAGE_ROWS + 10)])
    model = loaded(bench)
    model.fetchMore(ROOT)
    bench.settle()
    alerts = column(model, ChangeColumn.ALERT)
    assert sorted(map(int, alerts)) == list(range(1, PAGE_ROWS + 11))


def test_a_judgement_is_told_in_words(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(1)])
    bench.governance.alerts.close([1], Disposition.FALSE_POSITIVE)
    assert "false positive" in column(loaded(bench), ChangeColumn.NEW)


def test_a_note_keeps_its_underscores(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(1)])
    bench.governance.alerts.add_note([1], "file_name")
    assert "file_name" in column(loaded(bench), ChangeColumn.NEW)


def test_words_typed_while_a_page_is_read_win(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(n) for n in range(5)])
    bench.governance.alerts.add_note([3], "needle")
    model = AlertChangeModel(bench.desk)
    model.reload()  # still on its way
    model.set_text("needle")
    bench.settle()
    assert column(model, ChangeColumn.ALERT) == ["3"]


def test_what_the_row_above_says_already_is_quiet(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(1)])
    bench.governance.alerts.close([1], Disposition.BENIGN)
    model = loaded(bench)
    first, second = (model.index(row, ChangeColumn.ACTOR) for row in (0, 1))
    assert first.data(Role.ForegroundRole) is None
    assert second.data(Role.ForegroundRole) == bench.desk.theme.color("muted")


def test_another_time_zone_repaints_what_is_shown(bench: DeskBench, qtbot: QtBot) -> None:
    raise_alerts(bench.governance, [finding(1)])
    model = loaded(bench)
    with qtbot.waitSignal(model.dataChanged) as told:
        bench.desk.times.changed.emit()
    assert told.args[1].column() == len(ChangeColumn) - 1


def test_a_failed_read_is_told_and_another_one_is_possible(
    bench: DeskBench, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    raise_alerts(bench.governance, [finding(1)])
    model = AlertChangeModel(bench.desk)
    store = type(bench.governance.alerts)
    with monkeypatch.context() as patch:
        patch.setattr(store, "history", lambda *_: 1 // 0)
        with qtbot.waitSignal(model.failed):
            model.reload()
    model.reload()
    bench.settle()
    assert model.rowCount() == 1


def test_words_typed_while_a_read_fails_are_still_searched(
    bench: DeskBench, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    raise_alerts(bench.governance, [finding(n) for n in range(5)])
    bench.governance.alerts.add_note([3], "needle")
    model, calls = AlertChangeModel(bench.desk), []
    store = type(bench.governance.alerts)
    history = store.history

    def flaky(alerts: object, *args: object) -> object:
        calls.append(args)
        return history(alerts, *args) if len(calls) > 1 else 1 // 0  # type: ignore[arg-type]

    monkeypatch.setattr(store, "history", flaky)
    model.reload()
    model.set_text("needle")
    bench.settle()
    assert column(model, ChangeColumn.ALERT) == ["3"]


def test_hostile_notes_and_names_are_shown_inert(bench: DeskBench) -> None:
    raise_alerts(bench.governance, [finding(1)])
    home = bench.folder / "db"
    with_name = Governance.open(home / "governance.db", actor=Actor(HOSTILE, "window"), home=home)
    with_name.alerts.add_note([1], HOSTILE + "A" * 8_192)
    with_name.close()
    model = loaded(bench)
    assert SHOWN in column(model, ChangeColumn.ACTOR)
    for of in ChangeColumn:
        index = model.index(0, of)
        assert not has_hidden(index.data())
        assert len(index.data()) <= 240
        assert "<img" not in index.data(Role.ToolTipRole)
