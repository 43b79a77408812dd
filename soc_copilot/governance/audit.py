"""The audit trail: who did what, when, from what to what; and whether that is still true."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.governance import Actor, AuditReport, AuditRow
from soc_copilot.governance.audit_head import Head
from soc_copilot.governance.chain import FIELDS, AuditChain, Entry, RowDigest
from soc_copilot.governance.schema import AuditModel
from soc_copilot.governance.session import Session, WriteTransaction
from soc_copilot.governance.stored_text import from_stored, to_stored

PAGE_ROWS = 2_000  # chosen: rows verified between two progress reports

_COLUMNS = tuple(AuditModel.__table__.c[name] for name in (*FIELDS, "mac"))
_ANCHOR = re.compile(r"row \d+, SHA-256 ([0-9a-f]{64})")
_SEARCHED = tuple(
    AuditModel.__table__.c[name]
    for name in ("actor", "surface", "action", "subject", "old", "new", "reason")
)


class AuditTrail:
    """Read, extend and verify the audit chain."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def record(
        self,
        action: str,
        subject: str,
        old: str | None = None,
        new: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Add one row in a transaction of its own.

        Raises:
            StoreError: The row could not be stored.
        """
        entry = Entry(action, subject, old, new, reason)
        self._session.change(self._actor, lambda tx: tx.audit(entry))

    def rows(
        self,
        before_seq: int | None = None,
        limit: int = 256,
        *,
        text: str = "",
        after_seq: int = 0,
    ) -> tuple[AuditRow, ...]:
        """Rows older than one, newest first, at most `limit`.

        Args:
            before_seq: Only rows with a smaller number; None for the newest ones.
            limit: Rows at most.
            text: Words that must all occur somewhere in the row, case-insensitive, taken
                literally. Without words the read is by key alone; with words it scans.
            after_seq: Only rows with a greater number.
        """
        query = select(*_COLUMNS).order_by(AuditModel.seq.desc()).limit(limit)
        if before_seq is not None:
            query = query.where(AuditModel.seq < before_seq)
        if after_seq:
            query = query.where(AuditModel.seq > after_seq)
        for word in text.split():
            stored = to_stored(word)
            query = query.where(
                or_(*(column.icontains(stored, autoescape=True) for column in _SEARCHED))
            )
        with self._session.read() as connection:
            return tuple(_audit_row(row) for row in connection.execute(query))

    def count(self) -> int:
        """Number of rows."""
        with self._session.read() as connection:
            return connection.execute(select(func.max(AuditModel.seq))).scalar() or 0

    def verify(self, progress: Callable[[int, int], None] | None = None) -> AuditReport:
        """Check every row against the chain, and the chain against its head file.

        Args:
            progress: Called with rows checked and rows in all, every 2,000 rows.

        Returns:
            The verdict. An unreadable database, key or head file is one, too: not ok.
        """
        try:
            with self._session.read() as connection:
                self._session.chain.follow(connection)
                report, last, behind = _Verification(self._session, connection).run(progress)
        except StoreError as error:
            return AuditReport(False, 0, None, str(error))
        if report.ok and behind and not self._session.read_only:
            # A crash between a commit and the line in the head file: catch up.
            self._session.publish(last)
        return report

    def _last_words(self, connection: Connection) -> str:
        """What the key, if it is there, says about the rows without the head file."""
        try:
            self._session.chain.key.read()
        except StoreError:
            return "Nothing is known about the rows."
        walk = _Verification(self._session, connection)
        return f"Going by the key alone: {walk.run(None, witnesses=iter(()))[0].message}"

    def reanchor(self, reason: str) -> AuditReport:
        """Begin the chain anew, with a new key, where its key or head file is lost for good.

        The first row of the new chain holds a digest of all rows before it, so that they
        cannot change unseen from now on. What was done to them before stays unknown, and
        every verification says so.

        Args:
            reason: Why, for the audit trail.

        Returns:
            The verdict on the new chain.

        Raises:
            PolicyError: No reason was given, or neither key nor head file is lost.
            StoreError: A row cannot be read, or the database cannot be written.
        """
        if not reason.strip():
            raise PolicyError("Give a reason to anchor the audit trail anew; it is kept with it.")
        chain = self._session.chain

        def act(tx: WriteTransaction) -> Head:
            chain.follow(tx.connection)
            lost = _what_is_lost(chain)
            if not lost:
                raise PolicyError(
                    "The audit key and the head file are there and belong to this database, "
                    "so there is nothing to anchor anew. Verify the trail instead."
                )
            last, digest = _Verification(self._session, tx.connection).digest()
            old = f"row {last.seq}, SHA-256 {digest}"
            said = " ".join((*lost, self._last_words(tx.connection)))
            entry = Entry("audit.reanchored", "audit trail", old, said, reason.strip())
            who = (self._actor.name, self._actor.surface)
            return chain.append_anchor(tx.connection, last, tx.now_us, who, entry, digest)

        head = self._session.change(self._actor, act)
        chain.head_file.create()  # after the commit: one made too early would witness nothing
        self._session.publish(head)
        return self.verify()


def _what_is_lost(chain: AuditChain) -> list[str]:
    """What is wrong with the chain's key and head file, as told to the operator."""
    lost = []
    for check in (chain.key.read, lambda: list(chain.head_file.lines())):
        try:
            check()
        except StoreError as error:
            lost.append(str(error))
    return lost


