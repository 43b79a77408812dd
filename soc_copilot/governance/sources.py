"""Log sources as configured, their positions, and what became of their lines."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.errors import PolicyError, SourceError
from soc_copilot.domain.governance import (
    Actor,
    SourceLedger,
    SourceRow,
    StoredPartial,
    StoredSourceEvent,
)
from soc_copilot.domain.records import Checkpoint, LedgerDelta
from soc_copilot.domain.source_options import ALWAYS_FROM_START, SourceOptions
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import (
    LedgerModel,
    PartialLineModel,
    PositionModel,
    SegmentShareModel,
    SourceModel,
)
from soc_copilot.governance.session import Session, WriteTransaction
from soc_copilot.governance.source_events import read_events, read_partials
from soc_copilot.governance.source_places import name_of, place_of, rivals_of

logger = logging.getLogger(__name__)

LEDGER_FIELDS = tuple(field.name for field in fields(LedgerDelta))

_SOURCE = tuple(SourceModel.__table__.c)
_POSITION = tuple(PositionModel.__table__.c)
_SHARE = SegmentShareModel.__table__.c


class SourceStore:
    """Add, change, remove and list sources. Removed ones keep their alerts and ledger."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def add(
        self,
        kind: str,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        pattern: str = "",
        format: str = "auto",  # noqa: A002 - the word used everywhere for it
        from_start: bool = False,
        options: SourceOptions | None = None,
    ) -> SourceRow:
        """Add a source; it is enabled.

        Args:
            kind: One of `source_options.KINDS`.
            path: What it reads; see `source_places.place_of`.
            name: For people; made of the path when empty.
            pattern: File names to read, for a folder.
            format: A parsing format's name, or "auto".
            from_start: Read what is there already; else only what comes from now on, where the
                kind leaves a choice.
            options: What differs from the defaults.

        Raises:
            SourceError: The kind is unknown, the path or address is none, or another source
                reads the same.
            PolicyError: An option is not for this kind, or its value is not allowed.
        """
        where = place_of(kind, path)
        checked = SourceOptions.checked(kind, options.changed if options is not None else {})
        values = {
            "kind": kind,
            "path": where,
            "name": name.strip() or name_of(kind, where),
            "pattern": (pattern or "*.log") if kind == "directory" else "",
            "format": format,
            "enabled": True,
            "from_start": from_start or kind in ALWAYS_FROM_START,
            "options": _json(checked.changed),
        }
        with self._session.write(self._actor) as tx:
            _refuse_duplicate(tx.connection, values)
            added = tx.connection.execute(insert(SourceModel).values(**values, added_us=tx.now_us))
            source_id = int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one
            zeros = dict.fromkeys((*LEDGER_FIELDS, "alerts"), 0)
            tx.connection.execute(insert(LedgerModel).values(source_id=source_id, **zeros))
            said = " ".join(
                part for part in (kind, where, _json(checked.changed)) if part and part != "{}"
            )
            tx.audit(Entry("source.added", f"source {source_id}", None, said))
            return _get(tx.connection, source_id)

    def list(self) -> tuple[SourceRow, ...]:
        """Every source that was not removed, in the order added."""
        query = select(*_SOURCE).where(SourceModel.removed_us.is_(None)).order_by(SourceModel.id)
        with self._session.read() as connection:
            return tuple(_source_row(row) for row in connection.execute(query))

    def get(self, source_id: int) -> SourceRow:
        """One source, also a removed one.

        Raises:
            SourceError: There is none with this id.
        """
        with self._session.read() as connection:
            return _get(connection, source_id)

    def find(
        self, path: str | os.PathLike[str], pattern: str = "", *, kind: str = "file"
    ) -> SourceRow | None:
        """The source that reads this (for a folder: files of this pattern), if any.

        Args:
            path: As for `add`.
            pattern: As for `add`.
            kind: A source of this kind, or of one that may not read the same besides.

        Raises:
            SourceError: The kind is unknown, or the path or address is none.
        """
        where, kinds = place_of(kind, path), rivals_of(kind)
        found = (s for s in self.list() if s.kind in kinds)
        return next((s for s in found if s.path == where and s.pattern == pattern), None)

    def remove(self, source_id: int, reason: str = "") -> None:
        """Take a source off the list; its alerts, positions and ledger stay.

        Raises:
            SourceError: There is none with this id, or it was removed before.
        """

        def act(tx: WriteTransaction) -> None:
            old = _get(tx.connection, source_id, listed=True)
            self._update(tx, source_id, removed_us=tx.now_us, enabled=False)
            what = f"{old.kind} {old.path}"
            tx.audit(Entry("source.removed", f"source {source_id}", what, None, reason or None))

        self._session.change(self._actor, act)

    def set_enabled(self, source_id: int, enabled: bool) -> None:
        """Say whether the source is read.

        Raises:
            SourceError: There is none with this id, or it was removed.
        """

        def act(tx: WriteTransaction) -> None:
            old = _get(tx.connection, source_id, listed=True)
            if old.enabled != enabled:
                self._update(tx, source_id, enabled=enabled)
                action = "source.enabled" if enabled else "source.disabled"
                words = ("disabled", "enabled") if enabled else ("enabled", "disabled")
                tx.audit(Entry(action, f"source {source_id}", *words))

        self._session.change(self._actor, act)

    def set_format(self, source_id: int, name: str) -> None:
        """Say how the source's lines are parsed: a format's name, or "auto".

        Raises:
            SourceError: There is none with this id, or it was removed.
        """
        with self._session.write(self._actor) as tx:
            old = _get(tx.connection, source_id, listed=True)
            if old.format != name:
                self._update(tx, source_id, format=name)
                tx.audit(Entry("source.format_changed", f"source {source_id}", old.format, name))

    def set_options(self, source_id: int, options: SourceOptions) -> None:
        """Set all options of a source; those not given go back to their defaults.

        Raises:
            SourceError: There is none with this id, or it was removed.
            PolicyError: An option is not for this kind, or its value is not allowed.
        """
        with self._session.write(self._actor) as tx:
            old = _get(tx.connection, source_id, listed=True)
            new = SourceOptions.checked(old.kind, options.changed)
            keys = sorted({*old.options.changed, *new.changed})
            keys = [key for key in keys if old.options.get(key) != new.get(key)]
            if keys:
                self._update(tx, source_id, options=_json(new.changed))
                was = {key: old.options.get(key) for key in keys}
                now = {key: new.get(key) for key in keys}
                subject = f"source {source_id}"
                tx.audit(Entry("source.options_changed", subject, _json(was), _json(now)))

    @staticmethod
    def _update(tx: WriteTransaction, source_id: int, **values: Any) -> None:
        tx.connection.execute(
            update(SourceModel).where(SourceModel.id == source_id).values(**values)
        )

    def checkpoints(self, source_id: int) -> tuple[Checkpoint, ...]:
        """The source's stored positions, by generation."""
        query = (
            select(*_POSITION)
            .where(PositionModel.source_id == source_id)
            .order_by(PositionModel.generation)
        )
        with self._session.read() as connection:
            return tuple(_checkpoint(row) for row in connection.execute(query))

    def ledger(self, source_id: int | None = None) -> tuple[SourceLedger, ...]:
        """Stored counts of one source, or of every listed one.

        Raises:
            SourceError: There is none with this id.
        """
        with self._session.read() as connection:
            if source_id is not None:
                sources: Sequence[SourceRow] = (_get(connection, source_id),)
            else:
                query = select(*_SOURCE).where(SourceModel.removed_us.is_(None))
                rows = connection.execute(query.order_by(SourceModel.id))
                sources = [_source_row(row) for row in rows]
            totals = {
                row.source_id: row for row in connection.execute(select(*LedgerModel.__table__.c))
            }
            places = _sums(connection, PositionModel.source_id, PositionModel.offset)
            partial = _sums(connection, PartialLineModel.source_id, PartialLineModel.offset)
            archived = _sums(connection, _SHARE.source_id, _SHARE.n_rows, _SHARE.size_bytes)
        return tuple(
            SourceLedger(
                source=source,
                totals=LedgerDelta(*(getattr(total, name) for name in LEDGER_FIELDS)),
                committed_bytes=places.get(source.id, (0, 0))[1],
                n_files=places.get(source.id, (0,))[0],
                alerts=total.alerts,
                last_stored_at=(
                    None if total.last_stored_us is None else from_us(total.last_stored_us)
                ),
                n_partial=partial.get(source.id, (0,))[0],
                archived_events=archived.get(source.id, (0, 0, 0))[1],
                archived_bytes=archived.get(source.id, (0, 0, 0))[2],
            )
            for source in sources
            for total in (totals[source.id],)
        )

    def events(
        self, source_id: int | None = None, *, limit: int = 100, before_id: int | None = None
    ) -> tuple[StoredSourceEvent, ...]:
        """What happened to one source, or to all, newest first.

        Args:
            source_id: None for every source, removed ones too.
            limit: Events at most.
            before_id: Only events with a smaller id; None for the newest.
        """
        with self._session.read() as connection:
            return read_events(connection, source_id, limit, before_id)

    def partials(self, source_id: int | None = None) -> tuple[StoredPartial, ...]:
        """Last lines that wait for their line end, of one source or of every listed one."""
        with self._session.read() as connection:
            return read_partials(connection, source_id)


