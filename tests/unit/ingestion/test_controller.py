"""Sources to batches on threads: fair, halted by the kill switch, nothing lost on the way."""

import threading
import time

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.buffer import CATCH_UP
from soc_copilot.ingestion.controller import IngestionController


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.005)


LINES = SourceOptions.checked("file", {"multiline": "off"})


def texts(batches):
    return [line for b in batches for c in b.chunks for line in c.data.split(b"\n")[:-1]]


def write(path, data):
    with path.open("ab") as f:
        f.write(data)


@pytest.fixture
def make():
    made = []

    def build(**options):
        made.append(
            IngestionController(**{"batch_interval": 0.02, "poll_interval": 0.01, **options})
        )
        return made[-1]

    before = set(threading.enumerate())
    yield build
    for controller in made:
        assert controller.stop()
    wait_for(lambda: set(threading.enumerate()) <= before)


def test_push_delivers_what_is_written_and_goes_idle(make, tmp_path):
    path, got = tmp_path / "a.log", []
    write(path, b"one\n")
    controller = make()
    controller.set_batch_callback(got.append)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.is_idle)
    write(path, b"two\n")
    wait_for(lambda: texts(got) == [b"one", b"two"])
    stats = controller.get_stats()
    assert stats["running"]
    assert stats["lines_read"] == 2
    assert stats["sources_count"] == 1
    assert stats["buffer_size"] == 0


def test_stop_delivers_what_is_buffered_and_start_goes_on(make, tmp_path):
    path, got = tmp_path / "a.log", []
    write(path, b"one\n")
    controller = make(batch_interval=60.0)
    controller.set_batch_callback(got.append)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.get_stats()["buffer_size"] == 1)
    assert controller.stop()
    assert controller.stop()
    assert texts(got) == [b"one"]
    assert controller.statuses()[0].state == "stopped"
    write(path, b"two\n")
    controller.start()
    wait_for(lambda: controller.get_stats()["buffer_size"] == 1)
    controller.request_flush()
    wait_for(lambda: texts(got) == [b"one", b"two"])


def test_a_failing_callback_gets_the_same_batch_again(make, tmp_path):
    path, got, failures = tmp_path / "a.log", [], [1, 2]

    def callback(batch):
        if failures:
            failures.pop()
            raise RuntimeError("no")
        got.append(batch)

    write(path, b"one\n")
    controller = make()
    controller.set_batch_callback(callback)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.is_idle)
    assert texts(got) == [b"one"]
    assert controller.get_stats()["callback_failures"] == 2


@pytest.mark.parametrize("how", ["true", "raises"])
def test_the_kill_switch_halts_reading_and_delivery(make, tmp_path, how):
    path, engaged, got = tmp_path / "a.log", threading.Event(), []

    def check():
        if engaged.is_set() and how == "raises":
            raise OSError("unreadable")
        return engaged.is_set()

    controller = make(killswitch_check=check)
    controller.set_batch_callback(got.append)
    controller.add_file_source(path, from_start=True, options=LINES)
    engaged.set()
    controller.start()
    write(path, b"one\n")
    wait_for(lambda: controller.get_stats()["killed"])
    assert controller.get_stats()["bytes_read"] == 0
    assert not controller.is_idle
    assert got == []
    engaged.clear()
    wait_for(lambda: texts(got) == [b"one"])


def test_a_batch_held_when_the_switch_was_engaged_comes_after_release(make, tmp_path):
    path, engaged = tmp_path / "a.log", threading.Event()
    write(path, b"one\n")
    controller = make(killswitch_check=engaged.is_set)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.get_stats()["buffer_size"] == 1)
    engaged.set()
    assert controller.take_batch(0.05) is None
    engaged.clear()
    batch = controller.take_batch(1.0)
    assert texts([batch]) == [b"one"]
    assert not controller.is_idle
    assert controller.statuses()[0].lag_bytes == 4
    controller.commit(batch)
    assert controller.statuses()[0].lag_bytes == 0


def test_pull_drains_after_reading_stopped(make, tmp_path):
    path = tmp_path / "a.log"
    write(path, b"one\n")
    controller = make(batch_interval=60.0)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.get_stats()["buffer_size"] == 1)
    controller.stop_reading()
    assert texts([controller.take_batch(5.0)]) == [b"one"]
    assert controller.take_batch(5.0) is None


def test_a_reset_source_is_read_again_from_the_given_position(make, tmp_path):
    path = tmp_path / "a.log"
    write(path, b"one\n")
    controller = make()
    number = controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: controller.get_stats()["buffer_size"] == 1)
    first = controller.take_batch(1.0)
    controller.reset_source(number, [first.chunks[0].checkpoint])
    again = controller.take_batch(5.0)
    assert texts([again]) == [b"one"]
    assert again.chunks[0].start == 0
    controller.commit(again)
    wait_for(lambda: controller.is_idle)


def test_a_huge_file_does_not_starve_a_small_one(make, tmp_path):
    big, small = tmp_path / "big.log", tmp_path / "small.log"
    write(big, (b"x" * 99 + b"\n") * 400_000)
    write(small, b"here\n")
    controller = make(max_size=2_000)
    controller.add_file_source(big, from_start=True, options=LINES)
    controller.add_file_source(small, from_start=True, options=LINES)
    controller.start()
    for _ in range(20):
        batch = controller.take_batch(5.0)
        assert batch.n_lines <= CATCH_UP * 2_000
        controller.commit(batch)
        if b"here" in texts([batch]):
            return
    pytest.fail("The small file had no turn in twenty batches.")


def test_a_source_that_raises_does_not_stop_the_others(make, tmp_path):
    path, got = tmp_path / "a.log", []

    class Broken:
        def poll(self, max_bytes):
            raise RuntimeError("broken")

        def committed(self, checkpoint):
            pass

        def close(self):
            pass

        def status(self):
            return SourceStatus(9, "broken", "live")

    write(path, b"one\n")
    controller = make()
    controller.set_batch_callback(got.append)
    controller.add_source(Broken(), source_id=9)
    controller.add_file_source(path, from_start=True, options=LINES)
    controller.start()
    wait_for(lambda: texts(got) == [b"one"])
    assert [s.state for s in controller.statuses()] == ["error", "live"]


def test_sources_come_and_go_while_running(make, tmp_path):
    got = []
    controller = make()
    controller.set_batch_callback(got.append)
    controller.start()
    write(tmp_path / "a.log", b"one\n")
    number = controller.add_directory_source(tmp_path, "*.log", from_start=True, options=LINES)
    with pytest.raises(SourceError):
        controller.add_file_source(tmp_path / "b", source_id=number)
    wait_for(lambda: texts(got) == [b"one"])
    write(tmp_path / "b.log", b"two\n")
    wait_for(lambda: texts(got) == [b"one", b"two"])
    controller.remove_source(number)
    with pytest.raises(SourceError):
        controller.remove_source(number)
    assert controller.statuses() == ()
