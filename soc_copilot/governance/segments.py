"""Which files make up the event archive: registered, replaced and removed as one."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection

from soc_copilot.domain.archive import Segment, SourceShare
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import SegmentModel, SegmentShareModel
from soc_copilot.governance.session import Session, WriteTransaction, in_chunks

NAMES_PER_ROW = 100  # chosen: names of removed segments in one audit row

_SEGMENT = SegmentModel.__table__.c
_SHARE = SegmentShareModel.__table__.c


@dataclass(frozen=True, slots=True)
class ArchiveUsage:
    """One source's part of the archive.

    Attributes:
        n_rows: Its events there.
        raw_bytes: Bytes of their lines in the source.
        size_bytes: Its part of the files' sizes; the parts of all sources add up to them.
    """

    source_id: int
    n_rows: int
    raw_bytes: int
    size_bytes: int


class SegmentStore:
    """The archive's segments as the database knows them; their files are the caller's."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def list(
        self,
        *,
        source_id: int | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        level: int | None = None,
    ) -> tuple[Segment, ...]:
        """Segments, those with the oldest event first.

        Args:
            source_id: Only segments with events of this source; the times are then of its
                part of them.
            since_us: Only segments with an event at or after this time.
            until_us: Only segments with an event before this time.
            level: Only segments of this level.
        """
        where = []
        times: Any = _SEGMENT
        query = select(*_SEGMENT).order_by(_SEGMENT.min_us, _SEGMENT.id)
        if source_id is not None:
            query = query.join(SegmentShareModel, _SHARE.segment_id == _SEGMENT.id)
            where.append(_SHARE.source_id == source_id)
            times = _SHARE
        if since_us is not None:
            where.append(times.max_us >= since_us)
        if until_us is not None:
            where.append(times.min_us < until_us)
        if level is not None:
            where.append(_SEGMENT.level == level)
        with self._session.read() as connection:
            rows = connection.execute(query.where(*where)).all()
            shares = _shares(connection, [row.id for row in rows])
        return tuple(
            Segment(row.name, row.level, row.n_rows, row.size_bytes, row.hash, shares[row.id])
            for row in rows
        )

    def names(self) -> frozenset[str]:
        """Names of all segments."""
        with self._session.read() as connection:
            return frozenset(connection.execute(select(_SEGMENT.name)).scalars())

    def replace(self, old: Sequence[str], new: Sequence[Segment]) -> bool:
        """Put segments in the place of others that hold the same events.

        Returns:
            False, with nothing changed, when one of `old` is there no more.

        Raises:
            StoreError: The new ones do not hold as many events of each source as the old
                ones did, or the database could not be written; nothing was changed.
        """
        with self._session.write(self._actor) as tx:
            ids = _ids(tx.connection, old)
            if len(ids) != len(set(old)):
                return False
            before, after = Counter[int](), Counter[int]()
            for shares in _shares(tx.connection, sorted(ids.values())).values():
                before.update({source: share.n_rows for source, share in shares.items()})
            for segment in new:
                after.update({source: share.n_rows for source, share in segment.shares.items()})
            if before != after:
                raise StoreError(
                    "The archive was not changed: the new segments would hold other numbers of "
                    f"events ({dict(after)} by source) than the old ones ({dict(before)})."
                )
            _delete(tx.connection, ids.values())
            for segment in new:
                insert_segment(tx.connection, segment)
        return True

    def trim(self, name: str, new: Segment, reason: str) -> bool:
        """Put a segment in the place of one that has all its events and more.

        The number of events that are gone stands on the audit trail.

        Args:
            name: The segment that has events too many.
            new: The one without them.
            reason: Why, for the audit trail.

        Returns:
            False, with nothing changed, when the old one is there no more.

        Raises:
            StoreError: The new one does not hold fewer events of the same sources, or the
                database could not be written; nothing was changed.
        """
        with self._session.write(self._actor) as tx:
            ids = _ids(tx.connection, [name])
            if not ids:
                return False
            shares = _shares(tx.connection, [ids[name]])[ids[name]]
            before = {source: share.n_rows for source, share in shares.items()}
            after = {source: share.n_rows for source, share in new.shares.items()}
            gone = {source: n - after.get(source, 0) for source, n in sorted(before.items())}
            if after.keys() - before.keys() or min(gone.values()) < 0 or not any(gone.values()):
                raise StoreError(
                    f"The archive was not changed: the new segment ({after} events by source) is "
                    f"no part of the old one ({before})."
                )
            size_bytes = tx.connection.execute(
                select(_SEGMENT.size_bytes).where(_SEGMENT.id == ids[name])
            ).scalar_one()
            _delete(tx.connection, ids.values())
            insert_segment(tx.connection, new)
            _audit_removal(tx, gone, size_bytes - new.size_bytes, [name], reason, kept=new.name)
        return True

    def remove(self, names: Iterable[str], reason: str) -> int:
        """Take segments out of the archive, with their names on the audit trail.

        Works on a full disk, too: this is a way out of it.

        Args:
            names: Those that are not there (any more) are passed over.
            reason: Why, for the audit trail.

        Returns:
            Events that are gone with them.

        Raises:
            StoreError: The database could not be written; nothing was removed.
        """
        chosen = tuple(names)

        def act(tx: WriteTransaction) -> int:
            ids = _ids(tx.connection, chosen)
            return sum(
                _remove(tx, {name: ids[name] for name in chunk}, reason)
                for chunk in in_chunks(sorted(ids), NAMES_PER_ROW)
            )

        return self._session.change(self._actor, act)

    def usage(self) -> tuple[ArchiveUsage, ...]:
        """What each source has in the archive, by source id."""
        sums = [func.sum(_SHARE[name]) for name in ("n_rows", "raw_bytes", "size_bytes")]
        query = select(_SHARE.source_id, *sums).group_by(_SHARE.source_id)
        with self._session.read() as connection:
            rows = connection.execute(query.order_by(_SHARE.source_id)).all()
        return tuple(ArchiveUsage(*(int(value) for value in row)) for row in rows)