def _sums(connection: Connection, group: Any, *summed: Any) -> dict[int, tuple[int, ...]]:
    """Number of rows and sums of columns, for each source."""
    query = select(group, func.count(), *(func.sum(column) for column in summed)).group_by(group)
    return {row[0]: tuple(int(v) for v in row[1:]) for row in connection.execute(query)}


def _refuse_duplicate(connection: Connection, values: Mapping[str, Any]) -> None:
    same = select(SourceModel.id, SourceModel.name).where(
        SourceModel.kind.in_(sorted(rivals_of(values["kind"]))),
        SourceModel.path == values["path"],
        SourceModel.pattern == values["pattern"],
        SourceModel.removed_us.is_(None),
    )
    found = connection.execute(same).first()
    if found is not None:
        raise SourceError(
            f'"{values["path"]}" is source {found.id} ("{found.name}") already. '
            "Its lines would be counted twice; remove that one first, or keep it."
        )


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False)


def _options(source_id: int, kind: str, text: str) -> SourceOptions:
    if text == "{}":
        return SourceOptions()
    try:
        return SourceOptions.checked(kind, json.loads(text))
    except (PolicyError, ValueError, AttributeError):
        logger.warning(
            "A source's stored options are not valid; the defaults are used. source_id=%s",
            source_id,
        )
        return SourceOptions()


