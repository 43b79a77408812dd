import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from soc_copilot.domain import columns as c
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
    RecordBatch,
    RecordChunk,
    SourceStatus,
)
from soc_copilot.pipeline.core import Pipeline


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
        return (SourceStatus(1, "a", "live", lag_bytes=10), SourceStatus(2, "b", "live"))


class FakeParser:
    def __init__(self) -> None:
        self.broken = False

    def parse(self, batch: RecordBatch) -> Any:
        if self.broken:
            raise ValueError("poison")
        ledger = {
            key: LedgerDelta(
                bytes_seen=sum(chunk.size_bytes for chunk in chunks),
                lines=sum(chunk.n_lines for chunk in chunks),
                parsed=sum(chunk.n_lines for chunk in chunks),
            )
            for key, chunks in batch.by_file()
        }
        frame = pl.DataFrame({c.ORIGINAL: ["a"] * batch.n_lines})
        return type("Parsed", (), {"events": EventBatch(batch.sequence, frame), "ledger": ledger})


class FakeEngine:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def detect(self, events: EventBatch) -> list[Detections]:
        self.calls.append("detect")
        scores = np.linspace(0, 1, events.n_events, dtype=np.float32)
        return [Detections("fake", scores, state=b"s")]

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


class Switch:
    engaged = False

    def is_engaged(self) -> bool:
        return self.engaged


class Rig:
    """A pipeline with everything around it faked."""

    def __init__(self, *batches: RecordBatch, answers: Sequence[Exception | None] = ()) -> None:
        self.controller, self.parser = FakeController(batches), FakeParser()
        self.engine, self.sink, self.switch = FakeEngine(), FakeSink(*answers), Switch()
        self.stop = threading.Event()
        self.stop.set()  # so that no test waits between tries
        self.pipeline = Pipeline(
            self.controller,  # type: ignore[arg-type]
            self.parser,  # type: ignore[arg-type]
            self.engine,  # type: ignore[arg-type]
            self.sink,
            FakePositions(),
            self.switch,
        )

    def run(self) -> Any:
        return self.pipeline.run_batch(self.stop)


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
    assert [source.n_events for source in summary.sources] == [5, 1]
    assert [source.lag_s for source in summary.sources] == [0.5, 0.0]
    assert summary.scores["fake"].sum() == 6
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
    rig.parser.broken = True
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
