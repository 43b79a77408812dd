"""One thread's connection to the governance database: read and write transactions."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.audit_head import Head
from soc_copilot.governance.chain import AuditChain, Entry
from soc_copilot.governance.engine import IMMEDIATE, translated
from soc_copilot.governance.location import Place
from soc_copilot.governance.reserve import Reserve
from soc_copilot.governance.schema import DatabaseModel

T = TypeVar("T")

CHUNK = 500  # chosen: values in one IN list; older SQLite takes 999 parameters
_LOCK = select(DatabaseModel.id).with_for_update()


def in_chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield a sequence in lists of at most `size`."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


@dataclass(slots=True)
class WriteTransaction:
    """A write in progress: its connection, who writes, and one time for all its rows."""

    connection: Connection
    chain: AuditChain
    actor: Actor
    now_us: int
    head: Head | None = field(default=None)

    def audit(self, *entries: Entry) -> None:
        """Add audit rows that stand or fall with this transaction."""
        if entries:
            who = (self.actor.name, self.actor.surface)
            self.head = self.chain.append(self.connection, self.now_us, who, entries)


class Session:
    """Owner of one connection, kept open from the first use until `close`.

    Thread:
        The thread that made it, only.
    """

    def __init__(
        self,
        engine: Engine,
        place: Place,
        chain: AuditChain,
        *,
        read_only: bool,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.clock = clock
        self.engine = engine
        self.place = place
        self.chain = chain
        self.read_only = read_only
        self.reserve = Reserve(place.reserve)
        self._thread = threading.get_ident()
        self._connection: Connection | None = None
        self._closed = False

    def now_us(self) -> int:
        """The present time, microseconds since 1970 UTC."""
        return self.clock.now_ns() // 1_000

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of the database for as long as the block lasts.

        Raises:
            StoreError: The database cannot be read.
        """
        with translated(self.place.title, self.place.path):
            connection = self._open()
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, actor: Actor) -> Iterator[WriteTransaction]:
        """A transaction that nobody else writes beside; committed when the block ends well.

        Raises:
            DiskFullError: There is no room left; nothing was written.
            StoreError: The database cannot be written; nothing was.
        """
        if self.read_only:
            raise StoreError(
                f'The governance database "{self.place.title}" was opened for reading only.'
            )
        with translated(self.place.title, self.place.path):
            connection = self._open()
            connection.info[IMMEDIATE] = True
            with connection.begin():
                if self.place.path is None:
                    connection.execute(_LOCK)  # one writer at a time on a server, too
                transaction = WriteTransaction(connection, self.chain, actor, self.now_us())
                yield transaction
        if transaction.head is not None:
            self.publish(transaction.head)
        self.reserve.ensure()

    def publish(self, head: Head) -> None:
        """Witness the chain's new head outside the database, if need be with the reserve."""
        if not self.chain.publish(head) and self.reserve.release():
            self.chain.publish(head)

    def change(self, actor: Actor, act: Callable[[WriteTransaction], T]) -> T:
        """Make a change that a person must be able to make on a full disk, too.

        Args:
            actor: Who makes it.
            act: Makes it inside a transaction of its own; called again as `insist` says.

        Raises:
            DiskFullError: There is no room and no reserve; nothing was written.
            StoreError: The database cannot be written; nothing was.
        """

        def write() -> T:
            with self.write(actor) as tx:
                return act(tx)

        return self.insist(write)

    def insist(self, act: Callable[[], T]) -> T:
        """Do what a person must be able to do on a full disk, too.

        Args:
            act: Writes in one transaction; called a second time, with the reserve freed, when
                the first met a full disk.

        Raises:
            DiskFullError: There is no room and no reserve; nothing was written.
            StoreError: As `act` raises it.
        """
        try:
            return act()
        except DiskFullError:
            if not self.reserve.release():
                raise
        return act()

    def _open(self) -> Connection:
        if threading.get_ident() != self._thread:
            raise RuntimeError("A Governance object is used by the thread that opened it only.")
        if self._closed:
            raise StoreError(f'The governance database "{self.place.title}" is closed.')
        if self._connection is not None and self._connection.invalidated:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def close(self) -> None:
        """Close the connection; doing it twice is fine."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()
