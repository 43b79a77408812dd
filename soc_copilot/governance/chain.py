"""The audit chain itself: canonical encoding, MACs, appending within a transaction."""

import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.governance.audit_head import AuditKey, Head, HeadFile
from soc_copilot.governance.location import is_full
from soc_copilot.governance.schema import AuditModel, DatabaseModel
from soc_copilot.governance.stored_text import to_stored

logger = logging.getLogger(__name__)

FIELDS = ("seq", "at_us", "actor", "surface", "action", "subject", "old", "new", "reason")
"""Columns that a row's MAC covers, in this order, after the former row's MAC."""

_INSERT = insert(AuditModel)
_IDENTITY = select(DatabaseModel.key_id, DatabaseModel.anchor_seq)
_LAST = select(AuditModel.seq, AuditModel.mac).order_by(AuditModel.seq.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one audit row says besides who and when."""

    action: str
    subject: str
    old: str | None = None
    new: str | None = None
    reason: str | None = None


class RowDigest:
    """SHA-256 of rows as stored: what the anchor of a chain remembers of those before it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: Sequence[Any]) -> None:
        """Go on with the next row: its `FIELDS` and its MAC."""
        text = json.dumps([*row], ensure_ascii=True, separators=(",", ":"), default=repr)
        self._hash.update(text.encode("ascii") + b"\n")

    def hex(self) -> str:
        """Of all rows so far."""
        return self._hash.hexdigest()


class AuditChain:
    """Append to the chain and witness its head.

    Thread:
        `append` inside a write transaction, `publish` after its commit, on its thread.
    """

    def __init__(self, key: AuditKey, head_file: HeadFile, database_id: str) -> None:
        self.key = key
        self.head_file = head_file
        self.anchor_seq = 0
        self._database_id = database_id

    def follow(self, connection: Connection) -> None:
        """Take the key and the anchor that the database names now.

        Another process may have anchored the chain anew since they were read last.
        """
        identity = connection.execute(_IDENTITY).one()
        self.anchor_seq = identity.anchor_seq
        if identity.key_id != self.key.id:
            self.key = self.key.named(identity.key_id)

    def genesis(self) -> str:
        """What the first row's MAC builds on; differs for each database."""
        return self._mac(["soc-copilot audit", self._database_id])

    def anchor(self, digest: str) -> str:
        """What the MAC of the row after `anchor_seq` builds on, instead of the row before it.

        Args:
            digest: `RowDigest` of all rows up to `anchor_seq`.
        """
        parts = ("soc-copilot audit anchor", self._database_id, self.anchor_seq, digest)
        return self._mac(parts)

    def row_mac(self, previous: str, values: Sequence[int | str | None]) -> str:
        """MAC (hex) of a row, given the former row's and the row's `FIELDS` as stored."""
        return self._mac([previous, *values])

    def _mac(self, parts: Sequence[int | str | None]) -> str:
        # JSON of a flat list of numbers, ASCII strings and nulls: no two lists look alike.
        text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
        return hmac.new(self.key.read(), text.encode("ascii"), hashlib.sha256).hexdigest()

    def append(
        self, connection: Connection, at_us: int, who: tuple[str, str], entries: Sequence[Entry]
    ) -> Head:
        """Add rows inside the caller's write transaction.

        Raises:
            StoreError: The key or the head file is missing.
        """
        self.head_file.require()
        self.follow(connection)
        last = connection.execute(_LAST).first()
        before = Head(last.seq, last.mac) if last is not None else Head(0, self.genesis())
        return self._insert(connection, before, at_us, who, entries)

    def append_anchor(
        self,
        connection: Connection,
        last: Head,
        at_us: int,
        who: tuple[str, str],
        entry: Entry,
        digest: str,
    ) -> Head:
        """Go on with a new key after a row that the former key or head file is gone for.

        Args:
            connection: Of a write transaction.
            last: The last row there is.
            at_us: Time of the new row.
            who: Name and surface of whoever does it.
            entry: What the new row says.
            digest: `RowDigest` of all rows up to `last`.
        """
        self.key = self.key.successor()
        self.anchor_seq = last.seq
        values = {"key_id": self.key.id, "anchor_seq": last.seq}
        connection.execute(update(DatabaseModel).values(values))
        before = Head(last.seq, self.anchor(digest))
        return self._insert(connection, before, at_us, who, [entry])

    def _insert(
        self,
        connection: Connection,
        before: Head,
        at_us: int,
        who: tuple[str, str],
        entries: Sequence[Entry],
    ) -> Head:
        seq, mac = before.seq, before.mac
        actor, surface = to_stored(who[0]), to_stored(who[1])
        rows: list[dict[str, Any]] = []
        for entry in entries:
            seq += 1
            said = (entry.action, entry.subject, entry.old, entry.new, entry.reason)
            stored = [None if text is None else to_stored(text) for text in said]
            values = (seq, at_us, actor, surface, *stored)
            mac = self.row_mac(mac, values)
            rows.append({**dict(zip(FIELDS, values, strict=True)), "mac": mac})
        connection.execute(_INSERT, rows)
        return Head(seq, mac)

    def publish(self, head: Head) -> bool:
        """Write the head down outside the database, after the commit.

        Returns:
            False when there was no room on the disk.
        """
        try:
            self.head_file.append(head)
        except OSError as error:
            # The rows are stored and valid; the next append or verification catches up.
            logger.exception("Cannot write the audit head file. path=%s", self.head_file.path)
            return not is_full(error)
        return True
