"""The tables about one source: files, what happened, lines that wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import BatchCommit, StoredPartial
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    PartialLine,
    PositionMove,
    SourceEvent,
)
from soc_copilot.ui.models.source_parts import (
    EventColumn,
    PartialColumn,
    PartialModel,
    PositionModel,
    SourceEventModel,
    file_name,
)
from soc_copilot.ui.models.source_parts import PositionColumn as Column
from soc_copilot.ui.source_facts import EVENTS_PAGE, read_more
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench

HOUR_NS = 3_600_000_000_000


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def happened(bench: DeskBench, *events: SourceEvent) -> int:
    """Store what happened to a new source; its id."""
    source = bench.governance.sources.add("file", bench.folder / "a.log")
    at = Checkpoint(source.id, 1, source.path, 0)
    move = PositionMove(-1, at, LedgerDelta(), events=events)
    bench.governance.batches.store(BatchCommit(0, (), (move,)))
    return source.id


def event_texts(model: SourceEventModel, row: int) -> list[str]:
    return [model.index(row, column).data() for column in EventColumn]


def texts(model: PositionModel, row: int) -> list[str]:
    return [model.index(row, column).data() for column in Column]


def test_the_newest_generation_comes_first(qtmodeltester):
    model = PositionModel()
    qtmodeltester.check(model)
    old = Checkpoint(1, 1, "/var/log/a.log", 8_000, 8_000, finished=True)
    new = Checkpoint(1, 2, "/var/log/a.log", 250, 1_000)
    model.show_positions((old, new))
    assert texts(model, 0) == ["2", "a.log", "250", "1,000", "25%", "-", "Open"]
    assert texts(model, 1) == ["1", "a.log", "8,000", "8,000", "100%", "-", "Finished"]
    model.show_positions((old,))
    assert model.rowCount() == 1


def test_the_share_read_of_a_packed_or_empty_file_is_not_guessed():
    model = PositionModel()
    model.show_positions((Checkpoint(1, 1, "a.gz", 900, 100, compression="gzip"),))
    assert texts(model, 0)[Column.READ] == "-"
    model.show_positions((Checkpoint(1, 1, "a.log", 0, 0),))
    assert texts(model, 0)[Column.READ] == "-"


def test_a_hostile_file_name_is_shown_inert():
    model = PositionModel()
    model.show_positions((Checkpoint(1, 1, HOSTILE.replace("/", "_"), 0),))
    assert texts(model, 0)[Column.FILE] == SHOWN.replace("/", "_")


def test_names_of_files_come_from_either_platform():
    assert file_name("/var/log/a.log") == "a.log"
    assert file_name(r"C:\logs\a.evtx") == "a.evtx"
    assert file_name("") == ""


def test_what_happened_is_listed_newest_first_and_a_loss_stands_out(bench, qtmodeltester):
    source_id = happened(
        bench,
        SourceEvent("rotated", "a.log was rotated.", 1 * HOUR_NS),
        SourceEvent("overflow", "The queue ran over.", 2 * HOUR_NS, 0, True, 213),
        SourceEvent("truncated", "Cut meanwhile.", 3 * HOUR_NS, 1, True, None),
    )
    model = SourceEventModel(bench.desk)
    qtmodeltester.check(model)
    model.show_events(source_id, read_more(bench.governance, source_id).events)
    assert event_texts(model, 0)[1:] == ["Truncated", "maybe", "Cut meanwhile."]
    assert event_texts(model, 1)[1:] == ["Overflow", "213", "The queue ran over."]
    assert event_texts(model, 2)[1:] == ["Rotated", "", "a.log was rotated."]
    assert model.n_losses == 2
    critical = bench.desk.theme.color("critical")
    for column in (EventColumn.WHAT, EventColumn.LOST):
        assert model.index(1, column).data(Qt.ItemDataRole.ForegroundRole) == critical
        assert model.index(2, column).data(Qt.ItemDataRole.ForegroundRole) is None
    assert not model.index(1, EventColumn.WHAT).data(Qt.ItemDataRole.DecorationRole).isNull()


def test_older_pages_follow_by_key_and_stay_when_something_new_happens(bench, qtbot):
    many = [SourceEvent("note", f"note {n}", n * HOUR_NS) for n in range(EVENTS_PAGE + 5)]
    source_id = happened(bench, *many)
    model = SourceEventModel(bench.desk)
    model.show_events(source_id, read_more(bench.governance, source_id).events)
    assert model.rowCount() == EVENTS_PAGE
    model.fetchMore(model.index(-1, -1))
    bench.settle()
    assert model.rowCount() == EVENTS_PAGE + 5
    assert event_texts(model, EVENTS_PAGE + 4)[3] == "note 0"
    assert not model.canFetchMore(model.index(-1, -1))
    source = bench.governance.sources.get(source_id)
    at = Checkpoint(source_id, 1, source.path, 0)
    new = SourceEvent("note", "new", 999 * HOUR_NS)
    move = PositionMove(0, at, LedgerDelta(), events=(new,))
    bench.governance.batches.store(BatchCommit(0, (), (move,)))
    model.show_events(source_id, read_more(bench.governance, source_id).events)
    assert model.rowCount() == EVENTS_PAGE + 6
    assert event_texts(model, 0)[3] == "new"


def test_what_the_reader_said_is_shown_until_it_is_stored(bench):
    source_id = happened(bench, SourceEvent("rotated", "a.log was rotated.", HOUR_NS))
    events = read_more(bench.governance, source_id).events
    model = SourceEventModel(bench.desk)
    model.show_events(source_id, events, ("a.log was rotated.", HOSTILE))
    assert event_texts(model, 0) == ["this run", "Note", "", SHOWN]
    assert model.rowCount() == 2
    tip = model.index(0, EventColumn.MESSAGE).data(Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip


def test_lines_that_wait_are_shown_in_letters_of_one_width(bench, qtmodeltester):
    model = PartialModel(bench.desk)
    qtmodeltester.check(model)
    waits = StoredPartial(1, 1, "/var/log/a.log", PartialLine(1_200, 57, HOSTILE, HOUR_NS))
    model.show_partials((waits,))
    texts = [model.index(0, column).data() for column in PartialColumn]
    assert texts == ["a.log", "1,200", "57", "1970-01-01 01:00", SHOWN]
    font = model.index(0, PartialColumn.TEXT).data(Qt.ItemDataRole.FontRole)
    assert font == bench.desk.theme.mono_font()
    model.show_partials(())
    assert model.rowCount() == 0
