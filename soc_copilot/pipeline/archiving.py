"""Keeping the event archive in order, in the background: sweep, compact, retention."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from soc_copilot.archive.compaction import AGE, ages, compact, plan, trim
from soc_copilot.archive.files import FileLock, sweep
from soc_copilot.archive.scan import Scanner, SegmentGoneError
from soc_copilot.archive.segments import DAMAGE
from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

LOOK_S: Final = 15.0  # chosen: how often new batches are looked for without a nudge
HOUSE_S: Final = 600.0  # chosen: how often it is swept, and few batches are compacted, too
SERVER_GRACE_S: Final = 60.0  # chosen: a server may still commit for a client that died
MOST_BATCHES: Final = 4_000  # chosen: so many wait while ingestion is behind, 40 million lines
NICENESS: Final = 10  # chosen: reading and detecting come first
TRIM_SHARE: Final = 0.1  # chosen: for less of its events a segment is not written anew
DUE_KEPT: Final = 10_000  # chosen: of so many segments is known when they are due, 1 MB
LOCK_NAME: Final = "keeper.lock"
_DAY_US: Final = 86_400_000_000
_GIB: Final = 1 << 30
_PROGRAM: Final = Actor("pipeline", "pipeline")


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """How the keeper is doing.

    Attributes:
        state: "stopped", "idle", "working", "halted" (by the kill switch), "elsewhere"
            (another process keeps this archive), "error".
        detail: One sentence for the operator, empty when all is well.
        n_compacted: Events written anew since the start.
        n_removed: Events removed by retention since the start.
        n_swept: Files without a row removed since the start.
    """

    state: str = "stopped"
    detail: str = ""
    n_compacted: int = 0
    n_removed: int = 0
    n_swept: int = 0


class ArchiveCare:
    """The work itself, one step at a time, on an open database.

    Thread:
        The one that opened the database.
    """

    def __init__(
        self, governance: Governance, stop: threading.Event, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._governance = governance
        self._stop = stop
        self._clock = clock
        self._archive = Archive(governance.archive_folder)
        self._scanner = Scanner(governance.archive_folder)
        self._damaged: set[str] = set()
        self._due: dict[str, int] = {}  # by segment; a segment never changes

    def close(self) -> None:
        """Give up the claim on files that no row names."""
        self._archive.close()

    @property
    def n_damaged(self) -> int:
        """Segments that could not be read, and are left as they are."""
        return len(self._damaged)

    def is_halted(self) -> bool:
        """True when nothing may be done: stopping, or the kill switch is engaged."""
        return self._stop.is_set() or self._governance.kill_switch.is_engaged()

    def sweep(self) -> int:
        """Remove files that no row names and nobody can name any more; how many."""
        is_local = self._governance.path is not None
        grace_s = 0.0 if is_local else SERVER_GRACE_S
        return sweep(self._archive.folder, self._governance.segments.names, grace_s)

    def n_batches(self) -> int:
        """Batches that were not compacted yet."""
        return len(self._governance.segments.list(level=0))

    def compact(self, *, everything: bool = False) -> int:
        """Compact once.

        Returns:
            Events written anew; 0 when there was nothing to do.

        Raises:
            StoreError: The archive or the database cannot be written; nothing was changed.
        """
        there = [
            segment
            for segment in self._governance.segments.list()
            if segment.name not in self._damaged and self._has_file(segment)
        ]
        chosen = plan(there, everything=everything)
        if not chosen or self.is_halted():
            return 0
        try:
            done = compact(self._archive, chosen, self.is_halted)
        except FileNotFoundError:
            return 0  # compacted by another process just now
        except DAMAGE as error:
            self._note_damage(chosen, error)
            return 0
        if done is None:
            return 0
        if not self._governance.segments.replace([s.name for s in done.old], done.new):
            self._discard(done.new)
            return 0
        self._discard(done.old)
        return sum(segment.n_rows for segment in done.new)

    def retain(self) -> int:
        """Remove what is older or more than is to be kept; how many events."""
        if self.is_halted():
            return 0
        held = [s for s in self._governance.segments.list() if s.level]
        days = self._days(held)
        removed = 0
        for names, reason in self._surplus(held, days):
            chosen = [segment for segment in held if segment.name in names]
            held = [segment for segment in held if segment.name not in names]
            removed += self._governance.segments.remove(sorted(names), reason)
            self._discard(chosen)
        return removed + sum(self._trim(segment, days[min(segment.shares)]) for segment in held)

    def _days(self, held: Iterable[Segment]) -> dict[int, float]:
        """How long events are kept, by source."""
        days = float(self._governance.settings.all()["archive.retention_days"])
        known = {min(segment.shares): days for segment in held}
        for source in self._governance.sources.list():
            known[source.id] = source.options.number("retention_days", days)
        return known

    def _trim(self, segment: Segment, days: float) -> int:
        """Take the old events out of a segment with others, where that is worth it; how many."""
        cutoff_us = self._cutoff_us(days)
        if segment.min_us >= cutoff_us or segment.name in self._damaged or self.is_halted():
            return 0
        try:
            if self._due_us(segment) >= cutoff_us:
                return 0
            left = ages(self._archive.folder, segment).filter(pl.col(AGE) >= cutoff_us)
            starts = left.group_by(c.GENERATION).agg(pl.col(c.OFFSET).min())
            new = trim(self._archive, segment, dict(starts.rows()), self.is_halted)
        except FileNotFoundError:
            return 0  # compacted by another process just now
        except DAMAGE as error:
            self._note_damage([segment], error)
            return 0
        if new is None:
            return 0
        reason = _too_old(segment, days)
        if not self._governance.segments.trim(segment.name, new, reason):
            self._discard([new])
            return 0
        self._discard([segment])
        return segment.n_rows - new.n_rows

    def _due_us(self, segment: Segment) -> int:
        """With a limit later than this, more than `TRIM_SHARE` of a segment is too old."""
        known = self._due.get(segment.name)
        if known is None:
            found = ages(self._archive.folder, segment)[AGE].sort()
            known = self._due[segment.name] = int(found[int(segment.n_rows * TRIM_SHARE)])
            if len(self._due) > DUE_KEPT:
                del self._due[next(iter(self._due))]
        return known

    def _surplus(
        self, held: list[Segment], days: Mapping[int, float]
    ) -> Iterable[tuple[frozenset[str], str]]:
        options = {source.id: source.options for source in self._governance.sources.list()}
        gone: set[str] = set()
        for source_id in sorted({min(segment.shares) for segment in held}):
            its = [segment for segment in held if min(segment.shares) == source_id]
            own = options.get(source_id)
            old = frozenset(s.name for s in its if self._is_older(s, days[source_id]))
            if old:
                yield old, _too_old(its[0], days[source_id])
            gone |= old
            max_gib = own.number("max_gib") if own is not None else 0.0
            large = _beyond([s for s in its if s.name not in old], max_gib * _GIB)
            if max_gib and large:
                yield large, f"Source {source_id}: more than {max_gib:g} GiB in the archive."
                gone |= large
        most_gib = float(self._governance.settings.all()["archive.max_gib"])
        batches = sum(s.size_bytes for s in self._governance.segments.list(level=0))
        left = [segment for segment in held if segment.name not in gone]
        large = _beyond(left, most_gib * _GIB - batches)
        if large:
            yield large, f"The archive has more than {most_gib:g} GiB."

    def _is_older(self, segment: Segment, days: float) -> bool:
        """True when its events happened and were read longer ago than this.

        Both, so that an old log that is read today is not removed tonight.
        """
        cutoff_us = self._cutoff_us(days)
        if segment.max_us >= cutoff_us:
            return False
        try:
            return self._scanner.newest_us(segment) < cutoff_us
        except (SegmentGoneError, *DAMAGE):
            return True  # when it was read is not known; when it happened is

    def _cutoff_us(self, days: float) -> int:
        return self._clock.now_ns() // 1_000 - int(days * _DAY_US)

    def _has_file(self, segment: Segment) -> bool:
        return (self._archive.folder / segment.name).exists()

    def _discard(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._archive.discard(segment)

    def _note_damage(self, chosen: Sequence[Segment], error: BaseException) -> None:
        """Find out which of the files cannot be read, and leave those out from now on."""
        before = len(self._damaged)
        for segment in chosen:
            try:
                for group in self._scanner.groups(segment):
                    self._scanner.read(segment, group)
            except (SegmentGoneError, *DAMAGE):
                self._damaged.add(segment.name)
        if len(self._damaged) == before:  # each by itself can be read: do not try for ever
            self._damaged.update(segment.name for segment in chosen)
        logger.error("Archive files cannot be read. count=%s reason=%s", self.n_damaged, error)


def _too_old(segment: Segment, days: float) -> str:
    return f"Source {min(segment.shares)}: events older than {days:g} days."


def _beyond(segments: Sequence[Segment], size_bytes: float) -> frozenset[str]:
    """Names of the oldest segments that must go for the others to fit."""
    total = sum(segment.size_bytes for segment in segments)
    names = set()
    for segment in sorted(segments, key=lambda one: one.max_us):
        if total <= size_bytes:
            break
        total -= segment.size_bytes
        names.add(segment.name)
    return frozenset(names)


class ArchiveKeeper:
    """A thread that keeps the archive of one database in order.

    Only one keeper works on a database at a time, whatever the number of processes. Nothing
    that goes wrong here stops ingestion; it shows in `status`.

    Thread:
        All methods from any thread.
    """

    def __init__(
        self,
        target: str | Path | None = None,
        home: Path | None = None,
        *,
        look_s: float = LOOK_S,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """Describe a keeper; nothing is opened yet.

        Args:
            target: Path or URL of the governance database, None for the default one.
            home: Folder of the audit key, None for the default one.
            look_s: How often new batches are looked for.
            is_busy: True while ingestion is behind; compaction then waits until there are
                `MOST_BATCHES`. Called on the keeper's thread.
        """
        self._target, self._home, self._look_s = target, home, look_s
        self._is_busy = is_busy
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = KeeperStatus()

    @property
    def status(self) -> KeeperStatus:
        """How it is doing."""
        return self._status

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="archive-keeper", daemon=True)
            self._thread.start()

    def nudge(self) -> None:
        """Have it look now."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Have it end and wait; False when it is still busy. What it was writing is dropped."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        if thread.is_alive():
            logger.error("The archive's keeper did not end in time. timeout_s=%s", timeout_s)
            return False
        self._thread = None
        return True

    def _run(self) -> None:
        _lower_priority()
        try:
            with Governance.open(self._target, actor=_PROGRAM, home=self._home) as governance:
                self._keep(governance)
        except SocCopilotError as error:
            self._tell("error", str(error))
            return
        except Exception:
            logger.exception("The archive's keeper ended.")
            self._tell("error", "Keeping the archive failed; the log has the cause.")
            return
        self._tell("stopped")

    def _keep(self, governance: Governance) -> None:
        lock: FileLock | None = None
        care = ArchiveCare(governance, self._stop)
        housed_s = -HOUSE_S
        try:
            while not self._stop.is_set():
                lock = lock or _keeper_lock(governance.archive_folder)
                if governance.kill_switch.is_engaged():
                    self._tell("halted", "The kill switch is engaged.")
                elif lock is not None:
                    is_due = time.monotonic() - housed_s >= HOUSE_S
                    if self._round(care, is_due=is_due) and is_due:
                        housed_s = time.monotonic()
                else:
                    self._tell("elsewhere" if governance.archive_folder.exists() else "idle")
                self._wake.wait(self._look_s)
                self._wake.clear()
        finally:
            care.close()
            if lock is not None:
                lock.release()

    def _gives_way(self, care: ArchiveCare) -> bool:
        """True when the processor is better used to read what waits."""
        return self._is_busy() and care.n_batches() < MOST_BATCHES

    def _round(self, care: ArchiveCare, *, is_due: bool) -> bool:
        """Do what there is to do; False when something failed and is tried again."""
        try:
            if is_due:
                self._add(n_swept=care.sweep())
            while not self._gives_way(care):
                n_rows = care.compact(everything=is_due)
                if not n_rows:
                    break
                self._add(n_compacted=n_rows)
            if is_due:
                self._add(n_removed=care.retain())
        except SocCopilotError as error:
            self._tell("error", str(error))
            return False
        except Exception:
            logger.exception("The archive could not be kept in order; trying again later.")
            self._tell("error", "Keeping the archive failed; the log has the cause.")
            return False
        damaged = f"{care.n_damaged} damaged files are left as they are." if care.n_damaged else ""
        self._tell("idle", damaged)
        return True

    def _add(self, *, n_compacted: int = 0, n_removed: int = 0, n_swept: int = 0) -> None:
        old = self._status
        self._status = replace(
            old,
            state="working",
            n_compacted=old.n_compacted + n_compacted,
            n_removed=old.n_removed + n_removed,
            n_swept=old.n_swept + n_swept,
        )

    def _tell(self, state: str, detail: str = "") -> None:
        self._status = replace(self._status, state=state, detail=detail)


def _keeper_lock(folder: Path) -> FileLock | None:
    try:
        return FileLock.take(folder / LOCK_NAME)
    except OSError:
        return None  # no folder yet: nothing was archived


def _lower_priority() -> None:
    if sys.platform == "linux":  # where a thread can have a priority of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
