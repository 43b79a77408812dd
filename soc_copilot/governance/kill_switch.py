"""The one switch that halts all processing, in every process on the same database."""

import json
import logging
import os
import time
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import from_us, utc_now
from soc_copilot.domain.errors import KillSwitchEngagedError, PolicyError, StoreError
from soc_copilot.domain.governance import Actor, KillSwitchState
from soc_copilot.governance.audit_head import write_atomically
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.engine import translated
from soc_copilot.governance.location import sync_folder
from soc_copilot.governance.schema import KillSwitchModel
from soc_copilot.governance.session import Session, WriteTransaction

logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 10.0  # house rule: a repeated message at most this often
MARKER_BYTES = 64 * 1024  # chosen: more than this of a marker file is not read

_LATEST = select(*KillSwitchModel.__table__.c).order_by(KillSwitchModel.id.desc()).limit(1)


class KillSwitch:
    """Engage, release and read the switch.

    It has two channels, a row in the database and a marker file beside it, and is engaged
    when either says so, or when either cannot be read.

    Thread:
        `state` and `is_engaged` from any thread; the others on the session's thread.
    """

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor
        self._marker = session.place.marker
        self._logged_s = -LOG_INTERVAL_S

    def is_engaged(self) -> bool:
        """True when processing is halted or the state cannot be read. Never raises."""
        return self.state().engaged

    def state(self) -> KillSwitchState:
        """Whether processing is halted, and the last change. Never raises.

        Reads afresh each time, on a connection of its own.
        """
        try:
            marker = self._read_marker()
            with (
                translated(self._session.place.title, self._session.place.path),
                self._session.engine.connect() as connection,
                connection.begin(),
            ):
                stored = _stored_state(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails closed; see below
            self._log_unreadable(error)
            return KillSwitchState(
                engaged=True,
                reason=f"The kill switch cannot be read, which counts as engaged. {error}",
                readable=False,
            )
        return stored if marker is None or stored.engaged else marker

    def _log_unreadable(self, error: Exception) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_INTERVAL_S:
            self._logged_s = now_s
            logger.error("Cannot read the kill switch; it counts as engaged.", exc_info=error)

    def _read_marker(self) -> KillSwitchState | None:
        """What the marker file says; None when there is none."""
        try:
            os.lstat(self._marker)
        except FileNotFoundError:
            return None
        try:
            with self._marker.open("rb") as file:
                told = json.loads(file.read(MARKER_BYTES))
            return KillSwitchState(
                engaged=True,
                actor=str(told["actor"]),
                surface=str(told["surface"]),
                reason=str(told["reason"]),
                changed_at=datetime.fromisoformat(told["at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            # Whatever it holds: that it is there is what counts.
            return KillSwitchState(
                engaged=True, reason=f'The marker file "{self._marker}" is there.'
            )

    def engage(self, reason: str) -> KillSwitchState:
        """Halt all processing, in every process, until a person releases the switch.

        Works without the database as well: the marker file alone halts everything.

        Returns:
            The new state; `readable` is False, and `reason` says why, when only the marker
            file could be written.

        Raises:
            PolicyError: No reason was given.
            StoreError: Neither channel could be written.
        """
        reason = _required(reason, "engage")
        was_marked = is_marked(self._marker)
        marker_error = self._write_marker(reason)
        try:
            at_us = self._append(True, reason, was_marked=was_marked)
        except StoreError as error:
            if marker_error:
                raise StoreError(
                    f"The kill switch could NOT be engaged. {error} {marker_error} "
                    "Stop the ingesting processes by hand."
                ) from error
            logger.exception("The kill switch is engaged by its marker file only.")
            return KillSwitchState(
                True,
                self._actor.name,
                self._actor.surface,
                f"{reason} (Halted by the marker file alone; the change could not be recorded. "
                f"{error})",
                utc_now(),
                readable=False,
            )
        if marker_error:
            logger.warning("The kill switch is engaged, but without its marker file.")
        return KillSwitchState(True, self._actor.name, self._actor.surface, reason, from_us(at_us))

    def release(self, reason: str) -> KillSwitchState:
        """Permit processing again. Does nothing when the switch is released already.

        Raises:
            PolicyError: No reason was given.
            StoreError: A channel could not be changed; the switch is still engaged.
        """
        reason = _required(reason, "release")
        before = self.state()
        if not before.engaged:
            return before
        at_us = self._append(False, reason, was_marked=is_marked(self._marker))
        try:
            self._marker.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f'The kill switch is still engaged: cannot remove "{self._marker}": '
                f"{error.strerror}. Remove that file, then release the switch again."
            ) from error
        sync_folder(self._marker.parent)
        return KillSwitchState(False, self._actor.name, self._actor.surface, reason, from_us(at_us))

    def _write_marker(self, reason: str) -> str:
        """Write the marker file; what went wrong, or ""."""
        told = {
            "actor": self._actor.name,
            "surface": self._actor.surface,
            "reason": reason,
            "at": utc_now().isoformat(),
        }
        content = json.dumps(told).encode("ascii")
        try:
            self._session.insist(lambda: write_atomically(self._marker, content))
        except (OSError, StoreError) as error:
            logger.exception("Cannot write the kill switch's marker file.")
            return f"Its marker file could not be written either. {error}"
        return ""

    def _append(self, engaged: bool, reason: str, *, was_marked: bool) -> int:
        word = "engaged" if engaged else "released"

        def act(tx: WriteTransaction) -> int:
            before = _stored_state(tx.connection)
            tx.connection.execute(
                insert(KillSwitchModel).values(
                    engaged=int(engaged),
                    at_us=tx.now_us,
                    actor=self._actor.name,
                    surface=self._actor.surface,
                    reason=reason,
                )
            )
            was = "engaged" if before.engaged or was_marked else "released"
            tx.audit(Entry(f"killswitch.{word}", "kill switch", was, word, reason))
            return tx.now_us

        return self._session.change(self._actor, act)


def refuse_if_engaged(session: Session, connection: Connection) -> None:
    """Check both channels inside a transaction.

    Raises:
        KillSwitchEngagedError: One of them says engaged.
    """
    state = _stored_state(connection)
    if state.engaged or is_marked(session.place.marker):
        raise KillSwitchEngagedError(
            "The kill switch is engaged: nothing is stored and positions stand still until a "
            "person releases it."
        )


def is_marked(marker: Path) -> bool:
    """True when the marker file is there, or when that cannot be told."""
    try:
        os.lstat(marker)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _stored_state(connection: Connection) -> KillSwitchState:
    row = connection.execute(_LATEST).first()
    if row is None:
        return KillSwitchState(True, reason="The kill switch's rows are gone from the database.")
    return KillSwitchState(
        engaged=row.engaged != 0,  # also a value that is no number
        actor=row.actor,
        surface=row.surface,
        reason=row.reason,
        changed_at=from_us(row.at_us),
    )


def _required(reason: str, verb: str) -> str:
    if not reason.strip():
        raise PolicyError(f"Give a reason to {verb} the kill switch; it is kept with your name.")
    return reason.strip()
