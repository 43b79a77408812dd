"""Random programs of writing, rotating, breaking, stopping and crashing, against a model.

Every line has a number of its own. Reading, parsing, the archive and the governance database
are the real ones, driven step by step. At the end each number stands in the archive exactly
once, unless its bytes were destroyed before they could be read, and then the stored source
events declare it where there was any trace to tell it by.

`SOC_COPILOT_PROGRAMS=2000` runs that many programs instead of the few of an ordinary run.
"""

import gzip
import itertools
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soc_copilot.archive.store import Archive
from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk, SourceStatus
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.directory import DirectoryWatcher
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import FileTailer
from soc_copilot.parsing.batch import BatchParser
from soc_copilot.pipeline.core import ArchiveEnd, Pipeline
from tests.tools.archived import archived_lines

PROGRAMS = int(os.environ.get("SOC_COPILOT_PROGRAMS", "40"))
PAUSE_S = 20.0  # longer than any wait after trouble
SETTLE_ROUNDS = 12  # looks and stores after which nothing may be left
STYLE = ReadStyle(partial_after_s=0.0)
LIMITS = ReadLimits(max_lines=2)


class Skewed:
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.skew_s = 0.0

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_s(self) -> float:
        return time.monotonic() + self.skew_s


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
        self.destroyed: set[int] = set()  # numbers whose bytes were wiped out somewhere
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

    # Rotation: nothing is destroyed

    @precondition(lambda self: self.real.exists())
    @rule(times=st.sampled_from([1, 1, 1, 2, 4]))
    def rotate(self, times: int) -> None:
        for _ in range(times):
            self.end_line()
            self.shift()
            self.real.rename(self.rotated(1))
            self.in_file = set()
            self.write_lines(1)

    @precondition(lambda self: self.real.exists())
    @rule()
    def copytruncate(self) -> None:
        self.end_line()
        self.shift()
        shutil.copyfile(self.real, self.rotated(1))
        self.in_file = set()
        os.truncate(self.real, 0)

    @precondition(lambda self: self.rotated(1).exists())
    @rule()
    def pack(self) -> None:
        plain = self.rotated(1)
        with gzip.open(f"{plain}.gz", "wb") as packed:
            packed.write(plain.read_bytes())
        plain.unlink()

    def rotated(self, n: int) -> Path:
        return self.real.with_name(f"app.log.{n}")

    def shift(self) -> None:
        for n in range(80, 0, -1):
            for suffix in ("", ".gz"):
                old = Path(f"{self.rotated(n)}{suffix}")
                if old.exists():
                    old.rename(f"{self.rotated(n + 1)}{suffix}")

    # Accidents: what was not read yet is gone

    def destroy(self) -> None:
        self.is_half = False
        self.destroyed |= self.in_file
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
        """The link leads to a new file; nobody will lead back to the old one."""
        self.end_line()
        target = self.folder / f"real-{self.written}-{n}"
        target.mkdir(exist_ok=True)
        self.destroy()
        self.path.unlink()
        self.path.symlink_to(target / "app.log")

    @rule()
    def deny(self) -> None:
        """A folder in the log's place: it cannot be read until the log is back."""
        if self.real.exists():
            aside = self.real.with_name("aside")
            self.real.rename(aside)
            self.real.mkdir()
            self.look()
            self.real.rmdir()
            aside.rename(self.real)

    # The reader

    @rule()
    def look(self) -> None:
        self.reader.read()

    @rule()
    def pause(self) -> None:
        self.clock.skew_s += PAUSE_S

    @rule()
    def store(self) -> None:
        self.pipeline.run_batch(self.now)

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
            self.pipeline.run_batch(self.now)
            assert self.governance.sources.checkpoints(self.row.id) == before

    def teardown(self) -> None:
        if not hasattr(self, "row"):
            return
        try:
            if self.engaged:
                self.switch()
            self.end_line()
            for _ in range(SETTLE_ROUNDS):
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
        missing = set(range(self.written)) - set(numbers)
        assert missing <= self.destroyed, f"lost: {sorted(missing - self.destroyed)}"
        (ledger,) = self.governance.sources.ledger(self.row.id)
        assert ledger.totals.adds_up
        assert ledger.totals.lines == ledger.totals.stored == len(numbers)


TestPrograms = pytest.mark.timeout(300 + PROGRAMS)(Programs.TestCase)
TestPrograms.settings = settings(
    max_examples=PROGRAMS,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
