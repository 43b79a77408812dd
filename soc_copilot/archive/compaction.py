"""Many small files of all sources become few large ones of one source each."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from soc_copilot.archive.segments import (
    GROUP_ROWS,
    EncodedGroup,
    encode,
    fingerprint,
    read,
    read_layout,
    write,
)
from soc_copilot.archive.store import Archive, shares_of
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment, SourceShare
from soc_copilot.domain.errors import StoreError

TARGET_ROWS: Final = 8 * GROUP_ROWS  # chosen: about 10 MB of an access log on disk
BATCH_FILES: Final = 128  # chosen: so many batches are compacted even if they are small
FANOUT: Final = 8  # chosen: small segments merged at once; each row is written log8 times
AGE: Final = "~age"  # microseconds since 1970 UTC
_WAITING_ROWS: Final = 4 * GROUP_ROWS  # chosen: rows of many small sources held at once


def plan(segments: Sequence[Segment], *, everything: bool = False) -> tuple[Segment, ...]:
    """The segments to compact next, oldest first; empty when it is not worth it.

    Args:
        segments: All that may be compacted, oldest first.
        everything: Also compact batches that are few.
    """
    batches = [segment for segment in segments if segment.level == 0]
    n_rows = sum(segment.n_rows for segment in batches)
    if n_rows >= TARGET_ROWS or len(batches) >= BATCH_FILES or (everything and batches):
        return _first_rows(batches)
    tiers: dict[tuple[int, int], list[Segment]] = {}
    for segment in segments:
        if segment.level and segment.n_rows < TARGET_ROWS // 2:
            tiers.setdefault((min(segment.shares), _tier(segment.n_rows)), []).append(segment)
    ready = (_first_rows(tier) for tier in tiers.values() if len(tier) >= FANOUT)
    return max(ready, key=len, default=())


def _tier(n_rows: int) -> int:
    tier = 0
    while n_rows >= FANOUT:
        n_rows //= FANOUT
        tier += 1
    return tier


def _first_rows(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The first segments that fill a file, at least one."""
    taken: list[Segment] = []
    n_rows = 0
    for segment in segments:
        if taken and n_rows + segment.n_rows > TARGET_ROWS:
            break
        taken.append(segment)
        n_rows += segment.n_rows
    return tuple(taken)


@dataclass(slots=True)
class _Output:
    """One source's new segment as it grows."""

    waiting: list[pl.DataFrame] = field(default_factory=list)
    n_waiting: int = 0
    groups: list[EncodedGroup] = field(default_factory=list)
    shares: list[SourceShare] = field(default_factory=list)

    def add(self, events: pl.DataFrame) -> None:
        """Take events; whole groups are encoded at once, so that little is held."""
        self.waiting.append(events)
        self.n_waiting += events.height
        self.shares += shares_of(events).values()
        while self.n_waiting >= GROUP_ROWS:
            self._encode(GROUP_ROWS)

    def finish(self) -> None:
        """Encode what is left."""
        if self.n_waiting:
            self._encode(self.n_waiting)

    def _encode(self, n_rows: int) -> None:
        together = pl.concat(self.waiting, how="diagonal_relaxed")
        start = sum(group.group.n_rows for group in self.groups)
        self.groups.append(encode(together.head(n_rows), start))
        rest = together.slice(n_rows)
        self.waiting, self.n_waiting = ([rest] if rest.height else []), rest.height

    @property
    def share(self) -> SourceShare:
        """Of all events taken."""
        return SourceShare(
            sum(share.n_rows for share in self.shares),
            sum(share.raw_bytes for share in self.shares),
            min(share.min_us for share in self.shares),
            max(share.max_us for share in self.shares),
        )


@dataclass(frozen=True, slots=True)
class Compacted:
    """New segments that hold exactly the events of old ones, to be put in their place."""

    old: tuple[Segment, ...]
    new: tuple[Segment, ...]


