import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment, SourceShare
from soc_copilot.domain.errors import (
    KillSwitchEngagedError,
    PositionConflictError,
    StoreError,
)
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.governance import BatchCommit, StoredBatch
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    PartialLine,
    RecordBatch,
    RecordChunk,
    SourceEvent,
    SourceStatus,
)
from soc_copilot.domain.streams import StreamScore
from soc_copilot.domain.web import WebStanding
from soc_copilot.parsing.batch import ParsedBatch
from soc_copilot.pipeline.core import ArchiveEnd, Pipeline
from soc_copilot.pipeline.quarantine import Quarantine


def make_chunk(source_id: int, start: int, n_lines: int, read_ns: int = 0) -> RecordChunk:
    lengths = np.full(n_lines, 2, dtype=np.int64)
    return RecordChunk(
        source_id=source_id,
        generation=1,
        path="a.log",
        start=start,
        data=b"a\n" * n_lines,
        offsets=start + np.arange(n_lines, dtype=np.int64) * 2,
        lengths=lengths,
        read_ns=read_ns,
        checkpoint=Checkpoint(source_id, 1, "a.log", start + 2 * n_lines),
    )


class FakeController:
    def __init__(self, batches: Sequence[RecordBatch]) -> None:
        self.batches = deque(batches)
        self.committed: list[RecordBatch] = []
        self.resets: list[tuple[int, tuple[Checkpoint, ...]]] = []

    def take_batch(self, timeout_s: float) -> RecordBatch | None:
        return self.batches.popleft() if self.batches else None

    def commit(self, batch: RecordBatch) -> None:
        self.committed.append(batch)

    def reset_source(self, source_id: int, checkpoints: tuple[Checkpoint, ...]) -> None:
        self.resets.append((source_id, checkpoints))

    def get_stats(self) -> dict[str, Any]:
        return {"oldest_wait_s": 0.5, "buffer_fill": 0.25}

    def statuses(self) -> tuple[SourceStatus, ...]:
        return (
            SourceStatus(1, "a", "live", lag_bytes=10),
            SourceStatus(2, "b", "live"),
            SourceStatus(3, "c", "behind", lag_bytes=10, lag_s=9.0),
            SourceStatus(4, "d", "behind", lag_bytes=10, lag_s=-1.0),
        )


class FakeParser:
    def __init__(self) -> None:
        self.poison: int | None = None
        self.n_parsed = 0

    def parse(self, batch: RecordBatch) -> ParsedBatch:
        if any(chunk.start == self.poison for chunk in batch.chunks):
            raise ValueError("poison")
        self.n_parsed += 1
        ledger = {
            key: LedgerDelta(
                bytes_seen=sum(chunk.size_bytes for chunk in chunks),
                lines=sum(chunk.n_lines for chunk in chunks),
                parsed=sum(chunk.n_lines for chunk in chunks),
            )
            for key, chunks in batch.by_file()
        }
        ids = [chunk.source_id for chunk in batch.chunks for _ in range(chunk.n_lines)]
        offsets = np.concatenate([chunk.offsets for chunk in batch.chunks])
        frame = pl.DataFrame({c.SOURCE_ID: ids, c.GENERATION: [1] * len(ids), c.OFFSET: offsets})
        return ParsedBatch(EventBatch(batch.sequence, frame), ledger)


COUNTED = WebStanding(6)
JUDGED = StreamScore("fake", "1", 1, "", datetime(2026, 3, 1, tzinfo=UTC), 0.4, 0.5, 6)


class FakeEngine:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def detect(self, events: EventBatch) -> list[Detections]:
        self.calls.append("detect")
        scores = np.linspace(0, 1, events.n_events, dtype=np.float32)
        return [Detections("fake", scores, state=b"s", streams=(JUDGED,), web=COUNTED)]

    def commit(self) -> None:
        self.calls.append("commit")

    def rollback(self) -> None:
        self.calls.append("rollback")

    def health(self) -> tuple[()]:
        return ()


class FakeSink:
    def __init__(self, *answers: Exception | None) -> None:
        self.answers = deque(answers)
        self.commits: list[BatchCommit] = []

    def store(self, commit: BatchCommit) -> StoredBatch:
        answer = self.answers.popleft() if self.answers else None
        if answer is not None:
            raise answer
        self.commits.append(commit)
        return StoredBatch(len(self.commits), stored_ns=3_000_000, raised=(0, 0, 0, 1, 0))


class FakePositions:
    def checkpoints(self, source_id: int) -> tuple[Checkpoint, ...]:
        return (Checkpoint(source_id, 1, "a.log", 99),)


