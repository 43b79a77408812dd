"""What the Sources page shows of each source, gathered from the database and the disk. No Qt."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.domain.folders import split_folders
from soc_copilot.domain.governance import (
    SourceLedger,
    SourceRow,
    StoredPartial,
    StoredSourceEvent,
)
from soc_copilot.domain.records import Checkpoint, LedgerDelta, SourceStatus
from soc_copilot.domain.source_options import CHANNEL_PREFIX, LISTENERS
from soc_copilot.domain.summary import SourceStats
from soc_copilot.pipeline.backlog import backlog

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

STATE_WORDS = {
    "live": "Live",
    "listening": "Listening",
    "behind": "Behind",
    "waiting": "Waiting",
    "missing": "Missing",
    "denied": "Denied",
    "quarantined": "Quarantined",
    "hung": "Hung",
    "error": "Error",
    "finished": "Finished",
    "stopped": "Stopped",
    "disabled": "Disabled",
}
STATE_ROLES = {
    "live": "ok",
    "listening": "ok",
    "behind": "medium",
    "waiting": "info",
    "missing": "critical",
    "denied": "critical",
    "quarantined": "critical",
    "hung": "critical",
    "error": "critical",
    "finished": "info",
    "stopped": "info",
    "disabled": "info",
}
TROUBLES = frozenset({"missing", "denied", "quarantined", "hung", "error"})
_RANKS = {"behind": 1, "waiting": 2, "live": 3, "listening": 3}
KIND_WORDS = {  # as a table has room for; the whole words are `source_options.KIND_TITLES`
    "file": "File",
    "directory": "Folder",
    "replay": "Replay",
    "syslog-udp": "Syslog UDP",
    "syslog-tcp": "Syslog TCP",
    "syslog-tls": "Syslog TLS",
    "json-tcp": "JSON TCP",
    "activity": "Activity",
    "journald": "Journal",
    "evtx": "EVTX",
    "mail": "Mail",
    "service": "Service",
}
EVENTS_PAGE = 200  # chosen: what happened to a source, read at once
_NOT_ON_DISK = LISTENERS | {"journald", "service"}

Positions = tuple[Checkpoint, ...]
Kept = dict[int, tuple[object, Positions]]


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source as the page shows it.

    Attributes:
        state: A key of `STATE_WORDS`.
        detail: One sentence on the state, empty when all is well.
        to_read_bytes: Bytes behind the stored positions.
        lag_s: Age of the oldest line not yet stored, seconds; 0 when none waits, -1 when it
            is older than what was watched.
        messages: What happened in this run as its reader says it, newest last.
        address: Where it listens, empty for anything else.
        n_connections: Open connections of a listener.
    """

    ledger: SourceLedger
    state: str = "stopped"
    detail: str = ""
    to_read_bytes: int = 0
    lag_s: float = 0.0
    messages: tuple[str, ...] = field(default=())
    formats: tuple[str, ...] = ()
    address: str = ""
    n_connections: int = 0

    @property
    def format_text(self) -> str:
        """The format as set, or those found in the files: "auto: access"."""
        if self.source.format == "auto" and self.formats:
            return f"auto: {', '.join(self.formats)}"
        return self.source.format

    @property
    def source(self) -> SourceRow:
        """The source as configured."""
        return self.ledger.source

    @property
    def parsed_share(self) -> float | None:
        """Share of the lines that a format took, None before the first line."""
        totals = self.ledger.totals
        return totals.parsed / totals.lines if totals.lines else None

    @property
    def is_trouble(self) -> bool:
        """True when a person must look: nothing is read, or something is gone."""
        return self.state in TROUBLES

    @property
    def rank(self) -> int:
        """Place of its state in a list that shows problems first."""
        return 0 if self.is_trouble else _RANKS.get(self.state, 4)

    @property
    def where(self) -> str:
        """Path with its pattern, address, or journal."""
        source = self.source
        if source.kind == "journald":
            return source.path if source.path not in {"", "system"} else "this machine's journal"
        return f"{source.path}/{source.pattern}" if source.pattern else source.path

    def with_status(self, status: SourceStatus) -> "SourceFacts":
        """The same source with what its reader says."""
        if not self.source.enabled:
            return self
        return replace(
            self,
            state=status.state if status.state in STATE_WORDS else "error",
            detail=status.detail,
            to_read_bytes=status.lag_bytes,
            lag_s=status.lag_s,
            messages=status.messages,
            formats=status.formats or self.formats,
            address=status.address,
            n_connections=status.n_connections,
        )

    def with_stats(self, stats: SourceStats) -> "SourceFacts":
        """The same source with what a stored batch says."""
        return replace(self, to_read_bytes=stats.lag_bytes, lag_s=stats.lag_s)


