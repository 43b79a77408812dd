"""Log sources as configured, their positions, and what became of their lines."""

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import Actor, SourceLedger, SourceRow
from soc_copilot.domain.records import Checkpoint, LedgerDelta
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import LedgerModel, PositionModel, SourceModel
from soc_copilot.governance.session import Session, WriteTransaction

KINDS = ("file", "directory", "replay")
LEDGER_FIELDS = (
    "bytes_seen",
    "bytes_skipped",
    "lines",
    "parsed",
    "unparsed",
    "too_long",
    "refused",
)

_SOURCE = tuple(SourceModel.__table__.c)
_POSITION = tuple(PositionModel.__table__.c)


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
    ) -> SourceRow:
        """Add a source; it is enabled.

        Args:
            kind: One of `KINDS`.
            path: The file or folder; made absolute.
            name: For people; the path's last part when empty.
            pattern: File names to read, for a folder.
            format: A parsing format's name, or "auto".
            from_start: Read what is there already; else only what comes from now on.

        Raises:
            SourceError: The kind is unknown, or the same source exists.
        """
        if kind not in KINDS:
            raise SourceError(f'A source is one of {", ".join(KINDS)}; found "{kind}".')
        if not os.fspath(path):
            raise SourceError("Give the path of the file or folder to read.")
        where = os.path.abspath(path)  # noqa: PTH100 - keeps symbolic links: logs are often links
        if kind == "directory":
            pattern = pattern or "*.log"
        values = {
            "kind": kind,
            "path": where,
            "name": name.strip() or os.path.basename(where) or where,  # noqa: PTH119
            "pattern": pattern if kind == "directory" else "",
            "format": format,
            "enabled": True,
            "from_start": from_start,
        }
        with self._session.write(self._actor) as tx:
            self._refuse_duplicate(tx.connection, where, str(values["pattern"]))
            added = tx.connection.execute(insert(SourceModel).values(**values, added_us=tx.now_us))
            source_id = int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one
            zeros = dict.fromkeys((*LEDGER_FIELDS, "alerts"), 0)
            tx.connection.execute(insert(LedgerModel).values(source_id=source_id, **zeros))
            tx.audit(Entry("source.added", f"source {source_id}", None, f"{kind} {where}"))
            return _get(tx.connection, source_id)

    @staticmethod
    def _refuse_duplicate(connection: Connection, path: str, pattern: str) -> None:
        same = select(SourceModel.id, SourceModel.name).where(
            SourceModel.path == path,
            SourceModel.pattern == pattern,
            SourceModel.removed_us.is_(None),
        )
        found = connection.execute(same).first()
        if found is not None:
            raise SourceError(
                f'"{path}" is source {found.id} ("{found.name}") already. '
                "Its lines would be counted twice; remove that one first, or keep it."
            )

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

    def find(self, path: str | os.PathLike[str], pattern: str = "") -> SourceRow | None:
        """The source that reads this path (and, for a folder, this pattern), if any."""
        where = os.path.abspath(path)  # noqa: PTH100 - as in add()
        return next((s for s in self.list() if s.path == where and s.pattern == pattern), None)

    def remove(self, source_id: int, reason: str = "") -> None:
        """Take a source off the list; its alerts, positions and ledger stay.

        Raises:
            SourceError: There is none with this id, or it was removed before.
        """
        with self._session.write(self._actor) as tx:
            old = _get(tx.connection, source_id, listed=True)
            self._update(tx, source_id, removed_us=tx.now_us, enabled=False)
            tx.audit(
                Entry(
                    "source.removed",
                    f"source {source_id}",
                    f"{old.kind} {old.path}",
                    None,
                    reason or None,
                )
            )

    def set_enabled(self, source_id: int, enabled: bool) -> None:
        """Say whether the source is read.

        Raises:
            SourceError: There is none with this id, or it was removed.
        """
        with self._session.write(self._actor) as tx:
            old = _get(tx.connection, source_id, listed=True)
            if old.enabled != enabled:
                self._update(tx, source_id, enabled=enabled)
                action = "source.enabled" if enabled else "source.disabled"
                words = ("disabled", "enabled") if enabled else ("enabled", "disabled")
                tx.audit(Entry(action, f"source {source_id}", *words))

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
            positions = select(
                PositionModel.source_id, func.sum(PositionModel.offset), func.count()
            ).group_by(PositionModel.source_id)
            places = {row[0]: row for row in connection.execute(positions)}
            totals = {
                row.source_id: row for row in connection.execute(select(*LedgerModel.__table__.c))
            }
        return tuple(_ledger(s, totals[s.id], places.get(s.id)) for s in sources)


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
    )


def _ledger(source: SourceRow, totals: Any, place: Any) -> SourceLedger:
    return SourceLedger(
        source=source,
        totals=LedgerDelta(**{name: getattr(totals, name) for name in LEDGER_FIELDS}),
        committed_bytes=int(place[1]) if place is not None else 0,
        n_files=place[2] if place is not None else 0,
        alerts=totals.alerts,
        last_stored_at=None if totals.last_stored_us is None else from_us(totals.last_stored_us),
    )
