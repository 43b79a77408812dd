"""Random programs of writing, rotating, breaking, stopping and crashing, against a model.

Every line has a number of its own. Reading, parsing, the archive and the governance database
are the real ones, driven step by step. At the end each number stands in the archive exactly
once, unless its bytes were destroyed before they could be read, and then the stored source
events declare it where there was any trace to tell it by.

`SOC_COPILOT_PROGRAMS=2000` runs that many programs instead of the few of an ordinary run.
"""

import bz2
import errno
import gzip
import itertools
import lzma
import os
import shutil
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from backports import zstd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soc_copilot.archive.store import Archive
from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk, SourceStatus
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion import files
from soc_copilot.ingestion.directory import DirectoryWatcher
from soc_copilot.ingestion.reader import RACY_NS, ReadLimits, ReadStyle
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import FileTailer
from soc_copilot.parsing.batch import BatchParser
from soc_copilot.pipeline.core import ArchiveEnd, Pipeline
from tests.tools.archived import archived_lines

PROGRAMS = int(os.environ.get("SOC_COPILOT_PROGRAMS", "30"))
PAUSE_S = 20.0  # longer than any wait after trouble
SETTLE_ROUNDS = 12  # looks and stores after which nothing may be left
STYLE = ReadStyle(partial_after_s=0.0)
LIMITS = ReadLimits(max_lines=2)
PACKERS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstd.compress,
}


class Skewed:
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.skew_s = 0.0

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_s(self) -> float:
        return time.monotonic() + self.skew_s


def refused(path: Path, **_: object) -> int:
    """What opening a file leads to while that is forbidden."""
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


class ByHand:
    """The controller's part, one step at a time: reads when told, holds what was read."""

    def __init__(self, make: Any, checkpoints: tuple[Checkpoint, ...]) -> None:
        self._make = make
        self._numbers = itertools.count(1)
        self.source: Source = make(checkpoints)
        self.pending: list[RecordChunk] = []

    def read(self) -> None:
        self.pending += self.source.poll(1 << 20)

    def take_batch(self, timeout_s: float) -> RecordBatch | None:
        if not self.pending:
            return None
        batch = RecordBatch(next(self._numbers), tuple(self.pending))
        self.pending = []
        return batch

    def commit(self, batch: RecordBatch) -> None:
        for _, chunks in batch.by_file():
            self.source.committed(chunks[-1].checkpoint)

    def reset_source(self, source_id: int, checkpoints: tuple[Checkpoint, ...]) -> None:
        self.source.close()
        self.pending = []
        self.source = self._make(checkpoints)

    def get_stats(self) -> dict[str, Any]:
        return {}

    def statuses(self) -> tuple[SourceStatus, ...]:
        return ()