def _audit_row(row: Any) -> AuditRow:
    texts = [
        None if text is None else from_stored(str(text))
        for text in (row.actor, row.surface, row.action, row.subject)
    ]
    old, new, reason = (
        None if text is None else from_stored(str(text)) for text in (row.old, row.new, row.reason)
    )
    actor, surface, action, subject = (text or "" for text in texts)
    return AuditRow(
        row.seq, from_us(row.at_us), actor, surface, action, subject, old, new, reason, row.mac
    )


class _BrokenError(Exception):
    """The chain does not hold at a row."""

    def __init__(self, seq: int, message: str) -> None:
        super().__init__(message)
        self.seq = seq
        self.message = message


class _Verification:
    """One walk over the chain."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self._chain = session.chain
        self._connection = connection
        self._checked = 0
        self._digest = RowDigest()
        self._anchored: Any = None

    def run(
        self,
        progress: Callable[[int, int], None] | None,
        witnesses: Iterator[Head] | None = None,
    ) -> tuple[AuditReport, Head, bool]:
        """Verdict, the chain's last row, and whether the head file is behind it.

        Args:
            progress: See `AuditTrail.verify`.
            witnesses: What to believe instead of the head file.
        """
        head = Head(0, "" if self._chain.anchor_seq else self._chain.genesis())
        witnesses = self._chain.head_file.lines() if witnesses is None else witnesses
        try:
            witness, witnessed = next(witnesses, None), False
            total = self._total()
            for row in self._rows():
                head = self._next(row, head)
                witnessed = witness is not None and witness.seq == head.seq
                if witness is not None and witnessed:
                    self._agree(witness, head)
                    witness = next(witnesses, None)
                if progress is not None and (head.seq % PAGE_ROWS == 0 or head.seq == total):
                    progress(head.seq, total)
            self._require_end(head, witness)
        except _BrokenError as broken:
            return AuditReport(False, self._checked, broken.seq, broken.message), head, False
        anchor = self._chain.anchor_seq
        return (
            AuditReport(True, self._checked, None, self._praise(head), anchor or None),
            head,
            not witnessed,
        )

    def digest(self) -> tuple[Head, str]:
        """The chain's last row as it stands, and a digest of all rows, unverified.

        Raises:
            StoreError: A row cannot be read.
        """
        last, digest = Head(0, ""), RowDigest()
        try:
            for row in self._rows():
                digest.add(tuple(row))
                last = Head(row.seq, row.mac)
        except _BrokenError as broken:
            raise StoreError(
                f"{broken.message} The database is damaged; restore it from a backup."
            ) from broken
        return last, digest.hex()

    def _praise(self, head: Head) -> str:
        anchor = self._anchored
        if anchor is None:
            return f"All {head.seq:,} rows of the audit trail are as they were written."
        row = _audit_row(anchor)
        return (
            f"The {self._checked:,} rows of the audit trail from row {row.seq} on are as they were "
            f"written. There it was anchored anew by {row.actor} on {row.at:%Y-%m-%d %H:%M:%S}Z "
            f"({row.reason}): the {row.seq - 1:,} rows before have not changed since, and what "
            "was done to them earlier cannot be told."
        )

    def _require_end(self, head: Head, witness: Head | None) -> None:
        if witness is not None:
            raise _BrokenError(
                head.seq + 1,
                f"The audit trail was cut off: it ends with row {head.seq}, but the head file "
                f"knows of row {witness.seq}.",
            )
        if head.seq == 0:
            raise _BrokenError(
                1, "The audit trail has lost its first row; every database is made with one."
            )
        if self._chain.anchor_seq and self._anchored is None:
            raise _BrokenError(
                self._chain.anchor_seq + 1,
                "The audit trail has lost the row with which it was anchored anew.",
            )

    def _total(self) -> int:
        found = self._connection.execute(select(func.count()).select_from(AuditModel)).scalar()
        return int(found or 0)

    def _rows(self) -> Iterator[Any]:
        after: int | None = None
        while True:
            query = select(*_COLUMNS).order_by(AuditModel.seq).limit(PAGE_ROWS)
            if after is not None:
                query = query.where(AuditModel.seq > after)
            try:
                page = self._connection.execute(query).all()
            except DBAPIError:
                yield from self._one_by_one(after)
                return
            yield from page
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].seq

    def _one_by_one(self, after: int | None) -> Iterator[Any]:
        """Rows of a page that the driver cannot decode, up to the one at fault."""
        seq = after or 0
        while True:
            seq += 1
            try:
                row = self._connection.execute(
                    select(*_COLUMNS).where(AuditModel.seq == seq)
                ).first()
            except DBAPIError:
                raise _BrokenError(
                    seq, f"Row {seq} of the audit trail is not readable text."
                ) from None
            if row is None:
                raise _BrokenError(seq, f"Row {seq} of the audit trail is missing.")
            yield row

    def _next(self, row: Any, before: Head) -> Head:
        """Take the next row: of before the anchor, the anchor's own, or one after it."""
        anchor = self._chain.anchor_seq
        if anchor and isinstance(row.seq, int) and row.seq <= anchor:
            self._digest.add(tuple(row))
            return Head(row.seq, row.mac)
        if not anchor or before.seq > anchor:
            return self._check(row, before)
        stated = _ANCHOR.fullmatch(row.old) if isinstance(row.old, str) else None
        if stated is None:
            raise _BrokenError(
                anchor + 1, "The row with which the audit trail was anchored anew was altered."
            )
        found = self._check(row, Head(anchor, self._chain.anchor(stated[1])))
        if stated[1] != self._digest.hex():
            raise _BrokenError(
                anchor,
                f"One of the first {anchor} rows of the audit trail was altered, inserted or "
                f"removed after it was anchored anew by row {anchor + 1}.",
            )
        self._anchored = row
        return found

    def _check(self, row: Any, before: Head) -> Head:
        values = tuple(row)
        seq = before.seq + 1
        if values[0] != seq:
            if isinstance(values[0], int) and values[0] > seq:
                raise _BrokenError(seq, f"Row {seq} of the audit trail is missing.")
            raise _BrokenError(seq, f"A row that does not belong there stands before row {seq}.")
        kinds = (int, int, str, str, str, str, str | None, str | None, str | None, str)
        if not all(isinstance(v, kind) for v, kind in zip(values, kinds, strict=True)):
            raise _BrokenError(seq, f"Row {seq} of the audit trail was altered.")
        if self._chain.row_mac(before.mac, values[:-1]) != values[-1]:
            raise _BrokenError(seq, f"Row {seq} of the audit trail was altered, inserted or moved.")
        self._checked += 1
        return Head(seq, values[-1])

    @staticmethod
    def _agree(witness: Head, head: Head) -> None:
        if witness.mac != head.mac:
            raise _BrokenError(
                head.seq,
                f"Row {head.seq} of the audit trail is not the one that the head file knows: "
                "rows were cut off and others put in their place.",
            )
