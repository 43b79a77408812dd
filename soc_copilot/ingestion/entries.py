"""Chunks of JSON lines from something that is no file of lines: a journal, an event log."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

import numpy as np

from soc_copilot.domain.records import (
    MAX_LINE_BYTES,
    Checkpoint,
    LongLine,
    RecordChunk,
    SourceEvent,
)
from soc_copilot.ingestion.files import digest

# Chosen: the longest texts of an entry that is too long are cut to the first of these that helps.
_KEPT_TEXT: Final = (16_384, 4_096, 1_024, 256, 64)


@dataclass(frozen=True, slots=True)
class NumberedPosition:
    """A position that is whole numbers alone; subclasses name them, each with its beginning."""

    @classmethod
    def of(cls, cursor: str) -> Self:
        """The position in a checkpoint's cursor; the beginning when there is none in it."""
        parts = cursor.split(":")
        if len(parts) == len(fields(cls)) and all(part.isdecimal() for part in parts):
            return cls(*map(int, parts))
        return cls()

    @property
    def cursor(self) -> str:
        """As a checkpoint keeps it."""
        return ":".join(str(getattr(self, field.name)) for field in fields(self))


def entry_chunk(
    entries: Sequence[bytes],
    before: Checkpoint,
    *,
    is_new: bool,
    cursor: str,
    read_ns: int,
    events: tuple[SourceEvent, ...] = (),
) -> RecordChunk:
    """Entries as a chunk whose checkpoint stands after them.

    Offsets count the bytes of entries handed out since the generation began. An entry of more
    than `MAX_LINE_BYTES` is shortened so that it stays JSON, and marked as a long line.

    Args:
        entries: One JSON object each, in UTF-8, without line ends in it.
        before: The position before them.
        is_new: The store holds no position of this generation yet.
        cursor: Where to go on after them.
        read_ns: When they were read, nanoseconds since 1970 UTC.
        events: What happened to the source.
    """
    lengths = np.array([len(entry) + 1 for entry in entries], np.int64)
    ends = before.offset + np.cumsum(lengths, dtype=np.int64)
    long_lines, kept = [], list(entries)
    for index in np.flatnonzero(lengths > MAX_LINE_BYTES).tolist():
        whole = entries[index]
        long_lines.append(LongLine(index, len(whole) + 1, digest(whole)))
        kept[index] = shortened(whole)
    after = int(ends[-1]) if len(ends) else before.offset
    return RecordChunk(
        source_id=before.source_id,
        generation=before.generation,
        path=before.path,
        start=-1 if is_new else before.offset,
        data=b"".join(entry + b"\n" for entry in kept),
        offsets=ends - lengths,
        lengths=lengths,
        read_ns=read_ns,
        checkpoint=replace(before, offset=after, cursor=cursor),
        n_too_long=len(long_lines),
        long_lines=tuple(long_lines),
        events=events,
    )


def shortened(entry: bytes) -> bytes:
    """The entry with its longest texts cut until it fits a line; still JSON where it can be."""
    try:
        found = json.loads(entry)
    except (ValueError, RecursionError):
        return entry[: MAX_LINE_BYTES - 1]
    for limit in _KEPT_TEXT:
        text = json.dumps(_cut(found, limit), ensure_ascii=False, separators=(",", ":"))
        fitting = text.encode("utf-8", "replace")
        if len(fitting) < MAX_LINE_BYTES:
            return fitting
    return fitting[: MAX_LINE_BYTES - 1]


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, dict):
        return {name: _cut(inner, limit) for name, inner in value.items()}
    if isinstance(value, list):
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return _cut(bytes(value).decode("utf-8", "backslashreplace"), limit)
        return [_cut(inner, limit) for inner in value[:limit]]
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]}... ({len(value) - limit:,} more)"
    return value