class Programs(RuleBasedStateMachine):
    """One log, its writer and everything that happens to both."""

    governance: Governance
    home: Path

    @classmethod
    def open_once(cls) -> None:
        if not hasattr(cls, "governance"):
            cls.home = Path(tempfile.mkdtemp())
            cls.governance = Governance.open(
                cls.home / "governance.db", actor=Actor("tester", "cli"), home=cls.home / "keys"
            )

    def __init__(self) -> None:
        super().__init__()
        self.open_once()
        self.folder = Path(tempfile.mkdtemp(dir=self.home))
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.path = self.logs / "app.log"
        self.written = 0
        self.is_half = False
        self.in_file: set[int] = set()  # numbers in the file at the path
        self.aside: list[set[int]] = []  # numbers in each rotated file
        self.wiped: list[set[int]] = []  # for each file that was wiped out, its numbers
        self.is_copied = False  # copytruncate itself may lose what comes between its two steps
        self.is_forbidden = False
        self.engaged = False
        self.clock = Skewed()
        self.now = threading.Event()
        self.now.set()  # nobody waits

    @initialize(kind=st.sampled_from(["file", "link", "directory"]))
    def begin(self, kind: str) -> None:
        if kind == "link":
            (self.folder / "real").mkdir()
            self.path.symlink_to(self.folder / "real" / "app.log")
        self.kind = kind
        self.real.touch()
        pattern = {"pattern": "app.log*"} if kind == "directory" else {}
        self.row = self.governance.sources.add(
            "directory" if kind == "directory" else "file",
            self.logs if kind == "directory" else self.path,
            from_start=True,
            **pattern,
        )
        self.start()
        self.look()
        self.store()  # from here on the source is known: what comes later is its own

    @property
    def real(self) -> Path:
        """The file that the path leads to, also where it is not there."""
        return self.path.readlink() if self.path.is_symlink() else self.path

    def make(self, checkpoints: tuple[Checkpoint, ...]) -> Source:
        known: dict[str, Any] = {
            "source_id": self.row.id,
            "from_start": True,
            "checkpoints": checkpoints,
            "limits": LIMITS,
            "style": STYLE,
            "linger_s": 0.0,
            "clock": self.clock,
        }
        if self.kind == "directory":
            return DirectoryWatcher(self.logs, "app.log*", scan_s=0.0, **known)
        return FileTailer(self.path, **known)

    def start(self) -> None:
        governance = self.governance
        self.reader = ByHand(self.make, governance.sources.checkpoints(self.row.id))
        self.archive = Archive(governance.archive_folder)
        self.is_idle = True  # nothing is on its way through the pipeline
        self.pipeline = Pipeline(
            self.reader,  # type: ignore[arg-type]  # plays the controller
            BatchParser(),
            DetectionEngine([], device="cpu"),
            governance.batches,
            governance.sources,
            governance.kill_switch,
            archive=ArchiveEnd(self.archive, governance.segments),
        )

    # The writer

    def put(self, data: bytes) -> None:
        with self.real.open("ab") as file:
            file.write(data)

    def line(self) -> bytes:
        self.in_file.add(self.written)
        data = b"line %06d" % self.written
        self.written += 1
        return data

    def end_line(self) -> None:
        if self.is_half:
            self.put(b"\n")
            self.is_half = False

    @rule(n=st.integers(1, 6))
    def write_lines(self, n: int) -> None:
        self.end_line()
        self.put(b"".join(self.line() + b"\n" for _ in range(n)))

    @rule()
    def write_half(self) -> None:
        self.end_line()
        self.put(self.line())
        self.is_half = True

    @rule(n=st.integers(1, 40))
    def pad(self, n: int) -> None:
        """Zeros, as after a power failure or where room was set aside."""
        self.end_line()
        self.put(b"\0" * n)

    # Rotation: nothing is destroyed

    @precondition(lambda self: self.real.exists())
    @rule(times=st.sampled_from([1, 1, 1, 2, 4]))
    def rotate(self, times: int) -> None:
        for _ in range(times):
            self.end_line()
            self.shift()
            self.real.rename(self.rotated(1))
            self.aside.append(self.in_file)
            self.in_file = set()
            self.write_lines(1)

    @precondition(lambda self: self.real.exists())
    @rule()
    def copytruncate(self) -> None:
        self.end_line()
        self.shift()
        shutil.copyfile(self.real, self.rotated(1))
        self.aside.append(self.in_file)
        self.in_file = set()
        self.is_copied = True
        os.truncate(self.real, 0)

    @precondition(lambda self: self.rotated(1).exists())
    @rule(suffix=st.sampled_from(list(PACKERS)))
    def pack(self, suffix: str) -> None:
        plain = self.rotated(1)
        Path(f"{plain}{suffix}").write_bytes(PACKERS[suffix](plain.read_bytes()))
        plain.unlink()

    def rotated(self, n: int) -> Path:
        return self.real.with_name(f"app.log.{n}")

    def shift(self) -> None:
        """Count up the names of rotated files, the oldest first."""
        found = {}
        for path in self.real.parent.iterdir():
            if path.name.startswith("app.log."):
                number, dot, packing = path.name.removeprefix("app.log.").partition(".")
                found[int(number)] = dot + packing
        for n in sorted(found, reverse=True):
            Path(f"{self.rotated(n)}{found[n]}").rename(f"{self.rotated(n + 1)}{found[n]}")

    # Accidents: what was not read yet is gone

    def destroy(self) -> None:
        self.is_half = False
        self.wiped.append(self.in_file)
        self.in_file = set()

    @precondition(lambda self: self.real.exists())
    @rule(regrow=st.booleans())
    def truncate(self, regrow: bool) -> None:
        size = self.real.stat().st_size
        self.destroy()
        os.truncate(self.real, 0)
        while regrow and self.real.stat().st_size <= size:
            self.write_lines(3)

    @precondition(lambda self: self.real.exists())
    @rule(recreate=st.booleans())
    def delete(self, recreate: bool) -> None:
        self.destroy()
        self.real.unlink()
        if recreate:  # often with the same inode
            self.write_lines(2)

    @precondition(lambda self: self.path.is_symlink())
    @rule(n=st.integers(0, 3))
    def switch_link(self, n: int) -> None:
        """The link leads to a new file.

        Nothing leads back to the old one, nor to what was rotated beside it: the link's
        former target stands nowhere.
        """
        self.end_line()
        target = self.folder / f"real-{self.written}-{n}"
        target.mkdir(exist_ok=True)
        self.destroy()
        self.wiped += self.aside
        self.aside = []
        self.path.unlink()
        self.path.symlink_to(target / "app.log")

    @precondition(lambda self: self.real.exists())
    @rule()
    def put_a_folder_in_its_place(self) -> None:
        """The log cannot be read until it is back."""
        aside = self.real.with_name("aside")
        self.real.rename(aside)
        self.real.mkdir()
        self.look()
        self.real.rmdir()
        aside.rename(self.real)

    @rule()
    def forbid(self) -> None:
        """Nothing may be opened for some time, as after a change of rights."""
        self.is_forbidden = not self.is_forbidden

    # The reader

    @rule()
    def look(self) -> None:
        refuse = mock.patch.object(files, "open_log", side_effect=refused)
        with refuse if self.is_forbidden else nullcontext():
            self.reader.read()

    @rule()
    def pause(self) -> None:
        self.clock.skew_s += PAUSE_S

    @rule()
    def store(self) -> None:
        if self.reader.pending or not self.is_idle:
            self.is_idle = self.pipeline.run_batch(self.now) is None and not self.engaged

    @rule()
    def switch(self) -> None:
        change = self.governance.kill_switch
        (change.release if self.engaged else change.engage)("Trying it.")
        self.engaged = not self.engaged

    @rule()
    def stop_and_start(self) -> None:
        self.store()
        self.store()
        self.pipeline.close()
        self.archive.close()
        self.reader.source.close()
        self.start()

    @rule()
    def crash(self) -> None:
        """What was read and not stored is forgotten; the next process starts from the store."""
        self.reader.pending = []
        self.pipeline.close()
        self.reader.source.close()
        self.start()

    # The oracle

    def stored(self) -> list[int]:
        return [int(line[5:11]) for line in archived_lines(self.governance, self.row.id)]

    @invariant()
    def an_engaged_switch_moves_nothing(self) -> None:
        if self.engaged:
            before = self.governance.sources.checkpoints(self.row.id)
            self.is_idle = False
            self.pipeline.run_batch(self.now)
            assert self.governance.sources.checkpoints(self.row.id) == before

    def teardown(self) -> None:
        if not hasattr(self, "row"):
            return
        try:
            if self.engaged:
                self.switch()
            self.is_forbidden = False
            self.end_line()
            for _ in range(SETTLE_ROUNDS):
                if self.wiped:
                    time.sleep(RACY_NS / 1e9 / SETTLE_ROUNDS * 2)  # names rest before one is missed
                self.pause()
                self.look()
                self.store()
            self.check()
        finally:
            self.pipeline.close()
            self.reader.source.close()
            self.archive.close()
            self.governance.sources.remove(self.row.id)
            shutil.rmtree(self.folder)

    def check(self) -> None:
        numbers = self.stored()
        assert len(numbers) == len(set(numbers)), "stored twice"
        stored, wiped = set(numbers), set[int]().union(*self.wiped)
        missing = set(range(self.written)) - stored
        assert missing <= wiped, f"lost: {sorted(missing - wiped)}"
        self.check_declared(stored)
        (ledger,) = self.governance.sources.ledger(self.row.id)
        assert ledger.totals.adds_up
        assert ledger.totals.lines == ledger.totals.stored == len(numbers)

    def check_declared(self, stored: set[int]) -> None:
        """A loss is declared where anything of the file was known; nothing else is."""
        events = [found.event for found in self.governance.sources.events(self.row.id, limit=500)]
        losses = [event for event in events if event.is_loss]
        # Of a file of which nothing was stored there may be no trace.
        gaps = [numbers for numbers in self.wiped if numbers & stored and numbers - stored]
        assert len(losses) >= len(gaps), f"{gaps} not declared: {events}"
        if not self.wiped:  # what an empty file came to hold before it went, nobody knows
            kinds = {event.kind for event in losses}
            allowed = {"truncated", "rewritten"} if self.is_copied else set()
            assert kinds <= allowed, f"nothing was destroyed: {losses}"


TestPrograms = pytest.mark.timeout(300 + PROGRAMS)(Programs.TestCase)
TestPrograms.settings = settings(
    max_examples=PROGRAMS,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
