"""Ingestion starts, stops, fails and is joined as the desk says."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import KillSwitchState, SourceRow
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.ui.ingest_worker import IngestWorker, WorkerThread
from soc_copilot.ui.ingestion import Ingestion
from tests.ui.desk_support import DeskBench, desk_bench


class FakeSession:
    device_name = "CPU, test"
    trouble = ""

    def __init__(self, fail: Exception | None = None) -> None:
        self.fail, self.closed, self.n = fail, False, 0
        self.added: list[int] = []
        self.thread = threading.current_thread()

    def open(self) -> None:
        if self.fail is not None:
            raise self.fail

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        stop.wait(0.01)
        self.n += 1
        empty = np.zeros(0, np.float32)
        return BatchSummary(self.n, 1, 5, 5, 0, (0, 0, 0, 0, 0), 0, empty, (), ())

    def add_source(self, source: SourceRow) -> None:
        self.added.append(source.id)

    def remove_source(self, source_id: int) -> None:
        self.added.remove(source_id)

    def request_flush(self) -> None: ...

    def health(self) -> tuple[DetectorHealth, ...]:
        return ()

    def statuses(self) -> tuple[SourceStatus, ...]:
        return ()

    def close(self) -> None:
        self.closed = True


def ingest(bench: DeskBench, make: Callable[[], FakeSession]) -> tuple[Ingestion, list[str]]:
    states: list[str] = []
    bench.desk.ingestion_changed.connect(states.append)
    return Ingestion(bench.desk, make), states


def test_start_and_stop_tell_each_state_and_store_everything(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        session = FakeSession()
        ingestion, states = ingest(bench, lambda: session)
        got: list[BatchSummary] = []
        bench.desk.summary_arrived.connect(got.extend)
        bench.desk.start_ingestion()
        qtbot.waitUntil(lambda: len(got) > 2)
        bench.desk.stop_ingestion()
        qtbot.waitUntil(lambda: not ingestion.is_active)
        assert states == ["starting", "running", "stopping", "stopped"]
        assert session.closed
        assert len(got) == session.n
        assert any("nothing waits" in text for _, text in bench.messages)


def test_a_restart_takes_a_new_session_and_nothing_while_stopped(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        made: list[FakeSession] = []
        ingestion, states = ingest(bench, lambda: made.append(FakeSession()) or made[-1])
        ingestion.restart()
        assert states == []
        bench.desk.start_ingestion()
        qtbot.waitUntil(lambda: states[-1:] == ["running"], timeout=5_000)
        ingestion.restart()
        qtbot.waitUntil(lambda: states.count("running") == 2, timeout=5_000)
        assert states[2:] == ["stopping", "stopped", "starting", "running"]
        assert [session.closed for session in made] == [True, False]
        assert ingestion.join()


def test_a_source_added_later_is_read(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        session = FakeSession()
        ingestion, states = ingest(bench, lambda: session)
        bench.desk.start_ingestion()
        qtbot.waitUntil(lambda: "running" in states)
        source = bench.governance.sources.add("file", tmp_path / "a.log")
        bench.desk.sources_changed.emit()
        qtbot.waitUntil(lambda: session.added == [source.id])
        bench.governance.sources.set_enabled(source.id, False)
        bench.desk.sources_changed.emit()
        qtbot.waitUntil(lambda: not session.added)
        assert ingestion.join()


def test_a_session_that_cannot_open_says_why(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        ingestion, states = ingest(bench, lambda: FakeSession(StoreError("It is gone.")))
        bench.desk.start_ingestion()
        qtbot.waitUntil(lambda: not ingestion.is_active)
        assert states == ["starting", "stopped"]
        assert bench.messages == [("error", "It is gone.")]


def test_an_engaged_switch_shows_halted(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        ingestion, states = ingest(bench, FakeSession)
        bench.desk.start_ingestion()
        qtbot.waitUntil(lambda: "running" in states)
        bench.desk.set_killswitch(KillSwitchState(engaged=True, reason="test"))
        bench.desk.set_killswitch(KillSwitchState(engaged=False))
        assert states[-2:] == ["halted", "running"]
        assert ingestion.join()


def test_an_immediate_stop_never_opens(qtbot: QtBot) -> None:
    made: list[FakeSession] = []
    worker = IngestWorker(lambda: made.append(FakeSession()) or made[-1])
    worker.request_stop()
    thread = WorkerThread(worker)
    thread.start()
    assert thread.join()
    assert all(session.n == 0 for session in made)
