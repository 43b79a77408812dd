"""A file, a clock that stands still, and readers that are stopped and resumed at will."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from soc_copilot.domain.records import Checkpoint, RecordChunk
from soc_copilot.ingestion.files import Identity, open_log
from soc_copilot.ingestion.reader import FileReader, ReadLimits, ReadStyle

Record = tuple[int, int, str]  # offset, length, text


@dataclass
class HeldClock:
    """Time goes on only when told to."""

    at_s: float = 1_000.0

    def now_ns(self) -> int:
        return int(self.at_s * 1e9)

    def monotonic_s(self) -> float:
        return self.at_s


@dataclass
class Reading:
    """One file as one reader after the other sees it."""

    path: Path
    style: ReadStyle = field(default_factory=ReadStyle)
    limits: ReadLimits = field(default_factory=ReadLimits)
    clock: HeldClock = field(default_factory=HeldClock)
    chunks: list[RecordChunk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.touch()
        self.fd = open_log(self.path)
        self.reader = self._make(Checkpoint(1, 1, str(self.path), 0), is_new=True)
        self.chunks.append(self.reader.announce())

    def _make(self, spot: Checkpoint, *, is_new: bool) -> FileReader:
        identity = Identity.of(os.fstat(self.fd))
        reader = FileReader(
            spot, identity, is_new=is_new, limits=self.limits, clock=self.clock, style=self.style
        )
        reader.load(self.fd)
        return reader

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def read(self, max_bytes: int = 1 << 20) -> list[RecordChunk]:
        new = self.reader.read(self.fd, max_bytes)
        self.chunks += new
        return new

    def read_all(self) -> None:
        while self.read() or not self.reader.is_caught_up:
            pass

    def finish(self) -> list[RecordChunk]:
        new = self.reader.finish(self.fd)
        self.chunks += new
        return new

    def resume(self, n_kept: int) -> None:
        """Stop, and go on where the store stands that has the first `n_kept` chunks."""
        del self.chunks[max(n_kept, 1) :]
        self.reader = self._make(self.chunks[-1].checkpoint, is_new=False)

    @property
    def records(self) -> list[Record]:
        return list(records_of(self.chunks))


@contextmanager
def reading(path: Path, **parts) -> Iterator[Reading]:
    found = Reading(path, **parts)
    try:
        yield found
    finally:
        os.close(found.fd)


def records_of(chunks: Iterable[RecordChunk]) -> Iterator[Record]:
    """Each record; what the chunks say of themselves must agree."""
    position = None
    for chunk in chunks:
        if position is not None:
            assert chunk.start == position
        position = chunk.checkpoint.offset
        covered = int(chunk.lengths.sum()) + chunk.n_skipped_bytes
        assert covered == position - max(chunk.start, 0) or chunk.start == -1
        lines = chunk.data.decode("utf-8", "backslashreplace").split("\n")
        assert lines.pop() == ""
        assert len(lines) == chunk.n_lines == len(chunk.lengths)
        assert chunk.n_too_long == len(chunk.long_lines)
        starts = range(len(lines)) if chunk.record_starts is None else chunk.record_starts.tolist()
        assert not lines or starts[0] == 0
        for first, last in zip(starts, [*starts[1:], len(lines)][: len(starts)], strict=True):
            end = int(chunk.offsets[last - 1] + chunk.lengths[last - 1])
            offset = int(chunk.offsets[first])
            yield offset, end - offset, "\n".join(lines[first:last])