def position_values(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint as values of the position table."""
    return {
        "source_id": checkpoint.source_id,
        "generation": checkpoint.generation,
        "path": checkpoint.path,
        "offset": checkpoint.offset,
        "size_bytes": checkpoint.size_bytes,
        "device": str(checkpoint.device),
        "inode": str(checkpoint.inode),
        "head_hash": checkpoint.head_hash,
        "head_bytes": checkpoint.head_bytes,
        "marker_hash": checkpoint.marker_hash,
        "marker_bytes": checkpoint.marker_bytes,
        "finished": checkpoint.finished,
        "compression": checkpoint.compression,
        "encoding": checkpoint.encoding,
        "cursor": checkpoint.cursor,
        "began_ns": checkpoint.began_ns,
    }


def _get(connection: Connection, source_id: int, *, listed: bool = False) -> SourceRow:
    row = connection.execute(select(*_SOURCE).where(SourceModel.id == source_id)).first()
    if row is None or (listed and row.removed_us is not None):
        raise SourceError(f"There is no source {source_id}. See the list of sources for their ids.")
    return _source_row(row)


def _source_row(row: Any) -> SourceRow:
    return SourceRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        path=row.path,
        pattern=row.pattern,
        format=row.format,
        enabled=row.enabled,
        from_start=row.from_start,
        added_at=from_us(row.added_us),
        options=_options(row.id, row.kind, row.options),
    )


def _checkpoint(row: Any) -> Checkpoint:
    return Checkpoint(
        source_id=row.source_id,
        generation=row.generation,
        path=row.path,
        offset=row.offset,
        size_bytes=row.size_bytes,
        device=int(row.device),
        inode=int(row.inode),
        head_hash=row.head_hash,
        head_bytes=row.head_bytes,
        marker_hash=row.marker_hash,
        marker_bytes=row.marker_bytes,
        finished=row.finished,
        compression=row.compression,
        encoding=row.encoding,
        cursor=row.cursor,
        began_ns=row.began_ns,
    )