class FakeArchive:
    """Files in memory, and what the database knows of them."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = deque(answers)
        self.files: dict[str, list[int]] = {}
        self.known: set[str] = set()
        self.n_written = 0

    def write(self, events: EventBatch) -> Segment | None:
        answer = self.answers.popleft() if self.answers else None
        if answer is not None:
            raise answer
        self.n_written += 1
        name = f"{self.n_written}.parquet"
        self.files[name] = events.frame[c.OFFSET].to_list()
        share = SourceShare(events.n_events, 2 * events.n_events, 0, 1)
        return Segment(name, 0, events.n_events, 10, "00", {1: share})

    def discard(self, segment: Segment) -> None:
        del self.files[segment.name]

    def names(self) -> frozenset[str]:
        return frozenset(self.known)


class Switch:
    engaged = False

    def is_engaged(self) -> bool:
        return self.engaged


class Rig:
    """A pipeline with everything around it faked."""

    made: ClassVar[list["Rig"]] = []

    def __init__(
        self,
        *batches: RecordBatch,
        answers: Sequence[Exception | None] = (),
        archive: FakeArchive | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.controller, self.parser = FakeController(batches), FakeParser()
        self.engine, self.sink, self.switch = FakeEngine(), FakeSink(*answers), Switch()
        self.stop = threading.Event()
        self.stop.set()  # so that no test waits between tries
        self.pipeline = Pipeline(
            self.controller,  # type: ignore[arg-type]
            self.parser,
            self.engine,  # type: ignore[arg-type]
            self.sink,
            FakePositions(),
            self.switch,
            archive=ArchiveEnd(archive, archive) if archive is not None else None,
            quarantine=quarantine,
        )
        self.made.append(self)

    def run(self) -> Any:
        return self.pipeline.run_batch(self.stop)


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    while Rig.made:
        Rig.made.pop().pipeline.close()


def batch_of(*chunks: RecordChunk) -> RecordBatch:
    return RecordBatch(1, chunks)


def test_a_batch_is_stored_with_the_positions_of_its_files() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3), make_chunk(1, 6, 2), make_chunk(2, 10, 1)))
    summary = rig.run()
    (commit,) = rig.sink.commits
    moves = {move.checkpoint.source_id: move for move in commit.moves}
    assert (moves[1].expected_offset, moves[1].checkpoint.offset) == (0, 10)
    assert (moves[2].expected_offset, moves[2].checkpoint.offset) == (10, 12)
    assert commit.states == {"fake": b"s"}
    assert (summary.n_events, summary.n_parsed, summary.n_unparsed) == (6, 6, 0)
    assert [source.n_events for source in summary.sources] == [5, 1, 0, 0]
    assert [source.lag_s for source in summary.sources] == [0.5, 0.0, 9.0, 0.5]
    assert summary.scores["fake"].sum() == 6
    assert summary.streams == (JUDGED,)
    assert summary.web == (COUNTED,)
    assert rig.engine.calls == ["detect", "commit"]
    assert len(rig.controller.committed) == 1


def test_nothing_to_read_is_no_batch() -> None:
    assert Rig().run() is None


def test_an_engaged_kill_switch_holds_the_batch_before_it_is_scored() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)))
    rig.switch.engaged = True
    assert rig.run() is None
    assert (rig.engine.calls, rig.sink.commits) == ([], [])
    assert rig.pipeline.is_holding
    rig.switch.engaged = False
    assert rig.run().n_events == 3
    assert not rig.pipeline.is_holding


def test_a_kill_switch_engaged_inside_the_transaction_undoes_the_detectors_step() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)), answers=[KillSwitchEngagedError("halted")])
    assert rig.run() is None
    assert rig.engine.calls == ["detect", "rollback"]
    assert rig.run().n_events == 3


def test_a_store_that_refuses_is_tried_again_with_the_same_batch() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)), answers=[StoreError("The disk is full.")] * 2)
    assert rig.run() is None
    assert "The disk is full." in rig.pipeline.trouble
    assert rig.run() is None
    assert rig.run().n_events == 3
    assert rig.pipeline.trouble == ""
    assert len(rig.sink.commits) == 1


def test_a_moved_position_drops_only_that_source_and_reads_it_again() -> None:
    rig = Rig(
        batch_of(make_chunk(1, 0, 3), make_chunk(2, 0, 2)), answers=[PositionConflictError(1, 1)]
    )
    assert rig.run() is None
    assert [reset[0] for reset in rig.controller.resets] == [1]
    assert rig.controller.resets[0][1][0].offset == 99
    assert rig.run().n_events == 2


def test_a_batch_that_cannot_be_parsed_is_refused_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)))
    rig.parser.poison = 0
    summary = rig.run()
    (move,) = rig.sink.commits[0].moves
    assert (move.ledger.lines, move.ledger.refused, move.ledger.bytes_seen) == (3, 3, 6)
    assert move.ledger.adds_up
    assert summary.n_parsed == 0
    assert "refused" in caplog.text


def test_latency_is_weighted_by_lines_and_bounded_in_number() -> None:
    rig = Rig(
        batch_of(make_chunk(1, 0, 3_000, read_ns=1_000_000), make_chunk(2, 0, 1_000, read_ns=0))
    )
    latencies = rig.run().latencies_ms
    assert len(latencies) == 512
    assert np.isclose((latencies == 2.0).mean(), 0.75, atol=0.01)
    assert set(np.unique(latencies)) == {2.0, 3.0}


def test_a_batch_that_only_moves_a_position_is_stored_without_scoring() -> None:
    empty = make_chunk(1, -1, 0)
    rig = Rig(batch_of(empty))
    summary = rig.run()
    assert summary.n_events == 0
    assert rig.sink.commits[0].moves[0].expected_offset == -1
    assert rig.engine.calls == ["commit"]


def test_the_archives_file_is_written_first_and_named_in_the_transaction() -> None:
    archive = FakeArchive()
    rig = Rig(batch_of(make_chunk(1, 0, 3), make_chunk(2, 0, 1)), archive=archive)
    rig.run()
    (commit,) = rig.sink.commits
    assert commit.segment is not None
    assert commit.segment.name == "1.parquet"
    assert {m.checkpoint.source_id: m.ledger.stored for m in commit.moves} == {1: 3, 2: 1}
    assert all(move.ledger.adds_up for move in commit.moves)


def test_without_an_archive_nothing_counts_as_stored() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)))
    rig.run()
    (commit,) = rig.sink.commits
    assert commit.segment is None
    assert commit.moves[0].ledger.stored == 0


@pytest.mark.parametrize("refusal", [KillSwitchEngagedError("halted"), StoreError("full")])
def test_a_refused_transaction_uses_the_same_file_again(refusal: Exception) -> None:
    archive = FakeArchive()
    rig = Rig(batch_of(make_chunk(1, 0, 3)), answers=[refusal, refusal], archive=archive)
    assert [rig.run() is None for _ in range(3)] == [True, True, False]
    assert (archive.n_written, rig.parser.n_parsed) == (1, 1)
    assert rig.sink.commits[0].segment is not None


def test_a_conflict_deletes_the_unused_file_and_archives_the_rest_anew() -> None:
    archive = FakeArchive()
    rig = Rig(
        batch_of(make_chunk(1, 0, 3), make_chunk(2, 0, 2)),
        answers=[PositionConflictError(1, 1)],
        archive=archive,
    )
    assert rig.run() is None
    assert archive.files == {}
    rig.run()
    assert archive.files == {"2.parquet": [0, 2]}
    assert rig.sink.commits[0].segment is not None
    assert rig.sink.commits[0].segment.name == "2.parquet"


def test_a_file_that_the_database_knows_is_never_deleted() -> None:
    # The commit's answer was lost, but it took place: the next try meets its own positions.
    archive = FakeArchive()
    rig = Rig(
        batch_of(make_chunk(1, 0, 3)),
        answers=[StoreError("I/O error"), PositionConflictError(1, 1)],
        archive=archive,
    )
    assert rig.run() is None
    archive.known.add("1.parquet")
    assert rig.run() is None
    assert list(archive.files) == ["1.parquet"]
    assert not rig.pipeline.is_holding


def test_closing_deletes_the_file_of_a_batch_that_was_never_stored() -> None:
    archive = FakeArchive()
    rig = Rig(batch_of(make_chunk(1, 0, 3)), answers=[StoreError("full")], archive=archive)
    assert rig.run() is None
    rig.pipeline.close()
    assert archive.files == {}
    assert not rig.pipeline.is_holding


def test_a_full_disk_of_the_archive_makes_reading_wait() -> None:
    archive = FakeArchive(StoreError("No room."), StoreError("No room."))
    rig = Rig(batch_of(make_chunk(1, 0, 3)), archive=archive)
    assert [rig.run() is None for _ in range(2)] == [True, True]
    assert "No " in rig.pipeline.trouble
    assert "Reading waits" in rig.pipeline.trouble
    assert rig.sink.commits == []
    assert rig.run().n_events == 3
    assert rig.pipeline.trouble == ""


def test_a_batch_that_the_archive_cannot_take_at_all_is_refused() -> None:
    rig = Rig(batch_of(make_chunk(1, 0, 3)), archive=FakeArchive(ValueError("no such type")))
    summary = rig.run()
    (move,) = rig.sink.commits[0].moves
    assert (move.ledger.refused, move.ledger.stored, summary.n_parsed) == (3, 0, 0)
    assert [event.kind for event in move.events] == ["refused"]


def test_only_the_part_that_harms_the_parser_is_refused_and_kept(tmp_path: Path) -> None:
    archive = FakeArchive()
    rig = Rig(
        batch_of(make_chunk(1, 0, 3), make_chunk(1, 6, 2), make_chunk(2, 4, 1)),
        archive=archive,
        quarantine=Quarantine(tmp_path / "quarantine"),
    )
    rig.parser.poison = 6
    rig.run()
    moves = {move.checkpoint.source_id: move for move in rig.sink.commits[0].moves}
    first, second = moves[1].ledger, moves[2].ledger
    assert (first.lines, first.parsed, first.refused, first.stored) == (5, 3, 2, 3)
    assert (second.lines, second.parsed, second.refused, second.stored) == (1, 1, 0, 1)
    (event,) = moves[1].events
    assert (event.kind, event.generation, event.start, event.end) == ("refused", 1, 6, 10)
    assert (event.is_loss, event.n_lost) == (True, 2)
    assert moves[2].events == ()
    assert archive.files == {"1.parquet": [0, 2, 4, 4]}
    assert (tmp_path / "quarantine" / "1-1-6-10.lines").read_bytes() == b"a\na\n"


def partial(offset: int, length: int = 3) -> PartialLine:
    return PartialLine(offset, length, "x" * length, 1)


def test_a_later_partial_line_of_a_file_replaces_an_earlier_one() -> None:
    rig = Rig(
        batch_of(
            replace(make_chunk(1, 0, 0), partial=partial(0)),
            replace(make_chunk(1, 0, 2), partial=partial(4)),
            replace(make_chunk(2, 0, 0), partial=partial(0)),
            make_chunk(2, 0, 1),
        )
    )
    rig.run()
    moves = {move.checkpoint.source_id: move for move in rig.sink.commits[0].moves}
    assert moves[1].partial == partial(4)
    assert moves[2].partial is None  # the line was completed


def test_a_chunk_that_only_tells_leaves_the_partial_line_where_it_is() -> None:
    told = SourceEvent("denied", "Access was denied.", 1)
    rig = Rig(
        batch_of(replace(make_chunk(1, 4, 0), partial=partial(4))),
        batch_of(replace(make_chunk(1, 4, 0), events=(told,))),
        batch_of(make_chunk(1, 4, 1)),
        batch_of(make_chunk(1, 6, 0)),
    )
    for _ in range(4):
        rig.run()
    moves = [commit.moves[0] for commit in rig.sink.commits]
    assert [move.partial for move in moves] == [partial(4), partial(4), None, None]
    assert moves[1].events == (told,)


def test_events_of_one_file_are_stored_in_the_order_of_its_chunks() -> None:
    first, second = SourceEvent("rotated", "1", 1), SourceEvent("truncated", "2", 2)
    rig = Rig(
        batch_of(
            replace(make_chunk(1, 0, 1), events=(first,)),
            make_chunk(2, 0, 1),
            replace(make_chunk(1, 2, 1), events=(second,)),
        )
    )
    rig.run()
    moves = {move.checkpoint.source_id: move for move in rig.sink.commits[0].moves}
    assert moves[1].events == (first, second)
    assert moves[2].events == ()


def test_a_conflict_drops_the_sources_lines_also_from_the_batch_made_ahead() -> None:
    rig = Rig(
        batch_of(make_chunk(1, 0, 3), make_chunk(2, 0, 2)),
        batch_of(make_chunk(1, 6, 3), make_chunk(2, 4, 1)),
        answers=[PositionConflictError(1, 1)],
    )
    assert [rig.run() is None for _ in range(3)] == [True, False, False]
    moves = [commit.moves for commit in rig.sink.commits]
    assert [[move.checkpoint.source_id for move in each] for each in moves] == [[2], [2]]


def test_a_source_can_be_forgotten_while_its_lines_are_held() -> None:
    archive = FakeArchive()
    rig = Rig(
        batch_of(make_chunk(1, 0, 3), make_chunk(2, 0, 2)),
        answers=[StoreError("full")],
        archive=archive,
    )
    assert rig.run() is None
    rig.pipeline.forget_source(1)
    rig.run()
    (commit,) = rig.sink.commits
    assert [move.checkpoint.source_id for move in commit.moves] == [2]
    assert archive.files == {"2.parquet": [0, 2]}
