import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import read_event
from soc_copilot.service import apart
from soc_copilot.service.apart import StoreProcess
from soc_copilot.service.frames import FRAME_BYTES, StorePlan

PATIENCE_S = 60.0
ROOT = Path(__file__).parents[3]
PLAN = StorePlan("g.db", None, ("ann", "cli"), {}, 1)


class Stores:
    """Makes store processes that behave as asked for, and ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[StoreProcess] = []

    def __call__(self, *behaviours: str) -> StoreProcess:
        command = (sys.executable, "-m", "tests.tools.fake_storing", str(self._folder))
        self._made.append(StoreProcess(PLAN, (*command, *behaviours)))
        return self._made[-1]

    def read(self, name: str) -> list[Any]:
        path = self._folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def end(self) -> None:
        for one in self._made:
            one.close()
            assert one.pid == 0


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the tests' own tools
    monkeypatch.setattr(apart, "_BACKOFF_S", (0.01, 0.05))
    found = Stores(tmp_path)
    yield found
    found.end()
    assert not {t.name for t in threading.enumerate()} & {"service-store", "service-send"}


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_sent_is_taken_and_the_end_waits_for_it(stores: Stores) -> None:
    store = stores("ok")
    store.start()
    until(lambda: store.trouble)
    assert store.trouble == "It is slow."
    assert store.told["lag_bytes"] == 3
    assert store.pid not in {0, os.getpid()}
    assert store.write([b"a", b"b"]) == 2
    store.write_events([])
    store.write_events([SourceEvent("lost", "gone", 5, is_loss=True, n_lost=2)])
    store.write([b"c" * FRAME_BYTES, b"d"])
    store.close()
    frames = stores.read("frames")
    assert [number for number, _ in frames] == [1, 2, 3, 4]
    assert [data for _, data in frames if len(data) < 4] == ["a\nb", "d"]
    event = read_event(frames[1][1].encode())
    assert event is not None
    assert event.n_lost == 2
    assert store.n_unanswered_bytes == 0
    assert store.n_starts == 1


def test_one_that_dies_is_started_again_and_told_where_the_last_stood(stores: Stores) -> None:
    store = stores("die-later", "die", "ok")
    store.start()
    for line in (b"a", b"b", b"c"):
        store.write([line])
        until(lambda line=line: any(line.decode() == data for _, data in stores.read("frames")))
    until(lambda: not store.n_unanswered_bytes)
    store.close()
    assert stores.read("frames") == [[1, "a"], [2, "b"], [2, "b"], [3, "c"]]
    ends = [end for _, end in stores.read("plans")]
    assert ends == [-1, 101, 101]
    assert store.n_starts == 3


@pytest.mark.parametrize(
    ("behaviour", "words"), [("break", "exit code 9"), ("fail", "There is no room")]
)
def test_one_that_cannot_start_says_why(stores: Stores, behaviour: str, words: str) -> None:
    store = stores(behaviour)
    with pytest.raises(SourceError, match=words) as found:
        store.start()
    assert "again" not in str(found.value)
    assert store.n_starts == 1


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = StoreProcess(PLAN, (str(tmp_path / "none"),))
    with pytest.raises(SourceError, match="none"):
        store.start()
    store.close()
    StoreProcess(PLAN).close()  # never started


def test_trouble_after_the_start_is_told_until_it_is_over(stores: Stores) -> None:
    store = stores("die", "fail", "fail", "ok")
    store.start()
    store.write([b"a"])
    until(lambda: "There is no room" in store.trouble)
    assert "started again" in store.trouble
    until(lambda: store.trouble == "It is slow.")
    until(lambda: not store.n_unanswered_bytes)


def test_much_that_is_not_answered_makes_who_writes_wait(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "WINDOW_BYTES", 10)
    store = stores("mute", "ok")
    store.start()
    store.write([b"x" * 100])  # one is always let through
    done = threading.Event()
    thread = threading.Thread(target=lambda: (store.write([b"y"]), done.set()))
    thread.start()
    store.write_events([SourceEvent("note", "urgent", 1)])  # these never wait
    until(lambda: len(stores.read("frames")) == 2)
    assert not done.is_set()
    store.take_all()
    assert done.wait(PATIENCE_S)
    thread.join()
    store.close()  # the next one takes what was never answered
    assert [data for _, data in stores.read("frames")][-1] == "y"
    assert store.n_unanswered_bytes == 0


def test_one_that_does_not_end_is_killed(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(apart, "END_S", 1.0)
    store = stores("hang")
    store.start()
    pid = store.pid
    store.close()
    assert "it is killed" in caplog.text
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_nobody_takes_is_counted_at_the_end(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    store = stores("die")
    store.start()
    store.write([b"a", b"b"])
    store.close()
    assert "could not be stored. n=2" in caplog.text
