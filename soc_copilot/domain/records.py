"""Raw bytes on their way in: chunks of whole lines, and batches of chunks."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
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
        compression: None, or what the content is packed in ("gzip", "xz", "bzip2",
            "zstd"); offsets then count unpacked bytes.
        encoding: What the bytes are in, as a Python codec name ("utf-8", "utf-16-le",
            "cp1252", ...); empty until it is known. Fixed for the generation from then on.
        cursor: Where to go on in something that has no byte offsets (a journal cursor, an
            event record id); empty for files. `offset` then counts the bytes handed out.
        began_ns: When the generation was first seen, nanoseconds since 1970 UTC; 0 where
            that is not known.
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
    encoding: str = ""
    cursor: str = ""
    began_ns: int = 0


@dataclass(frozen=True, slots=True)
class PartialLine:
    """A last line without its line end that was quiet for a while; shown, never scored.

    It stands for the event that will have the same offset once the line is complete, and
    goes away when the position moves past it.

    Attributes:
        offset: Byte offset of its first byte; always the position it was seen at.
        length: Bytes of it so far.
        text: The first 8 KiB, decoded.
        seen_ns: When it was seen to be quiet, nanoseconds since 1970 UTC.
    """

    offset: int
    length: int
    text: str
    seen_ns: int


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line of more than `MAX_LINE_BYTES`, of which only the first bytes are kept.

    Attributes:
        index: Which line of the chunk.
        length: Bytes of the whole line with its line end.
        hash: BLAKE2b-128 (hex) of the whole line without its line end (LF or CRLF).
    """

    index: int
    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """Something that happened to a source, stored with the batch it belongs to.

    Attributes:
        kind: "rotated", "truncated", "rewritten", "replaced", "deleted", "recovered",
            "new-generation", "lost", "unterminated", "refused", "quarantined", "denied",
            "restored", "decoding", "overflow", "connection", "note".
        message: One or two sentences for the operator; may quote hostile names.
        at_ns: When, nanoseconds since 1970 UTC.
        generation: Which generation it concerns, 0 for the source as a whole.
        is_loss: True when lines or events may be gone, or are known to be.
        n_lost: How many are known to be gone (lines, messages or events); None when it
            cannot be known.
        start: First byte of the generation's file that it concerns.
        end: First byte after them; `start` where it concerns no bytes.
    """

    kind: str
    message: str
    at_ns: int
    generation: int = 0
    is_loss: bool = False
    n_lost: int | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class RecordChunk:
    r"""Whole consecutive lines of one file.

    Attributes:
        data: The lines' bytes, each ended by b"\n" (CRLF is left as it is). A line longer
            than `MAX_LINE_BYTES` is cut to that many bytes. UTF-8 (with whatever invalid
            bytes were there) whatever the file's encoding: other encodings are turned into
            UTF-8 when read, with `\xNN` for bytes that mean nothing in them.
        offsets: int64, shape (n_lines,), byte offset in the file of each line's first byte.
        lengths: int64, shape (n_lines,), bytes of each whole line with its line end, before
            the cut: `lengths.sum() == checkpoint.offset - start` unless bytes were skipped.
        start: Byte offset at which this chunk begins; what the store must hold as the
            committed offset for the chunk to be accepted. -1 when the file has no stored
            position yet, so that none must be there.
        read_ns: Wall-clock time of the read, nanoseconds since 1970 UTC.
        checkpoint: The position after this chunk.
        n_too_long: Lines that were cut.
        n_skipped_bytes: Bytes passed over that are no lines (NUL padding, a byte order mark).
        record_starts: int64, shape (n_records,), index of each record's first line, the first
            one 0; None when each line is a record. Lines of one record are never in two chunks.
        long_lines: One for each of `n_too_long`.
        n_undecodable: Lines with bytes that mean nothing in the file's encoding.
        partial: A last line that waits for its end, seen at `checkpoint.offset`.
        events: What happened to the source before or with this chunk.
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
    record_starts: "npt.NDArray[np.int64] | None" = None
    long_lines: tuple[LongLine, ...] = ()
    n_undecodable: int = 0
    partial: PartialLine | None = None
    events: tuple[SourceEvent, ...] = ()

    @property
    def n_lines(self) -> int:
        """Lines in the chunk; 0 for a chunk that only moves a position."""
        return len(self.offsets)

    @property
    def n_records(self) -> int:
        """Records (events to be) in the chunk; fewer than lines where some have several."""
        return self.n_lines if self.record_starts is None else len(self.record_starts)

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
        partial: The last line that waits for its end at the new position; None when there is
            none. Either way it replaces what was stored for this generation.
        events: What happened to the source, to be stored in the same transaction.
    """

    expected_offset: int
    checkpoint: Checkpoint
    ledger: "LedgerDelta"
    partial: PartialLine | None = None
    events: tuple[SourceEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerDelta:
    """Counts that one batch adds to one source.

    bytes_seen = bytes of lines + bytes_skipped; lines = parsed + unparsed + refused, where
    the lines of an event of several count with their event.

    Attributes:
        bytes_seen: Bytes of the source that the position moved over.
        bytes_skipped: Of these, bytes that are no lines (NUL padding, a byte order mark).
        lines: Lines moved over.
        parsed: Lines of events that a format took.
        unparsed: Lines of events that no format took; kept as `event.kind` unparsed.
        too_long: Lines that were cut; they are also counted as parsed or unparsed.
        refused: Lines of a quarantined batch: moved over, not stored.
        stored: Events (not lines) put into the archive; 0 where it is switched off.
        undecodable: Lines with bytes that mean nothing in the source's encoding.
        lost: Lines, messages or events known to be gone before we could read them, by count
            (a socket's overrun, a notification queue's overflow, a spool that was full).
        possible_losses: How often lines may be gone that nobody can count.
    """

    bytes_seen: int = 0
    bytes_skipped: int = 0
    lines: int = 0
    parsed: int = 0
    unparsed: int = 0
    too_long: int = 0
    refused: int = 0
    stored: int = 0
    undecodable: int = 0
    lost: int = 0
    possible_losses: int = 0

    def __add__(self, other: "LedgerDelta") -> "LedgerDelta":
        return LedgerDelta(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(LedgerDelta))
        )

    @property
    def adds_up(self) -> bool:
        """True when every line is either parsed, unparsed or refused, and no more was stored."""
        told = self.parsed + self.unparsed + self.refused
        return self.lines == told and self.stored <= self.lines - self.refused


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source stands, as its reader sees it.

    Attributes:
        state: "waiting" (no file yet), "live", "behind", "listening" (a socket, open),
            "denied", "missing", "error", "quarantined" (its content harmed the reader; a
            person must look), "hung" (a read does not come back), "finished", "stopped".
        detail: One sentence for the operator, empty when all is well.
        lag_bytes: Bytes between the end of the source's files and what was read.
        lag_s: Age in seconds of the oldest byte not read yet, as far as was seen; 0 when
            nothing is left, -1 when it is older than what we have watched.
        read_offset_bytes: Bytes read so far in this run, over all files.
        partial_bytes: Bytes of last lines that wait for their line end, over all files.
        formats: Names of the formats that its files were parsed in, sorted; filled by the
            session, because a reader knows nothing of formats.
        address: Where a listener listens, such as "udp 127.0.0.1:5514"; empty otherwise.
        n_connections: Open connections of a listener.
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
    lag_s: float = 0.0
    partial_bytes: int = 0
    address: str = ""
    n_connections: int = 0
