"""What the Sources page shows of each source, gathered from the database and the disk. No Qt."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.domain.governance import SourceLedger, SourceRow
from soc_copilot.domain.records import Checkpoint, LedgerDelta, SourceStatus
from soc_copilot.domain.summary import SourceStats

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

STATE_WORDS = {
    "live": "Live",
    "behind": "Behind",
    "waiting": "Waiting",
    "missing": "Missing",
    "denied": "Denied",
    "error": "Error",
    "finished": "Finished",
    "stopped": "Stopped",
    "disabled": "Disabled",
}
STATE_ROLES = {
    "live": "ok",
    "behind": "medium",
    "waiting": "info",
    "missing": "critical",
    "denied": "critical",
    "error": "critical",
    "finished": "info",
    "stopped": "info",
    "disabled": "info",
}
MAX_LOOKED = 1_000  # chosen: newest files of a source whose size is asked for at each look
TROUBLES = frozenset({"missing", "denied", "error"})
KIND_WORDS = {"file": "File", "directory": "Folder", "replay": "Replay"}


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source as the page shows it.

    Attributes:
        state: A key of `STATE_WORDS`.
        detail: One sentence on the state, empty when all is well.
        to_read_bytes: Bytes behind the stored positions.
        lag_s: Age of the oldest line not yet stored, seconds; 0 when none waits.
        positions: Stored position of every file it ever read.
        messages: Rotations and truncations of this run, newest last.
    """

    ledger: SourceLedger
    state: str = "stopped"
    detail: str = ""
    to_read_bytes: int = 0
    lag_s: float = 0.0
    positions: tuple[Checkpoint, ...] = ()
    messages: tuple[str, ...] = field(default=())
    formats: tuple[str, ...] = ()

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

    def with_status(self, status: SourceStatus) -> "SourceFacts":
        """The same source with what its reader says."""
        if not self.source.enabled:
            return self
        return replace(
            self,
            state=status.state if status.state in STATE_WORDS else "error",
            detail=status.detail,
            to_read_bytes=status.lag_bytes,
            messages=status.messages,
            formats=status.formats or self.formats,
        )

    def with_stats(self, stats: SourceStats) -> "SourceFacts":
        """The same source with what a stored batch says."""
        return replace(self, to_read_bytes=stats.lag_bytes, lag_s=stats.lag_s)


def read_facts(governance: "Governance") -> tuple[SourceFacts, ...]:
    """Every source with its ledger and positions; looks at the files' sizes. Worker thread."""
    return tuple(
        _look(SourceFacts(ledger, positions=governance.sources.checkpoints(ledger.source.id)))
        for ledger in governance.sources.ledger(None)
    )


def totals(facts: Iterable[SourceFacts]) -> LedgerDelta:
    """The sum of the ledgers."""
    whole = LedgerDelta()
    for one in facts:
        whole = whole + one.ledger.totals
    return whole


def _look(facts: SourceFacts) -> SourceFacts:
    """State and bytes to read as far as they can be told without a reader."""
    source = facts.source
    state, detail = "stopped", ""
    if not source.enabled:
        state, detail = "disabled", "Not read until it is enabled again."
    else:
        try:
            _look_at(source.path)
        except FileNotFoundError:
            state, detail = "missing", "There is nothing at its path now."
        except PermissionError:
            state, detail = "denied", "Access is denied. Run as a user with read access."
        except (OSError, ValueError) as error:
            state, detail = "error", f"Cannot be read: {error}."
    return replace(facts, state=state, detail=detail, to_read_bytes=_waiting(facts.positions))


def _look_at(path: str) -> None:
    """Raise what reading it would raise; never opens it, for a pipe would keep us waiting."""
    Path(path).stat()
    if not os.access(path, os.R_OK):
        raise PermissionError


def _waiting(positions: Sequence[Checkpoint]) -> int:
    """Bytes beyond the stored positions, of files that still are what they were."""
    waiting = 0
    for position in positions[-MAX_LOOKED:]:
        if position.finished or position.compression:
            continue
        try:
            facts = Path(position.path).stat()
        except (OSError, ValueError):
            continue
        if not position.inode or position.inode == facts.st_ino:
            waiting += max(0, facts.st_size - position.offset)
    return waiting


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
    """A lag for people: "0.4 s", "3 min", "2 h"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"
