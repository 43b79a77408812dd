from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import AuditRow
from soc_copilot.ui.models import audit as audit_model
from soc_copilot.ui.models.audit import AuditTableModel, change_text
from tests.ui.desk_support import DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def record(bench: DeskBench, count: int, action: str = "alert.acknowledged") -> None:
    for number in range(count):
        bench.governance.audit.record(action, f"alert {number}", "new", "acknowledged", None)


def seqs(model: AuditTableModel) -> list[int]:
    return [model.row_at(line).seq for line in range(model.rowCount())]


def test_the_model_keeps_its_promises(bench, qtmodeltester, monkeypatch):
    monkeypatch.setattr(audit_model, "PAGE_ROWS", 4)
    model = AuditTableModel(bench.desk)
    qtmodeltester.check(model)
    record(bench, 10)
    model.reload()
    bench.settle()
    model.fetchMore(QModelIndex())
    bench.settle()
    record(bench, 2)
    model.pull_new()
    bench.settle()
    shown = seqs(model)  # the checker fetches pages of its own accord
    assert shown == list(range(13, 13 - len(shown), -1))


def test_rows_come_page_by_page_newest_first(bench, monkeypatch):
    monkeypatch.setattr(audit_model, "PAGE_ROWS", 4)
    record(bench, 9)  # row 1 says that the database was made
    model = AuditTableModel(bench.desk)
    model.reload()
    bench.settle()
    assert seqs(model) == [10, 9, 8, 7]
    while model.canFetchMore(QModelIndex()):
        model.fetchMore(QModelIndex())
        bench.settle()
    assert seqs(model) == list(range(10, 0, -1))
    assert model.is_exhausted


def test_new_rows_come_on_top_and_a_long_way_behind_starts_again(bench, monkeypatch):
    monkeypatch.setattr(audit_model, "PAGE_ROWS", 4)
    model = AuditTableModel(bench.desk)
    model.pull_new()
    bench.settle()
    assert seqs(model) == [1]
    record(bench, 2)
    model.pull_new()
    bench.settle()
    assert seqs(model) == [3, 2, 1]
    record(bench, 20)
    model.pull_new()
    bench.settle()
    assert seqs(model) == [23, 22, 21, 20]


def test_words_narrow_the_rows_and_what_came_late_for_other_words_is_dropped(bench):
    record(bench, 5)
    bench.governance.kill_switch.engage("noisy deploy")
    model = AuditTableModel(bench.desk)
    model.set_text("nothing like this")
    model.set_text("KILLSWITCH noisy")
    bench.settle()
    assert [model.row_at(0).action, model.rowCount()] == ["killswitch.engaged", 1]
    model.set_text("100% _")
    bench.settle()
    assert model.rowCount() == 0


@pytest.mark.parametrize(
    ("old", "new", "reason", "text"),
    [
        ("a", "b", "why", "a → b: why"),
        (None, "b", None, "b"),
        ("a", None, "gone", "was a: gone"),
        (None, None, None, ""),
    ],
)
def test_a_change_is_told_in_one_line(bench, old, new, reason, text):
    row = AuditRow(1, bench.governance.audit.rows()[0].at, "", "", "", "", old, new, reason, "")
    assert change_text(row) == text
