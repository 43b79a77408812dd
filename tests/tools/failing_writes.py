"""Let each write of one change to the governance database fail in turn, and look what is left.

    LD_PRELOAD=failing_writes.so python -m tests.tools.failing_writes FOLDER OPERATION FAULT [STEP]

For every n up to the number of writes that the change makes (or every STEP-th, and each of the
last, where a commit is decided): a fresh copy of a database, a child
process that makes the change with its n-th write (or sync, cut, allocation) failing and then
dies at once, and a look at the database from here. Prints one JSON object: how many faults were
met, what came of them, and every promise that was broken (an empty list is what a test wants).
"""

import ctypes
import errno
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from soc_copilot.domain.archive import SourceShare
from soc_copilot.domain.errors import PositionConflictError, SocCopilotError
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import PartialLine, SourceEvent
from soc_copilot.governance import reserve
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver
from tests.unit.governance.helpers import commit, finding, line, move, segment

ANA = Actor("ana", "window")
LAST = 12  # chosen: the sync of a commit, the head file's line and sync, and some before
NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class Fault:
    """How writes fail: with what, from the n-th on or once, until the reserve is freed or not."""

    errno: int
    is_sticky: bool
    is_freeable: bool = False


FAULTS = {
    "full-once": Fault(errno.ENOSPC, is_sticky=False),
    "full": Fault(errno.ENOSPC, is_sticky=True, is_freeable=True),
    "broken-once": Fault(errno.EIO, is_sticky=False),
    "broken": Fault(errno.EIO, is_sticky=True),
}


def store_batch(governance: Governance) -> None:
    """A batch with something for every table that a batch writes to."""
    event = SourceEvent("truncated", "Truncated.", 5, 1, is_loss=True)
    there = replace(move(100, 300), events=(event,), partial=PartialLine(300, 4, "half", 7))
    new = finding("10.0.0.9", evidence=tuple(line(n) for n in range(100, 110)))
    governance.batches.store(
        commit(
            [finding(evidence=(line(150),)), new],
            [there, move(-1, 50, generation=2)],
            states={"web": bytes(5_000)},
            segment=segment("second"),
        )
    )


def engage(governance: Governance) -> None:
    """The switch that a person turns."""
    governance.kill_switch.engage("drill")


def release(governance: Governance) -> None:
    """The switch that a person turns back."""
    governance.kill_switch.release("over")


def record(governance: Governance) -> None:
    """One audit row."""
    governance.audit.record("report.exported", "report 1", None, "x" * 3_000)


def compact(governance: Governance) -> None:
    """A replacement of segments."""
    merged = segment("merged", {1: SourceShare(10, 800, 1_000, 2_000)}, level=1)
    governance.segments.replace(["first"], [merged])


def retire(governance: Governance) -> None:
    """A removal of segments."""
    governance.segments.remove(["first"], "90 days")


OPERATIONS: dict[str, Callable[[Governance], None]] = {
    "batch": store_batch,
    "engage": engage,
    "open-and-engage": engage,
    "release": release,
    "audit": record,
    "compact": compact,
    "retire": retire,
}
INSISTENT = frozenset({"engage", "open-and-engage", "release", "audit", "retire"})
"""Changes that the reserve is there for."""


def make(folder: Path, operation: str) -> None:
    """The database as it is before the change."""
    with Governance.open(folder / "g.db", home=folder, actor=ANA) as governance:
        governance.sources.add("file", "/var/log/access.log")
        governance.batches.store(
            commit([finding(evidence=(line(1),))], [move(-1, 100)], segment=segment("first"))
        )
        if operation == "release":
            governance.kill_switch.engage("before")
        # So large that it was checkpointed and a write finds frames of former ones.
        governance.settings.set_ui_state("filler", "x" * 100_000)
    (folder / "keep").touch()


def state(governance: Governance) -> str:
    """Everything that a change may alter, but the times at which it did."""
    switch = governance.kill_switch.state()
    ledger = governance.sources.ledger(1)[0]
    n_alerts = governance.alerts.counts().total
    details = [governance.alerts.detail(n) for n in range(1, n_alerts + 1)]
    facts: dict[str, Any] = {
        "engaged": (switch.engaged, switch.readable),
        "checkpoints": [(c.generation, c.offset) for c in governance.sources.checkpoints(1)],
        "totals": str(ledger.totals),
        "partials": [str(p.partial) for p in governance.sources.partials()],
        "events": [str(e) for e in governance.sources.events()],
        "segments": [s.name for s in governance.segments.list()],
        "archived": (ledger.archived_events, ledger.archived_bytes),
        "found": [(d.row.count, len(d.evidence)) for d in details],
        "batches": [row.id for row in governance.batches.recent()],
        "states": sorted(governance.batches.detector_states()),
        "audit": [(r.seq, r.action, r.subject, r.old) for r in governance.audit.rows()],
    }
    return json.dumps(facts)