@dataclass(frozen=True, slots=True)
class SourceMore:
    """What is read of the selected source only.

    Attributes:
        positions: Stored position of every file it ever read.
        events: What happened to it, newest first, the first page.
        partials: Last lines that wait for their line end.
    """

    source_id: int
    positions: Positions = ()
    events: tuple[StoredSourceEvent, ...] = ()
    partials: tuple[StoredPartial, ...] = ()


def read_facts(governance: "Governance", kept: Kept | None = None) -> tuple[SourceFacts, ...]:
    """Every source with its ledger; looks at the files' sizes. Worker thread.

    Args:
        governance: Read from.
        kept: Positions as last read, by source; those of sources that stood still since are
            not read again. Changed in place.
    """
    found = []
    known: Kept = {} if kept is None else kept
    for ledger in governance.sources.ledger(None):
        source_id = ledger.source.id
        stamp = (ledger.committed_bytes, ledger.n_files, ledger.last_stored_at)
        if source_id not in known or known[source_id][0] != stamp:
            known[source_id] = (stamp, governance.sources.checkpoints(source_id))
        found.append(_look(SourceFacts(ledger), known[source_id][1]))
    return tuple(found)


def read_more(governance: "Governance", source_id: int) -> SourceMore:
    """Positions, happenings and partial lines of one source. Worker thread."""
    store = governance.sources
    return SourceMore(
        source_id,
        store.checkpoints(source_id),
        store.events(source_id, limit=EVENTS_PAGE),
        store.partials(source_id),
    )


def totals(facts: Iterable[SourceFacts]) -> LedgerDelta:
    """The sum of the ledgers."""
    names = tuple(one.name for one in fields(LedgerDelta))
    sums = dict.fromkeys(names, 0)
    for facts_of_one in facts:
        for name in names:
            sums[name] += getattr(facts_of_one.ledger.totals, name)
    return LedgerDelta(**sums)


def _look(facts: SourceFacts, positions: Positions) -> SourceFacts:
    """State and bytes to read as far as they can be told without a reader."""
    source = facts.source
    state, detail = "stopped", ""
    if not source.enabled:
        state, detail = "disabled", "Not read until it is enabled again."
    elif source.kind not in _NOT_ON_DISK and not source.path.startswith(CHANNEL_PREFIX):
        try:
            for path in split_folders(source.path) if source.kind == "activity" else (source.path,):
                _look_at(path)
        except FileNotFoundError:
            state, detail = "missing", "There is nothing at its path now."
        except PermissionError:
            state, detail = "denied", "Access is denied. Run as a user with read access."
        except (OSError, ValueError) as error:
            state, detail = "error", f"Cannot be read: {error}."
    left = backlog(source.kind, positions)
    return replace(facts, state=state, detail=detail, to_read_bytes=left.size_bytes or 0)


def _look_at(path: str) -> None:
    """Raise what reading it would raise; never opens it, for a pipe would keep us waiting."""
    Path(path).stat()
    if not os.access(path, os.R_OK):
        raise PermissionError


def size_text(n_bytes: int) -> str:
    """Bytes for people: "512 B", "84.2 MB"."""
    size = float(n_bytes)
    if n_bytes < 1000:
        return f"{n_bytes} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:  # rounds to less than 1000.0
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def duration_text(seconds: float) -> str:
    """A lag for people: "0.4 s", "3 min", "2 h"; "?" below 0."""
    if seconds < 0:
        return "?"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"


def loss_text(totals: LedgerDelta) -> str:
    """Known and possible losses in one cell: "0", "12", "12, maybe more", "maybe"."""
    if totals.possible_losses:
        return f"{totals.lost:,}, maybe more" if totals.lost else "maybe"
    return f"{totals.lost:,}"
