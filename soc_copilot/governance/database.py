"""The governance database, opened: one object that hands out everything else."""

import getpass
from pathlib import Path
from types import TracebackType
from typing import Self

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.domain.governance import Actor, DiskState
from soc_copilot.governance.alerts import AlertStore
from soc_copilot.governance.audit import AuditTrail
from soc_copilot.governance.batches import BatchStore
from soc_copilot.governance.brands import BrandStore
from soc_copilot.governance.engine import choose_journal, open_engine, translated
from soc_copilot.governance.facts import DatabaseFacts, database_facts
from soc_copilot.governance.kill_switch import KillSwitch
from soc_copilot.governance.location import Place, locate, make_private_file, refuse_network
from soc_copilot.governance.migrate import prepare
from soc_copilot.governance.reserve import Reserve
from soc_copilot.governance.segments import SegmentStore
from soc_copilot.governance.series import SeriesStore
from soc_copilot.governance.session import Session
from soc_copilot.governance.settings_store import SettingsStore
from soc_copilot.governance.sources import SourceStore
from soc_copilot.governance.suppressions import SuppressionStore


class Governance:
    """One thread's way to the governance database. Open it with `Governance.open`.

    Attributes:
        url: The database's URL, without a password.
        path: The SQLite file, None on a database server.
        actor: Who acts through this object.
        journal_note: Why SQLite does not use its write-ahead log; empty when it does.
        archive_folder: Where the event archive's files lie; made by whoever writes there.
        spool_folder: Where sources that cannot wait keep what they receive; likewise.
        quarantine_folder: Where lines lie that could not be parsed; likewise.
        kill_switch, audit, sources, alerts, suppressions, settings, batches, segments, brands,
            series: The parts.

    Thread:
        The thread that opened it; `kill_switch.state` and `.is_engaged` from any.
    """

    def __init__(
        self, session: Session, actor: Actor, journal_note: str = "", *, owner: bool = True
    ) -> None:
        self._session = session
        self._owner = owner
        self.actor = actor
        self.journal_note = journal_note
        self.url = session.place.url.render_as_string(hide_password=True)
        self.path = session.place.path
        self.archive_folder = session.place.archive
        self.spool_folder = session.place.spool
        self.quarantine_folder = session.place.quarantine
        self.kill_switch = KillSwitch(session, actor)
        self.audit = AuditTrail(session, actor)
        self.sources = SourceStore(session, actor)
        self.alerts = AlertStore(session, actor)
        self.suppressions = SuppressionStore(session, actor)
        self.settings = SettingsStore(session, actor)
        self.batches = BatchStore(session, actor)
        self.segments = SegmentStore(session, actor)
        self.brands = BrandStore(session, actor)
        self.series = SeriesStore(session)

    @classmethod
    def open(
        cls,
        target: str | Path | None = None,
        *,
        actor: Actor | None = None,
        home: Path | None = None,
        read_only: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Open the database, creating or migrating it when need be.

        Args:
            target: Path or SQLAlchemy URL; None for `governance.db` in the user's data
                folder, or in the folder that the variable `SOC_COPILOT_HOME` names.
            actor: Who acts; the operating system's user at the command line by default.
            home: Folder for keys and the default database, instead of the platform's.
            read_only: Never write, and never create.
            clock: Where what is written gets its time from.

        Raises:
            DiskFullError: There is no room left on the disk.
            StoreError: It cannot be opened, lies on a network file system, belongs to
                another program or to a newer version of this one.
        """
        place = locate(target, home)
        actor = actor or Actor(_user_name(), "cli")
        if place.path is not None:
            _make_ready(place, read_only)
        try:
            session, note = _open(place, actor, clock, read_only=read_only)
        except DiskFullError:
            # To engage the kill switch, the database has to be opened first.
            if read_only or not Reserve(place.reserve).release():
                raise
            session, note = _open(place, actor, clock, read_only=read_only)
        if not read_only:
            session.reserve.ensure(thoroughly=True)
        return cls(session, actor, note)

    def as_actor(self, actor: Actor) -> "Governance":
        """The same database and connection under another name; closing it closes nothing."""
        return Governance(self._session, actor, self.journal_note, owner=False)

    def facts(self) -> DatabaseFacts:
        """Where the database lies and how it is kept; looks at the disk."""
        return database_facts(self._session, self.journal_note)

    def disk_state(self) -> DiskState:
        """Room on the disk, and what is set aside of it; looks at the disk."""
        return self._session.reserve.state()

    def close(self) -> None:
        """Close the connection; doing it twice is fine."""
        if self._owner:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open(place: Place, actor: Actor, clock: Clock, *, read_only: bool) -> tuple[Session, str]:
    engine = open_engine(place, read_only=read_only)
    try:
        with translated(place.title, place.path):
            sqlite = place.path is not None
            note = choose_journal(engine) if sqlite and not read_only else ""
            chain = prepare(engine, place, actor, read_only=read_only)
    except BaseException:
        engine.dispose()
        raise
    return Session(engine, place, chain, read_only=read_only, clock=clock), note


def _make_ready(place: Place, read_only: bool) -> None:
    path = place.path
    if path is None:
        return
    refuse_network(path)
    if path.is_dir():
        raise StoreError(f'"{path}" is a folder. Name a file, such as "{path / "governance.db"}".')
    if read_only:
        if not path.exists():
            raise StoreError(f'There is no governance database "{path}".')
        return
    make_private_file(path)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "unknown"
