"""Raw bytes on their way in: chunks of whole lines, and batches of chunks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_LINE_BYTES = 64 * 1024  # chosen: bytes kept of one line; the rest is counted, never held


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Fingerprint of a file and the byte offset up to which results are committed.

    A source holds one checkpoint per generation: each file identity it ever read
    (device and inode, and what the first bytes say) is one generation.

    Attributes:
        source_id: Row id of the source.
        generation: 1, 2, ... within the source.
        path: The file's path when last read.
        offset: Bytes from the start of the file; everything before is committed.
        size_bytes: The file's size when last looked at.
        device: Device number, 0 where the platform has none.
        inode: Inode (file index on Windows), 0 where the platform has none.
        head_hash: BLAKE2b-128 (hex) of the first `head_bytes` bytes.
        head_bytes: How many first bytes were hashed, at most 1,024.
        marker_hash: BLAKE2b-128 (hex) of the `marker_bytes` bytes just before `offset`.
        marker_bytes: How many, at most 256.
        finished: True once the file is gone and was read to its end.
        compression: None, or what the content is packed in ("gzip"); offsets then count
            unpacked bytes.
    """

    source_id: int
    generation: int
    path: str
    offset: int
    size_bytes: int = 0
    device: int = 0
    inode: int = 0
    head_hash: str = ""
    head_bytes: int = 0
    marker_hash: str = ""
    marker_bytes: int = 0
    finished: bool = False
    compression: str | None = None


@dataclass(frozen=True, slots=True)
class RecordChunk:
    r"""Whole consecutive lines of one file.

    Attributes:
        data: The lines' bytes, each ended by b"\n" (CRLF is left as it is). A line longer
            than `MAX_LINE_BYTES` is cut to that many bytes.
        offsets: int64, shape (n_lines,), byte offset in the file of each line's first byte.
        lengths: int64, shape (n_lines,), bytes of each whole line with its line end, before
            the cut: `lengths.sum() == checkpoint.offset - start` unless bytes were skipped.
        start: Byte offset at which this chunk begins; what the store must hold as the
            committed offset for the chunk to be accepted. -1 when the file has no stored
            position yet, so that none must be there.
        read_ns: Wall-clock time of the read, nanoseconds since 1970 UTC.
        checkpoint: The position after this chunk.
        n_too_long: Lines that were cut.
        n_skipped_bytes: Bytes passed over that are no lines (NUL padding).
    """

    source_id: int
    generation: int
    path: str
    start: int
    data: bytes
    offsets: "npt.NDArray[np.int64]"
    lengths: "npt.NDArray[np.int64]"
    read_ns: int
    checkpoint: Checkpoint
    n_too_long: int = 0
    n_skipped_bytes: int = 0

    @property
    def n_lines(self) -> int:
        """Lines in the chunk; 0 for a chunk that only moves a position."""
        return len(self.offsets)

    @property
    def size_bytes(self) -> int:
        """Bytes held in memory by the lines."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Chunks that are parsed, scored and committed together.

    Attributes:
        sequence: 1, 2, ... within one run of the controller.
        chunks: In the order read; chunks of one file follow each other without a gap.
        flushed_ns: When the buffer let the batch go, nanoseconds since 1970 UTC.
    """

    sequence: int
    chunks: tuple[RecordChunk, ...]
    flushed_ns: int = 0

    @property
    def n_lines(self) -> int:
        """Lines over all chunks."""
        return sum(chunk.n_lines for chunk in self.chunks)

    @property
    def size_bytes(self) -> int:
        """Bytes of lines over all chunks."""
        return sum(chunk.size_bytes for chunk in self.chunks)

    def by_file(self) -> Iterator[tuple[tuple[int, int], list[RecordChunk]]]:
        """Yield ((source_id, generation), chunks in order) for each file in the batch."""
        files: dict[tuple[int, int], list[RecordChunk]] = {}
        for chunk in self.chunks:
            files.setdefault((chunk.source_id, chunk.generation), []).append(chunk)
        yield from files.items()


@dataclass(frozen=True, slots=True)
class PositionMove:
    """One file's step forward, to be stored together with what its lines led to.

    Attributes:
        expected_offset: What the store must hold now; -1 when no row may exist yet.
        checkpoint: What it holds afterwards.
        ledger: What the step adds to the source's ledger.
    """

    expected_offset: int
    checkpoint: Checkpoint
    ledger: "LedgerDelta"


@dataclass(frozen=True, slots=True)
class LedgerDelta:
    """Counts that one batch adds to one source. bytes_seen = bytes of lines + bytes_skipped."""

    bytes_seen: int = 0
    bytes_skipped: int = 0
    lines: int = 0
    parsed: int = 0
    unparsed: int = 0
    too_long: int = 0  # cut lines; they are also counted as parsed or unparsed
    refused: int = 0  # lines of a quarantined batch

    def __add__(self, other: "LedgerDelta") -> "LedgerDelta":
        return LedgerDelta(
            self.bytes_seen + other.bytes_seen,
            self.bytes_skipped + other.bytes_skipped,
            self.lines + other.lines,
            self.parsed + other.parsed,
            self.unparsed + other.unparsed,
            self.too_long + other.too_long,
            self.refused + other.refused,
        )

    @property
    def adds_up(self) -> bool:
        """True when every line is either parsed, unparsed or refused."""
        return self.lines == self.parsed + self.unparsed + self.refused


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source stands, as its reader sees it.

    Attributes:
        state: "waiting" (no file yet), "live", "behind", "denied", "missing", "error",
            "finished", "stopped".
        detail: One sentence for the operator, empty when all is well.
        lag_bytes: Bytes between the end of the source's files and what was read.
        read_offset_bytes: Bytes read so far in this run, over all files.
        formats: Names of the formats that its files were parsed in, sorted; filled by the
            session, because a reader knows nothing of formats.
    """

    source_id: int
    name: str
    state: str
    detail: str = ""
    lag_bytes: int = 0
    read_offset_bytes: int = 0
    n_files: int = 0
    last_read_ns: int = 0
    messages: tuple[str, ...] = field(default=())  # rotations, truncations seen, newest last
    formats: tuple[str, ...] = ()
