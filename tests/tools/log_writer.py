"""A program that writes numbered lines to a log and rotates it in every lossless way there is."""

import bz2
import gzip
import lzma
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

KEPT = 5_000  # rotated files kept: nothing is deleted before it was read
PACKED_AFTER = 4  # the oldest plain one; older ones are packed


class LogWriter:
    """Writes `stem.log` in a folder; every line has a number of its own, in order.

    All rotations keep what was written, so that nothing may be lost or read twice.
    """

    def __init__(self, folder: Path, stem: str, rng: random.Random) -> None:
        self.path = folder / f"{stem}.log"
        self.stem = stem
        self.written = 0
        self._rng = rng
        self._file = self.path.open("ab", buffering=0)
        self._rest = b""

    def line(self) -> bytes:
        """The next line: its number, and filling of random length."""
        filling = "x" * self._rng.randrange(0, 120)
        data = f"{self.stem} {self.written:09d} {filling}\n".encode()
        self.written += 1
        return data

    def write(self, n: int) -> None:
        """Whole lines, in one write."""
        self.end_line()
        self._file.write(b"".join(self.line() for _ in range(n)))

    def write_split(self) -> None:
        """A line in two writes; the second comes with the next action."""
        self.end_line()
        data = self.line()
        cut = self._rng.randrange(1, len(data))
        self._file.write(data[:cut])
        self._rest = data[cut:]

    def end_line(self) -> None:
        """Complete a line that was begun."""
        if self._rest:
            self._file.write(self._rest)
            self._rest = b""

    def rename(self) -> None:
        """Rotation by renaming; the writer goes on in the old file for a moment."""
        self.end_line()
        self._shift()
        self.path.rename(self._rotated(1))
        self._file.write(b"".join(self.line() for _ in range(self._rng.randrange(3))))
        self._reopen()

    def burst(self) -> None:
        """Several rotations with nothing between them."""
        for _ in range(self._rng.randrange(2, 6)):
            self.write(self._rng.randrange(1, 20))
            self.rename()

    def close(self) -> None:
        """Complete the last line and close."""
        self.end_line()
        self._file.close()

    def step(self) -> None:
        """One action, chosen at random."""
        actions: tuple[tuple[Callable[[], None], float], ...] = (
            (lambda: self.write(self._rng.randrange(1, 20)), 40),
            (self.write_split, 10),
            (self.rename, 1),
            (self.burst, 0.1),
        )
        chosen = self._rng.choices([a for a, _ in actions], [w for _, w in actions])[0]
        chosen()

    def _reopen(self) -> None:
        self._file.close()
        self._file = self.path.open("ab", buffering=0)

    def _rotated(self, n: int, suffix: str = "") -> Path:
        return self.path.with_name(f"{self.path.name}.{n}{suffix}")

    def _shift(self) -> None:
        found = {}
        for entry in os.scandir(self.path.parent):
            if entry.name.startswith(f"{self.path.name}."):
                number, dot, packing = entry.name.removeprefix(f"{self.path.name}.").partition(".")
                found[int(number)] = dot + packing
        for n in sorted(found, reverse=True):
            old = self._rotated(n, found[n])
            if n >= KEPT:
                old.unlink()
                continue
            old.rename(self._rotated(n + 1, found[n]))
            if n + 1 > PACKED_AFTER and not found[n]:
                self._pack(self._rotated(n + 1))

    def _pack(self, path: Path) -> None:
        suffix, opener = self._rng.choice(
            ((".gz", gzip.open), (".xz", lzma.open), (".bz2", bz2.open))
        )
        packed = path.with_name(path.name + suffix)
        with path.open("rb") as plain, opener(packed, "wb") as target:
            shutil.copyfileobj(plain, target)
        stat = path.stat()
        os.utime(packed, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as gzip and xz do
        path.unlink()