def insert_segment(connection: Connection, segment: Segment) -> None:
    """Register a segment inside the caller's write."""
    values = {
        "name": segment.name,
        "level": segment.level,
        "n_rows": segment.n_rows,
        "size_bytes": segment.size_bytes,
        "hash": segment.hash,
        "min_us": segment.min_us,
        "max_us": segment.max_us,
    }
    added = connection.execute(insert(SegmentModel).values(**values))
    segment_id = int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one
    connection.execute(insert(SegmentShareModel), _share_values(segment_id, segment))


def _share_values(segment_id: int, segment: Segment) -> list[dict[str, int]]:
    rows = []
    raw_before, size_before, raw_total = 0, 0, max(segment.raw_bytes, 1)
    for source_id, share in sorted(segment.shares.items()):
        raw_before += share.raw_bytes
        # Running totals are rounded, not parts, so that the parts add up to the file's size.
        size_so_far = segment.size_bytes * raw_before // raw_total
        rows.append(
            {
                "segment_id": segment_id,
                "source_id": source_id,
                "n_rows": share.n_rows,
                "raw_bytes": share.raw_bytes,
                "size_bytes": size_so_far - size_before,
                "min_us": share.min_us,
                "max_us": share.max_us,
            }
        )
        size_before = size_so_far
    return rows


def _ids(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in in_chunks(names):
        query = select(_SEGMENT.name, _SEGMENT.id).where(_SEGMENT.name.in_(chunk))
        found.update((row.name, row.id) for row in connection.execute(query))
    return found


def _shares(connection: Connection, ids: Sequence[int]) -> dict[int, dict[int, SourceShare]]:
    found: dict[int, dict[int, SourceShare]] = {segment_id: {} for segment_id in ids}
    for chunk in in_chunks(ids):
        query = select(*_SHARE).where(_SHARE.segment_id.in_(chunk)).order_by(_SHARE.source_id)
        for row in connection.execute(query):
            share = SourceShare(row.n_rows, row.raw_bytes, row.min_us, row.max_us)
            found[row.segment_id][row.source_id] = share
    return found


def _delete(connection: Connection, ids: Iterable[int]) -> None:
    for chunk in in_chunks(sorted(ids)):
        connection.execute(delete(SegmentShareModel).where(_SHARE.segment_id.in_(chunk)))
        connection.execute(delete(SegmentModel).where(_SEGMENT.id.in_(chunk)))


def _remove(tx: WriteTransaction, ids: Mapping[str, int], reason: str) -> int:
    """Remove these; how many events they held."""
    chosen = _SEGMENT.id.in_(list(ids.values()))
    sums = select(func.sum(_SEGMENT.n_rows), func.sum(_SEGMENT.size_bytes)).where(chosen)
    n_rows, size_bytes = (int(value) for value in tx.connection.execute(sums).one())
    by_source: Counter[int] = Counter()
    for shares in _shares(tx.connection, list(ids.values())).values():
        by_source.update({source: share.n_rows for source, share in shares.items()})
    _delete(tx.connection, ids.values())
    _audit_removal(tx, by_source, size_bytes, sorted(ids), reason)
    return n_rows


def _audit_removal(
    tx: WriteTransaction,
    by_source: Mapping[int, int],
    size_bytes: int,
    names: Sequence[str],
    reason: str,
    kept: str | None = None,
) -> None:
    """Say what is gone, and the name of the segment that holds the rest, if there is one."""
    held = {
        "events": sum(by_source.values()),
        "size_bytes": size_bytes,
        "events_by_source": {str(source): n for source, n in sorted(by_source.items())},
        "segments": list(names),
    }
    rest = None if kept is None else json.dumps({"segments": [kept]})
    tx.audit(Entry("archive.removed", "archive", json.dumps(held), rest, reason))
