"""Reading alerts: pages by key, counts, details, history."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, desc, func, select, tuple_
from sqlalchemy.engine import Connection

from soc_copilot.domain.alerts import (
    AlertBucket,
    AlertChange,
    AlertCounts,
    AlertCursor,
    AlertDetail,
    AlertFilter,
    AlertNote,
    AlertRow,
    AlertStatus,
    Disposition,
)
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.findings import Component, Evidence, Severity
from soc_copilot.governance.alert_query import conditions, contains, parts
from soc_copilot.governance.schema import (
    AlertHistoryModel,
    AlertModel,
    DetectorStateModel,
    EvidenceModel,
    NoteModel,
    SuppressionModel,
)
from soc_copilot.governance.session import Session, in_chunks
from soc_copilot.governance.suppressing import suppression_of
from soc_copilot.governance.tally import read_tally

PAGE_ROWS = 256  # chosen: rows of one page of the alert table
CHANGED_LIMIT = 1_000  # chosen: ids that one poll returns at most
_EXPORT_PAGE = 200  # chosen: alerts whose details are read at once

_ALERT = AlertModel.__table__.c
_EVIDENCE = EvidenceModel.__table__.c
_NOTE = NoteModel.__table__.c
_CHANGE = AlertHistoryModel.__table__.c
_ROW = tuple(
    _ALERT[name]
    for name in (
        *("id", "severity", "first_us", "last_us", "detector", "rule", "entity", "entity_type"),
        *("technique", "title", "count", "status", "disposition", "assignee", "score"),
        *("raised_us", "suppressed_by"),
    )
)
_DETAIL = (
    *_ROW,
    *(_ALERT[n] for n in ("summary", "threshold", "model_version", "components", "next_steps")),
)
_NEWEST_FIRST = (_ALERT.last_us.desc(), _ALERT.id.desc())
_PLACE = tuple_(_ALERT.last_us, _ALERT.id)


class AlertReader:
    """What can be asked about alerts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        filter: AlertFilter,  # noqa: A002
        before: AlertCursor | None = None,
        limit: int = PAGE_ROWS,
    ) -> tuple[AlertRow, ...]:
        """Alerts that pass the filter, newest first, at most `limit`.

        Args:
            filter: Which ones.
            before: Only those after this place in the newest-first order.
            limit: Rows at most.
        """
        place = None if before is None else tuple_(to_us(before.last_seen), before.id) > _PLACE
        return self._page(filter, place, limit)

    def page_after(
        self,
        filter: AlertFilter,  # noqa: A002
        after: AlertCursor | None,
        limit: int = PAGE_ROWS,
    ) -> tuple[AlertRow, ...]:
        """The alerts next above a place, newest first; the oldest ones without a place."""
        place = None if after is None else tuple_(to_us(after.last_seen), after.id) < _PLACE
        return self._page(filter, place, limit, oldest_first=True)[::-1]

    def newer(
        self,
        filter: AlertFilter,  # noqa: A002
        than: AlertCursor | None,
        limit: int = PAGE_ROWS,
    ) -> tuple[AlertRow, ...]:
        """The newest alerts that pass the filter and come before a place, newest first."""
        place = None if than is None else tuple_(to_us(than.last_seen), than.id) < _PLACE
        return self._page(filter, place, limit)

    def get(self, ids: Sequence[int]) -> tuple[AlertRow, ...]:
        """The alerts with these ids, in the order asked; unknown ids are passed over."""
        found: dict[int, AlertRow] = {}
        with self._session.read() as connection:
            for chunk in in_chunks(ids):
                query = select(*_ROW).where(_ALERT.id.in_(chunk))
                found.update((row.id, alert_row(row)) for row in connection.execute(query))
        return tuple(found[i] for i in ids if i in found)

    def rows(self, query: Any) -> tuple[AlertRow, ...]:
        """What a query made with `row_query` finds."""
        with self._session.read() as connection:
            return tuple(alert_row(row) for row in connection.execute(query))

    def _page(
        self,
        filter: AlertFilter,  # noqa: A002
        place: ColumnElement[bool] | None,
        limit: int,
        *,
        oldest_first: bool = False,
    ) -> tuple[AlertRow, ...]:
        """A page put together of a filter's parts, each of which has an index in its order."""
        order = (_ALERT.last_us.asc(), _ALERT.id.asc()) if oldest_first else _NEWEST_FIRST
        found: list[Any] = []
        with self._session.read() as connection:
            for wanted in parts(filter):
                query = select(*_ROW).where(*wanted).order_by(*order).limit(limit)
                found += connection.execute(query if place is None else query.where(place))
        found.sort(key=lambda row: (row.last_us, row.id), reverse=not oldest_first)
        return tuple(alert_row(row) for row in found[:limit])

    def change_token(self) -> int:
        """Where `changed_since` starts when what was read so far is up to date."""
        with self._session.read() as connection:
            return connection.execute(select(func.max(_ALERT.revision))).scalar() or 0

    def changed_since(
        self, change_token: int, limit: int = CHANGED_LIMIT
    ) -> tuple[int, tuple[int, ...]]:
        """Ids of alerts raised or changed since a token, the latest changes first.

        Args:
            change_token: From the last call, or from `change_token()`.
            limit: Ids at most. Getting as many means: read everything again.

        Returns:
            The token for the next call, and the ids.
        """
        query = (
            select(_ALERT.revision, _ALERT.id)
            .where(_ALERT.revision > change_token)
            .order_by(_ALERT.revision.desc(), _ALERT.id.desc())
            .limit(limit)
        )
        with self._session.read() as connection:
            rows = connection.execute(query).all()
        return (rows[0].revision if rows else change_token), tuple(row.id for row in rows)

    def count(self, filter: AlertFilter) -> int:  # noqa: A002
        """Number of alerts that pass the filter."""
        wanted = conditions(filter)
        # Ids have no gaps and alerts are never deleted, so the last id is their number.
        query = select(func.count() if wanted else func.max(_ALERT.id))
        with self._session.read() as connection:
            return connection.execute(query.select_from(AlertModel).where(*wanted)).scalar() or 0

    def counts(self) -> AlertCounts:
        """Numbers for tiles and badges."""
        with self._session.read() as connection:
            total = connection.execute(select(func.max(_ALERT.id))).scalar() or 0
            by_severity, unassigned = read_tally(connection)
        return AlertCounts(total, by_severity, unassigned)

    def extent(self) -> tuple[datetime, datetime] | None:
        """Time of the earliest and of the latest event of any alert; None without alerts."""
        with self._session.read() as connection:
            first = connection.execute(select(func.min(_ALERT.first_us))).scalar()
            last = connection.execute(select(func.max(_ALERT.last_us))).scalar()
        return None if first is None or last is None else (from_us(first), from_us(last))

    def histogram(
        self,
        filter: AlertFilter,  # noqa: A002
        start: datetime,
        end: datetime,
        n_buckets: int,
    ) -> tuple[AlertBucket, ...]:
        """Alerts first seen in [start, end) by severity, in equal buckets, empty ones too."""
        if n_buckets < 1 or end <= start:
            return ()
        start_us = to_us(start)
        width_us = -(-(to_us(end) - start_us) // n_buckets)  # rounded up: the last one may overhang
        bucket = ((_ALERT.first_us - start_us) // width_us).label("bucket")
        query = (
            select(bucket, _ALERT.severity, func.count())
            .where(_ALERT.first_us >= start_us, _ALERT.first_us < to_us(end), *conditions(filter))
            .group_by("bucket", _ALERT.severity)  # by name: a server cannot match bound values
        )
        counts = [[0] * len(Severity) for _ in range(n_buckets)]
        with self._session.read() as connection:
            for number, severity, n in connection.execute(query):
                counts[number][severity] = n
        return tuple(
            AlertBucket(from_us(start_us + i * width_us), (c[0], c[1], c[2], c[3], c[4]))
            for i, c in enumerate(counts)
        )

    def top_entities(
        self, since: datetime | None, limit: int = 10
    ) -> tuple[tuple[str, int, Severity], ...]:
        """Entities with the most open alerts last seen since then: name, alerts, worst."""
        return self._top(_ALERT.entity, since, limit)

    def top_techniques(
        self, since: datetime | None, limit: int = 10
    ) -> tuple[tuple[str, int, Severity], ...]:
        """Techniques with the most open alerts last seen since then: id, alerts, worst."""
        return self._top(_ALERT.technique, since, limit)

    def _top(
        self, column: ColumnElement[str], since: datetime | None, limit: int
    ) -> tuple[tuple[str, int, Severity], ...]:
        number, worst = func.count().label("n"), func.max(_ALERT.severity).label("worst")
        query = (
            select(column, number, worst)
            .where(_ALERT.is_open == 1, _ALERT.is_suppressed == 0, column != "")
            .group_by(column)
            .order_by(desc("n"), desc("worst"), column)
            .limit(limit)
        )
        if since is not None:
            query = query.where(_ALERT.last_us >= to_us(since))
        with self._session.read() as connection:
            return tuple((name, n, Severity(s)) for name, n, s in connection.execute(query))

    def detail(self, alert_id: int) -> AlertDetail:
        """Everything about one alert.

        Raises:
            StoreError: There is none with this id.
        """
        with self._session.read() as connection:
            found = _details(connection, [alert_id])
        if not found:
            raise StoreError(missing_message([alert_id]))
        return found[0]

    def export(self, filter: AlertFilter) -> Iterator[AlertDetail]:  # noqa: A002
        """Yield everything about every alert that passes the filter, newest first.

        Read page by page: alerts that change meanwhile are given as they are then.
        """
        before: AlertCursor | None = None
        while page := self.page(filter, before, _EXPORT_PAGE):
            with self._session.read() as connection:
                details = _details(connection, [row.id for row in page])
            yield from details
            before = AlertCursor(page[-1].last_seen, page[-1].id)

    def history(
        self, before_id: int | None = None, limit: int = PAGE_ROWS, text: str = ""
    ) -> tuple[AlertChange, ...]:
        """What happened to alerts, newest first.

        Args:
            before_id: Only changes older than this one.
            limit: Changes at most.
            text: Words that must all occur in who, what, the values, or the alert's title or
                entity; "alert:17" asks for one alert.
        """
        query = select(*_CHANGE).order_by(_CHANGE.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(_CHANGE.id < before_id)
        for word in text.split():
            query = query.where(_history_term(word))
        with self._session.read() as connection:
            return tuple(_change(row) for row in connection.execute(query))

    def detectors(self) -> tuple[str, ...]:
        """Names of the detectors that ever raised an alert, sorted."""
        query = select(DetectorStateModel.detector).where(DetectorStateModel.alerts > 0)
        with self._session.read() as connection:
            return tuple(sorted(connection.execute(query).scalars()))


def missing_message(ids: Sequence[int]) -> str:
    """What to tell someone who names alerts that are not there."""
    named = ", ".join(str(i) for i in list(ids)[:10]) + (", ..." if len(ids) > 10 else "")
    if len(ids) == 1:
        return f"There is no alert {named}. List the alerts for their ids."
    return f"There are no alerts {named}. List the alerts for their ids; nothing was changed."


def row_query() -> Select[Any]:
    """A query for `AlertReader.rows`; say which alerts and in what order."""
    return select(*_ROW)


def alert_row(row: Any) -> AlertRow:
    """A table row as an `AlertRow`."""
    return AlertRow(
        id=row.id,
        severity=Severity(row.severity),
        first_seen=from_us(row.first_us),
        last_seen=from_us(row.last_us),
        detector=row.detector,
        rule=row.rule,
        entity=row.entity,
        entity_type=row.entity_type,
        technique=row.technique,
        title=row.title,
        count=row.count,
        status=AlertStatus(row.status),
        disposition=None if row.disposition is None else Disposition(row.disposition),
        assignee=row.assignee,
        score=row.score,
        raised_at=from_us(row.raised_us),
        suppressed_by=row.suppressed_by,
    )


def _history_term(word: str) -> ColumnElement[bool]:
    field, _, value = word.partition(":")
    if field.lower() == "alert" and value.isdecimal():
        return _CHANGE.alert_id == int(value)
    own = [contains(_CHANGE[name], word) for name in ("actor", "field", "old", "new")]
    about = select(_ALERT.id).where(
        _ALERT.id == _CHANGE.alert_id,
        contains(_ALERT.title, word) | contains(_ALERT.entity, word),
    )
    return own[0] | own[1] | own[2] | own[3] | about.exists()


def _details(connection: Connection, ids: list[int]) -> list[AlertDetail]:
    rows = {row.id: row for row in connection.execute(select(*_DETAIL).where(_ALERT.id.in_(ids)))}
    evidence: dict[int, list[Evidence]] = defaultdict(list)
    in_order = (_EVIDENCE.timestamp_us, _EVIDENCE.source_id, _EVIDENCE.generation, _EVIDENCE.offset)
    lines = select(*_EVIDENCE).where(_EVIDENCE.alert_id.in_(ids)).order_by(*in_order)
    for line in connection.execute(lines):
        evidence[line.alert_id].append(_evidence(line))
    notes: dict[int, list[AlertNote]] = defaultdict(list)
    for note in connection.execute(
        select(*_NOTE).where(_NOTE.alert_id.in_(ids)).order_by(_NOTE.id)
    ):
        notes[note.alert_id].append(
            AlertNote(note.id, note.alert_id, from_us(note.at_us), note.actor, note.text)
        )
    changes: dict[int, list[AlertChange]] = defaultdict(list)
    for change in connection.execute(
        select(*_CHANGE).where(_CHANGE.alert_id.in_(ids)).order_by(_CHANGE.id)
    ):
        changes[change.alert_id].append(_change(change))
    by = {row.suppressed_by for row in rows.values() if row.suppressed_by is not None}
    which = select(*SuppressionModel.__table__.c).where(SuppressionModel.id.in_(sorted(by)))
    held = {row.id: suppression_of(row) for row in (connection.execute(which) if by else ())}
    return [
        AlertDetail(
            row=alert_row(rows[i]),
            summary=rows[i].summary,
            threshold=rows[i].threshold,
            model_version=rows[i].model_version,
            components=tuple(Component(*part) for part in json.loads(rows[i].components)),
            evidence=tuple(evidence[i]),
            next_steps=tuple(json.loads(rows[i].next_steps)),
            notes=tuple(notes[i]),
            history=tuple(changes[i]),
            suppression=held.get(rows[i].suppressed_by),
        )
        for i in ids
        if i in rows
    ]


def _evidence(row: Any) -> Evidence:
    return Evidence(
        event_id=row.event_id,
        source_id=row.source_id,
        generation=row.generation,
        path=row.path,
        offset=row.offset,
        length=row.length,
        timestamp=from_us(row.timestamp_us),
        raw=row.raw,
        highlights=tuple((start, end) for start, end in json.loads(row.highlights)),
        score=row.score,
    )


def _change(row: Any) -> AlertChange:
    return AlertChange(
        id=row.id,
        alert_id=row.alert_id,
        at=from_us(row.at_us),
        actor=row.actor,
        surface=row.surface,
        field=row.field,
        old=row.old,
        new=row.new,
    )
