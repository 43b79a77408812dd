"""Five cases in which tailers lose lines, with threads and real time: none lost, none twice."""

import random
import threading
import time
from collections import Counter

import pytest

from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.controller import IngestionController

LINES = SourceOptions.checked("file", {"multiline": "off"})


class Case:
    """A log, its writer, and a store that goes on where it stopped."""

    def __init__(self, path):
        self.path, self.written = path, 0
        self.stored, self.committed, self.events = [], {}, []
        self.controller = None

    def start(self):
        self.controller = IngestionController(0.02, poll_interval=0.02)
        self.controller.set_batch_callback(self.store)
        self.controller.add_file_source(
            self.path, from_start=True, checkpoints=tuple(self.committed.values()), options=LINES
        )
        self.controller.start()

    def store(self, batch):
        for chunk in batch.chunks:
            held = self.committed.get(chunk.generation)
            assert chunk.start == (held.offset if held else -1)
            self.committed[chunk.generation] = chunk.checkpoint
            self.stored += chunk.data.split(b"\n")[:-1]
            self.events += chunk.events

    def stop(self):
        assert self.controller.stop()

    def write(self, n, *, mode="ab"):
        with self.path.open(mode, buffering=0) as f:
            for _ in range(n):
                f.write(b"line %06d\n" % self.written)
                self.written += 1

    def rotate(self):
        for n in range(40, 0, -1):
            older = self.path.with_name(f"app.log.{n}")
            if older.exists():
                older.rename(self.path.with_name(f"app.log.{n + 1}"))
        self.path.rename(self.path.with_name("app.log.1"))
        self.path.touch()

    def until_stored(self, n=None, timeout_s=60.0):
        deadline = time.monotonic() + timeout_s
        while len(self.stored) < (self.written if n is None else n):
            assert time.monotonic() < deadline, f"{len(self.stored)} of {self.written} stored"
            threading.Event().wait(0.005)

    def check(self):
        counts = Counter(self.stored)
        wanted = [b"line %06d" % n for n in range(self.written)]
        assert [line for line in wanted if line not in counts] == []  # lost
        assert [line for line, n in counts.items() if n > 1] == []  # repeated
        assert set(counts) == set(wanted)  # malformed


@pytest.fixture
def case(tmp_path):
    case = Case(tmp_path / "app.log")
    case.path.touch()
    case.start()
    while not case.committed:  # what is rotated before the first look is not the source's
        threading.Event().wait(0.005)
    yield case
    case.stop()
    case.check()


def losses(case):
    return [event for event in case.events if event.is_loss]


def test_lines_written_while_we_were_stopped(case):
    case.write(100)
    case.until_stored()
    case.stop()
    case.write(100)
    case.start()
    case.write(100)
    case.until_stored()
    assert losses(case) == []


def test_a_file_that_is_truncated_and_grows_past_the_old_position(case):
    case.write(200)
    case.until_stored()
    case.write(200 + 50, mode="wb")  # longer than what was there, before anybody looked
    case.until_stored()
    case.write(50)
    case.until_stored()


def test_lines_that_are_written_in_two_parts(case):
    with case.path.open("ab", buffering=0) as f:
        for n in range(20):
            f.write(b"line %03d" % (n // 1000))
            threading.Event().wait(0.03)  # so that the first part is seen alone
            f.write(b"%03d\n" % (n % 1000))
            case.written += 1
    case.until_stored()
    assert losses(case) == []


def test_five_renames_in_a_burst(case):
    for _ in range(5):
        case.write(200)
        case.rotate()
    case.write(10)
    case.until_stored()
    assert losses(case) == []


def test_six_polite_rotations(case):
    chance = random.Random(1)  # noqa: S311 - pauses, not secrets
    for _ in range(6):
        case.write(200)
        threading.Event().wait(chance.uniform(0.05, 0.3))
        case.rotate()
        threading.Event().wait(0.1)
    case.write(10)
    case.until_stored()
    assert losses(case) == []
    assert sum(event.kind == "rotated" for event in case.events) >= 1