def compact(
    archive: Archive, chosen: Sequence[Segment], is_stopped: Callable[[], bool]
) -> Compacted | None:
    """Write the events of segments anew, each source's to a file of its own.

    Nothing is registered or removed; the new files have been read back and compared.

    Args:
        archive: Where the segments are.
        chosen: What to compact. The last ones are left for another time when too much of
            small sources would have to be held.
        is_stopped: Asked between segments; true gives the work up.

    Returns:
        What to replace by what, or None when stopped.

    Raises:
        DiskFullError: There is no room for the new files; nothing of them stays.
        FileNotFoundError: A file is gone.
        Exception: One of `segments.DAMAGE`: a file cannot be read.
    """
    outputs: dict[int, _Output] = {}
    taken: list[Segment] = []
    for segment in chosen:
        if is_stopped():
            return None
        for source_id, events in _by_source(archive.folder, segment):
            outputs.setdefault(source_id, _Output()).add(events)
        taken.append(segment)
        if sum(output.n_waiting for output in outputs.values()) >= _WAITING_ROWS:
            break
    level = 1 + max(segment.level for segment in taken)
    new: list[Segment] = []
    try:
        for source_id, output in outputs.items():
            if is_stopped():
                break
            output.finish()
            new.append(_kept(archive, level, source_id, output))
    except BaseException:
        _discard(archive, new)
        raise
    if len(new) < len(outputs):
        _discard(archive, new)
        return None
    return Compacted(tuple(taken), tuple(new))


def ages(folder: Path, segment: Segment) -> pl.DataFrame:
    """When each event of a compacted segment is old: columns generation, offset and `AGE`.

    An event is as old as the youngest before it in its file, so that what is older than a limit
    is always the beginning of a file: no hole is left that would look like lost lines.

    Raises:
        FileNotFoundError: The file is gone.
        Exception: One of `segments.DAMAGE`: it cannot be read.
    """
    names = (c.GENERATION, c.OFFSET, c.TIMESTAMP, c.INGESTED)
    groups = read_layout(folder, segment).groups
    events = pl.concat([read(folder, segment, group, names) for group in groups])
    # Both, so that an old log that is read today is not removed tonight.
    youngest = pl.max_horizontal(pl.col(c.TIMESTAMP, c.INGESTED).to_physical())
    return events.sort(c.GENERATION, c.OFFSET).select(
        c.GENERATION, c.OFFSET, youngest.cum_max().over(c.GENERATION).alias(AGE)
    )


def trim(
    archive: Archive, segment: Segment, starts: Mapping[int, int], is_stopped: Callable[[], bool]
) -> Segment | None:
    """Write a compacted segment anew without the beginnings of its files.

    Nothing is registered or removed; the new file has been read back and compared.

    Args:
        archive: Where the segment is.
        segment: Of one source.
        starts: For each generation the offset of the first event to keep; of a generation that
            is not named nothing is kept.
        is_stopped: Asked between groups; true gives the work up.

    Returns:
        What to put in its place; None when stopped, or when nothing would be left.

    Raises:
        DiskFullError: There is no room for the new file; nothing of it stays.
        FileNotFoundError: The file is gone.
        Exception: One of `segments.DAMAGE`: the file cannot be read.
    """
    if not starts:
        return None
    output = _Output()
    start = pl.col(c.GENERATION).replace_strict(dict(starts), default=None)
    for _, events in _by_source(archive.folder, segment):
        if is_stopped():
            return None
        kept = events.filter(pl.col(c.OFFSET) >= start)
        if kept.height:
            output.add(kept)
    if not output.shares:
        return None
    output.finish()
    return _kept(archive, segment.level, min(segment.shares), output)


def _discard(archive: Archive, segments: Iterable[Segment]) -> None:
    for segment in segments:
        archive.discard(segment)


def _by_source(folder: Path, segment: Segment) -> Iterable[tuple[int, pl.DataFrame]]:
    for group in read_layout(folder, segment).groups:
        frame = read(folder, segment, group)
        for part in frame.partition_by(c.SOURCE_ID, maintain_order=True):
            # A batch has the columns of all its formats; those of others would stay for ever.
            filled = [s.name for s in part if s.null_count() < part.height or s.name in _ALWAYS]
            yield int(part[c.SOURCE_ID][0]), part.select(filled) if segment.level == 0 else part


_ALWAYS: Final = frozenset({*c.BASE, c.KIND, c.TIMESTAMP, c.DATASET})


def _kept(archive: Archive, level: int, source_id: int, output: _Output) -> Segment:
    buffer = io.BytesIO()
    write(output.groups, buffer)
    segment = archive.keep(buffer, level, {source_id: output.share})
    try:
        found = read_layout(archive.folder, segment).groups
        for group, encoded in zip(found, output.groups, strict=True):
            if fingerprint(read(archive.folder, segment, group)) != encoded.check:
                raise StoreError(
                    f"Events of source {source_id} did not come back as they were written; "
                    "their files are left as they are. Check the disk."
                )
    except BaseException:
        archive.discard(segment)
        raise
    return segment
