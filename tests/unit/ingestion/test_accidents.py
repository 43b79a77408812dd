"""A state machine over a real folder: every numbered line once, but for declared losses.

`SOC_COPILOT_ACCIDENTS` sets how many programs are run, `SOC_COPILOT_SEED` where they start;
a failure prints the program that led to it.
"""

import bz2
import gzip
import lzma
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from backports import zstd
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from soc_copilot.ingestion import files
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.tailer import FileTailer

PACKERS = {
    ".gz": gzip.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".bz2": bz2.compress,
    ".zst": zstd.compress,
}
PROGRAMS = int(os.environ.get("SOC_COPILOT_ACCIDENTS", "60"))
SEED = int(os.environ.get("SOC_COPILOT_SEED", "0"))


class Clock:
    """Every look is a while after the last, so that nothing is put off for long."""

    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        import time

        return time.time_ns()

    def monotonic_s(self):
        self.at += 0.7
        return self.at


def refuse(path, *, follow=True):
    raise PermissionError(13, "Permission denied", str(path))


class Accidents(RuleBasedStateMachine):
    """Writes, rotates, packs, truncates, deletes, denies, stops, crashes; a dict is the store."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "app.log"
        self.written = 0
        self.half = False
        self.unseen = set()  # in a file that was destroyed before a line of it was stored
        self.was_destroyed = False
        self.in_file = set()
        self.in_last = set()  # in the file that was rotated last
        self.stored, self.committed, self.held = [], {}, []
        self.declared = self.n_links = 0
        self.is_link = self.is_denied = False
        self.events = []
        self.tailer = None

    @initialize(is_link=st.booleans())
    def begin(self, is_link):
        self.is_link = is_link
        if is_link:
            self.set_link()
        self.path.touch()
        self.make()
        self.look()
        self.store()

    def set_link(self):
        """The path leads to another file in the same folder from now on."""
        self.n_links += 1
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.folder / f"target-{self.n_links}x")

    def make(self):
        self.tailer = FileTailer(
            self.path,
            from_start=True,
            checkpoints=tuple(self.committed.values()),
            limits=ReadLimits(max_lines=2),
            linger_s=0.0,
            clock=Clock(),
        )

    def write(self, data):
        with self.path.open("ab") as f:
            f.write(data)

    def end_line(self):
        if self.half:
            self.write(b"\n")
            self.half = False

    @rule(n=st.integers(1, 5))
    def write_lines(self, n):
        self.end_line()
        for _ in range(n):
            self.write(b"line %06d\n" % self.written)
            self.in_file.add(self.written)
            self.written += 1

    @rule()
    def write_half(self):
        self.end_line()
        self.write(b"line %06d" % self.written)
        self.in_file.add(self.written)
        self.written += 1
        self.half = True

    @rule(n=st.integers(1, 5000))
    def write_zeros(self, n):
        self.end_line()
        self.write(bytes(n))

    @rule()
    def look(self):
        with mock.patch.object(files, "open_log", refuse if self.is_denied else files.open_log):
            self.held += self.tailer.poll()

    @rule()
    def deny(self):
        self.is_denied = not self.is_denied

    @rule()
    def store(self):
        for chunk in self.held:
            held = self.committed.get(chunk.generation)
            assert chunk.start == (held.offset if held else -1)
            self.committed[chunk.generation] = chunk.checkpoint
            self.stored += [int(x.lstrip(b"\0")[5:]) for x in chunk.data.split(b"\n")[:-1]]
            self.events += chunk.events
        self.held = []

    @rule()
    def rename(self):
        if self.path.exists() and not self.is_link:
            self.end_line()
            self.shift()
            self.path.rename(self.folder / "app.log.1")
            if self.was_destroyed and not self.in_file & set(self.stored):
                self.unseen |= self.in_file  # its inode may be a deleted file's: no trace of it
            self.in_last, self.in_file = self.in_file, set()

    @rule(n=st.integers(2, 4))
    def burst(self, n):
        for _ in range(n):
            self.write_lines(1)
            self.rename()
        self.write_lines(1)

    @rule(suffix=st.sampled_from(sorted(PACKERS)))
    def pack(self, suffix):
        plain = self.folder / "app.log.1"
        # Of a file of which no line was stored, nothing is known once its inode is gone.
        if plain.exists() and self.in_last & set(self.stored):
            packed = PACKERS[suffix](plain.read_bytes())
            target = plain.with_name(plain.name + suffix)
            with target.open("wb") as f:
                f.write(packed[: len(packed) // 2])
                f.flush()
                self.look()
                f.write(packed[len(packed) // 2 :])
            plain.unlink()

    @rule()
    def swap_link(self):
        if self.is_link:
            self.end_line()
            self.is_denied = False
            self.look()  # where a link led between two stored positions, nobody knows
            self.look()
            self.store()
            self.set_link()
            self.path.touch()
            self.in_file = set()

    @rule()
    def copytruncate(self):
        # A file of which no line was ever stored leaves nothing to know its copy by.
        if self.path.exists() and self.in_file & set(self.stored):
            self.end_line()
            self.shift()
            shutil.copyfile(self.path, self.folder / "app.log.1")
            self.in_last, self.in_file = self.in_file, set()
            os.truncate(self.path, 0)

    @rule()
    def truncate(self):
        if self.path.exists():
            self.half = False
            self.destroy()
            os.truncate(self.path, 0)

    @rule()
    def regrow(self):
        """Truncated, and longer than before when it is looked at again."""
        if self.path.exists():
            size = self.path.stat().st_size
            self.truncate()
            while self.path.stat().st_size <= size:
                self.write_lines(5)

    @rule()
    def delete(self):
        if self.path.exists():
            self.half = False
            self.destroy()
            self.path.resolve().unlink()

    @rule()
    def folder_instead(self):
        if self.path.exists() and not self.is_link:
            self.rename()
            self.path.mkdir()
            self.look()
            self.path.rmdir()

    def destroy(self):
        self.was_destroyed = True
        if not self.in_file & set(self.stored):
            self.unseen |= self.in_file
        self.in_file = set()

    def shift(self):
        rotated = [path.name.split(".") for path in self.folder.glob("app.log.*")]
        for parts in sorted(rotated, key=lambda parts: -int(parts[2])):
            newer = [*parts[:2], str(int(parts[2]) + 1), *parts[3:]]
            (self.folder / ".".join(parts)).rename(self.folder / ".".join(newer))

    @rule()
    def restart(self):
        self.store()
        self.crash()

    @rule()
    def crash(self):
        self.held = []
        self.declared += self.tailer.n_possible_losses
        self.tailer.close()
        self.make()

    @invariant()
    def nothing_is_stored_twice(self):
        assert len(self.stored) == len(set(self.stored))

    def teardown(self):
        if self.tailer is None:
            return
        try:
            self.end_line()
            self.is_denied = False
            for _ in range(16):
                self.look()
                self.store()
            self.nothing_is_stored_twice()
            missing = set(range(self.written)) - set(self.stored)
            declared = self.declared + self.tailer.n_possible_losses
            if not self.was_destroyed and not declared:
                assert not missing
            assert missing <= self.unseen or declared
            if declared == self.tailer.n_possible_losses:  # else some were said before a crash
                assert sum(event.is_loss for event in self.events) == declared
        finally:
            self.tailer.close()
            shutil.rmtree(self.folder)


@pytest.mark.timeout(36_000 if PROGRAMS > 60 else 300)
def test_accidents():
    print(f"programs={PROGRAMS} seed={SEED}")  # noqa: T201 - to run the same again
    run_state_machine_as_test(
        seed(SEED)(Accidents),
        settings=settings(
            max_examples=PROGRAMS,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