class Shim:
    """The library that was loaded before libc."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.failing_writes_disarm.restype = ctypes.c_long

    def arm(self, folder: Path, n: int, fault: Fault) -> None:
        """Let the n-th write fail from now on."""
        self._library.failing_writes_arm(
            os.fsencode(f"{folder}/"),
            ctypes.c_long(n),
            fault.errno,
            int(fault.is_sticky),
            int(fault.is_freeable),
        )

    def disarm(self) -> int:
        """Let no more fail; how many were counted."""
        return int(self._library.failing_writes_disarm())


class Run:
    """All faults of one kind in one change."""

    def __init__(self, folder: Path, operation: str, fault: Fault) -> None:
        self.folder, self.operation, self.fault = folder, operation, fault
        self.shim = Shim()
        self.broken: list[str] = []
        self.outcomes: Counter[str] = Counter()
        make(folder / "before", operation)
        shutil.copytree(folder / "before", folder / "after")
        self.before = self._look(folder / "before")
        with self._open(folder / "after") as governance:
            OPERATIONS[operation](governance)
        self.after = self._look(folder / "after")

    def all(self, step: int) -> dict[str, Any]:
        """Run for every n that `step` leaves."""
        n_writes = self._once(NEVER)
        chosen = [n for n in range(1, n_writes + 1) if n % step == 0 or n > n_writes - LAST]
        for n in chosen:
            self._once(n)
        return {
            "writes": n_writes,
            "faults": len(chosen),
            "outcomes": self.outcomes,
            "broken": self.broken,
        }

    def _once(self, n: int) -> int:
        """Let the n-th write fail; how many there were."""
        place = self.folder / "try"
        shutil.copytree(self.folder / "before", place)
        said, n_writes = self._in_child(place, n)
        self._judge(place, f"n={n} {said}", said)
        shutil.rmtree(place)
        self.outcomes[said] += 1
        return n_writes

    def _open(self, folder: Path) -> Governance:
        return Governance.open(folder / "g.db", home=folder, actor=ANA)

    def _in_child(self, place: Path, n: int) -> tuple[str, int]:
        """What the change ended with, and how many calls were counted."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            answer = "died"
            with suppress(BaseException):
                answer = self._try(place, n)
            os.write(writer, f"{answer}\n{self.shim.disarm()}".encode())
            os._exit(0)  # no closing, no clean-up: as if killed
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as pipe:
            said, _, n_writes = pipe.read().rpartition("\n")
        os.waitpid(child, 0)
        return said, int(n_writes)

    def _try(self, place: Path, n: int) -> str:
        if self.operation == "open-and-engage":
            self.shim.arm(place, n, self.fault)
            return self._act(self._open, place)
        governance = self._open(place)
        governance.audit.rows()  # the connection is open
        self.shim.arm(place, n, self.fault)
        return self._act(lambda _: governance, place)

    def _act(self, opened: Callable[[Path], Governance], place: Path) -> str:
        try:
            OPERATIONS[self.operation](opened(place))
        except SocCopilotError as error:
            return type(error).__name__
        except BaseException as error:  # noqa: BLE001 - it is told, and fails the test
            return f"not for the operator: {error!r}"
        return "done"

    def _look(self, folder: Path) -> str:
        with self._open(folder) as governance:
            return state(governance)

    def _judge(self, place: Path, title: str, said: str) -> None:
        """Note every promise that is broken."""
        if said.startswith(("not for", "died")):
            self.broken.append(f"{title}: not an error for the operator")
        if self.fault.is_freeable and self.operation in INSISTENT and said != "done":
            self.broken.append(f"{title}: the reserve did not help")
        with closing(sqlite_driver().connect(str(place / "g.db"))) as raw:
            found = raw.execute("PRAGMA integrity_check").fetchall()
            if found != [("ok",)]:
                self.broken.append(f"{title}: integrity_check says {found}")
        with self._open(place) as governance:
            report = governance.audit.verify()
            if not report.ok:
                self.broken.append(f"{title}: audit verify says {report.message}")
            self._compare(title, said, state(governance))
            self._again(title, governance)

    def _compare(self, title: str, said: str, found: str) -> None:
        allowed = {"done": (self.after,)}.get(said, (self.before, self.after))
        # The switch has two channels. Where one was written and the other was not, it is engaged,
        # whichever way it was turned.
        halted = json.loads(self.after if self.operation == "release" else self.before)
        halted["engaged"] = [True, True]
        is_engaging = self.operation in {"engage", "open-and-engage"}
        is_partly = is_engaging or (self.operation == "release" and said != "done")
        if is_partly and not self.fault.is_freeable:  # the reserve is there for both of them
            allowed = (*allowed, json.dumps(halted))
        if found not in allowed:
            self.broken.append(f"{title}: between before and after: {found}")

    def _again(self, title: str, governance: Governance) -> None:
        """What was refused is tried again, and is there once."""
        with suppress(PositionConflictError):
            OPERATIONS[self.operation](governance)
        found = state(governance)
        if self.operation in {"batch", "compact"} and found != self.after:
            self.broken.append(f"{title}: not exactly once after a retry: {found}")
        if json.loads(found)["engaged"] != json.loads(self.after)["engaged"]:
            self.broken.append(f"{title}: a retry does not bring it about")
        if not governance.audit.verify().ok:
            self.broken.append(f"{title}: audit verify fails after a retry")


def main(arguments: list[str]) -> int:
    """Run and print what came of it."""
    folder, operation, fault = Path(arguments[0]).resolve(), arguments[1], FAULTS[arguments[2]]
    reserve.RESERVE_BYTES = reserve.MARGIN_BYTES = 64 * 1024
    step = int(arguments[3]) if len(arguments) > 3 else 1
    print(json.dumps(Run(folder, operation, fault).all(step)))  # noqa: T201 - what it is for
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
