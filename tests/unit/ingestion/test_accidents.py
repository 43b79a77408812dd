"""A state machine over a real folder: every numbered line once, but for declared losses."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.tailer import FileTailer


class Accidents(RuleBasedStateMachine):
    """Writes, rotates, truncates, deletes, stops and crashes; a dict plays the store."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "app.log"
        self.written = 0
        self.half = False
        self.unseen = set()  # in a file that was destroyed before a line of it was stored
        self.was_destroyed = False
        self.in_file = set()
        self.stored, self.committed, self.held = [], {}, []
        self.declared = 0
        self.path.touch()
        self.make()
        self.look()
        self.store()

    def make(self):
        self.tailer = FileTailer(
            self.path,
            from_start=True,
            checkpoints=tuple(self.committed.values()),
            limits=ReadLimits(max_lines=2),
            linger_s=0.0,
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

    @rule()
    def look(self):
        self.held += self.tailer.poll()

    @rule()
    def store(self):
        for chunk in self.held:
            held = self.committed.get(chunk.generation)
            assert chunk.start == (held.offset if held else -1)
            self.committed[chunk.generation] = chunk.checkpoint
            self.stored += [int(x[5:]) for x in chunk.data.split(b"\n")[:-1]]
        self.held = []

    @rule()
    def rename(self):
        if self.path.exists():
            self.end_line()
            self.shift()
            self.path.rename(self.folder / "app.log.1")
            if self.was_destroyed and not self.in_file & set(self.stored):
                self.unseen |= self.in_file  # its inode may be a deleted file's: no trace of it
            self.in_file = set()

    @rule()
    def copytruncate(self):
        # A file of which no line was ever stored leaves nothing to know its copy by.
        if self.path.exists() and self.in_file & set(self.stored):
            self.end_line()
            self.shift()
            shutil.copyfile(self.path, self.folder / "app.log.1")
            self.in_file = set()
            os.truncate(self.path, 0)

    @rule()
    def truncate(self):
        if self.path.exists():
            self.half = False
            self.destroy()
            os.truncate(self.path, 0)

    @rule()
    def delete(self):
        if self.path.exists():
            self.half = False
            self.destroy()
            self.path.unlink()

    def destroy(self):
        self.was_destroyed = True
        if not self.in_file & set(self.stored):
            self.unseen |= self.in_file
        self.in_file = set()

    def shift(self):
        for n in range(60, 0, -1):
            older = self.folder / f"app.log.{n}"
            if older.exists():
                older.rename(self.folder / f"app.log.{n + 1}")

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
        try:
            self.end_line()
            for _ in range(6):
                self.look()
                self.store()
            self.nothing_is_stored_twice()
            missing = set(range(self.written)) - set(self.stored)
            if not self.was_destroyed:
                assert not missing
            declared = self.declared + self.tailer.n_possible_losses
            assert missing <= self.unseen or declared
        finally:
            self.tailer.close()
            shutil.rmtree(self.folder)


TestAccidents = Accidents.TestCase
TestAccidents.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
