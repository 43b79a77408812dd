"""The process that stores what the service checked: spool, pipeline, archive and database.

Apart from the service, because both would share Python's lock: an answer would wait for the
pipeline. `StoreProcess` starts it as `python -m soc_copilot.service.storing`; it ends when its
input does, whatever became of the service.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from soc_copilot.domain.errors import SocCopilotError, SourceError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.location import locate
from soc_copilot.ingestion.spool import FolderLock, usable
from soc_copilot.pipeline.session import DRAIN_LIMIT_S, IngestSession
from soc_copilot.service.frames import StorePlan, read_frame
from soc_copilot.service.receiving import Receiver, lines_since

logger = logging.getLogger(__name__)

STATUS_S: Final = 0.5  # chosen: how often the service is told how it goes
END_S: Final = 90.0
"""Chosen: so long after the service's end this process is gone, whatever it waits for."""
_QUIET_S: Final = 5.0  # chosen: nothing was stored for so long: it is left for the next start
_LOCK_S: Final = 0.25  # chosen: how often a lock that another holds is tried
_LOCK_NAME: Final = "storing.lock"
_NICENESS: Final = 10
"""Chosen: answers come first where processors are few; storing may wait a moment.

Tried on two cores beside other work, clients and all: at 2,000 requests a second over 100
connections the 99th percentile was 12 ms (median of four) with 15, 29 ms with 5; at full speed
15 left nothing behind either. 10 leaves more to storing on a machine that is busy otherwise."""
_BAD_STATES: Final = frozenset({"degraded", "open"})
EXIT_FAILED: Final = 2
EXIT_STUCK: Final = 3


class Teller:
    """Says things to the service, a JSON line each; nothing once it has ended.

    Thread:
        Any.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, told: dict[str, Any]) -> None:
        """Say it."""
        line = json.dumps(told).encode("ascii") + b"\n"
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(line)
            self._stream.flush()


def store(plan: StorePlan, receiver: Receiver, tell: Teller) -> None:
    """Store what comes until it ends.

    Raises:
        SocCopilotError: Something cannot be opened.
    """
    folder = locate(plan.target, Path(plan.home) if plan.home else None).spool
    lock = _wait_for_turn(folder / str(plan.source_id), receiver, tell)
    if lock is None:
        return  # the service ended, and had sent nothing: it waited for us
    try:
        _store(plan, receiver, folder / str(plan.source_id), tell)
    finally:
        lock.release()


def _store(plan: StorePlan, receiver: Receiver, folder: Path, tell: Teller) -> None:
    try:
        found = lines_since(folder, plan.end) if plan.end >= 0 else []
    except OSError as error:
        raise SourceError(f'Cannot read the spool "{folder}": {error.strerror}.') from error
    session = IngestSession(
        plan.target,
        plan.settings,
        Actor(*plan.actor),
        only_sources=[plan.source_id],
        home=Path(plan.home) if plan.home else None,
        producers={plan.source_id: receiver},
    )
    with session:
        receiver.begin(plan.end, found)
        tell({"kind": "ready"})
        told_s = 0.0
        while not receiver.is_over.is_set():
            session.run_batch(receiver.is_over)
            if time.monotonic() - told_s >= STATUS_S:
                told_s = time.monotonic()
                tell(_standing(session))
        _drain(session)


def _wait_for_turn(folder: Path, receiver: Receiver, tell: Teller) -> FolderLock | None:
    """Let a former process end: one that outlived its service still stores.

    Positions are read by the next one only when all of it is stored. None when the service ended.
    """
    with usable(folder):
        while True:
            try:
                return FolderLock(folder, _LOCK_NAME)
            except SourceError:
                trouble = "A former process still stores what was checked before."
                tell({"kind": "status", "trouble": trouble})
            if receiver.is_cut.wait(_LOCK_S):
                return None


def _standing(session: IngestSession) -> dict[str, Any]:
    """How it goes, for the service."""
    statuses = session.statuses()
    health = session.health()
    trouble = session.trouble
    for status in statuses:
        if not trouble and status.detail:
            trouble = status.detail
    for one in health:
        if not trouble and one.state in _BAD_STATES:
            trouble = f"{one.title}: {one.detail or one.state}"
    return {
        "kind": "status",
        "trouble": trouble,
        "state": statuses[0].state if statuses else "closed",
        "lag_bytes": sum(status.lag_bytes for status in statuses),
        "health": [[one.name, one.state, one.detail] for one in health],
        "cpu_s": time.process_time(),
    }


def _drain(session: IngestSession) -> None:
    """Store what is in the spool, as long as that goes on."""
    go_on = threading.Event()
    end_s = time.monotonic() + DRAIN_LIMIT_S
    quiet_s, n_idle = time.monotonic() + _QUIET_S, 0
    while time.monotonic() < min(end_s, quiet_s) and n_idle < 2:  # one look may be early
        session.request_flush()
        if session.run_batch(go_on) is not None:
            quiet_s = time.monotonic() + _QUIET_S
        n_left = sum(status.lag_bytes for status in session.statuses())
        n_idle = n_idle + 1 if session.is_idle and not n_left else 0


def _end_in_time(is_cut: threading.Event) -> None:
    is_cut.wait()
    time.sleep(END_S)
    logger.error("Storing does not end; what is left is stored at the next start.")
    os._exit(EXIT_STUCK)


def _own_stream() -> BinaryIO:
    """What was the standard output; anything else that is printed goes to the error output."""
    stream = os.fdopen(os.dup(1), "wb")
    try:
        os.dup2(2, 1)
    except OSError:  # no error output: a program without a console
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return stream


def main() -> int:
    """Store until the input ends. Exit code: 0, or 2 for an error that was told."""
    # The service ends it, by ending its input: signals for both would end it too early.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)
    tell = Teller(_own_stream())
    stream = sys.stdin.buffer
    if (found := read_frame(stream)) is None:
        return 0
    plan = StorePlan.from_bytes(found[1])
    logging.basicConfig(
        level=plan.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if sys.platform != "win32":
        os.nice(_NICENESS)
    receiver = Receiver(stream, tell)
    receiver.listen()
    threading.Thread(target=_end_in_time, args=(receiver.is_cut,), daemon=True).start()
    try:
        store(plan, receiver, tell)
    except SocCopilotError as error:
        tell({"kind": "failed", "message": str(error)})
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
