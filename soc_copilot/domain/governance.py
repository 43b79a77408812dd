"""What the governance database tells the rest: kill switch, audit, sources, stored batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.domain.archive import Segment
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.records import LedgerDelta, PartialLine, PositionMove, SourceEvent
from soc_copilot.domain.source_options import SourceOptions

if TYPE_CHECKING:  # it needs numpy, for which the window's frame does not wait
    from soc_copilot.domain.load import SeriesUpdate


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and where from.

    Attributes:
        name: The operating system's user name, or "pipeline" for the program itself.
        surface: "window", "cli", "pipeline", "service".
    """

    name: str
    surface: str


@dataclass(frozen=True, slots=True)
class KillSwitchState:
    """Whether processing is halted, and the last change.

    Attributes:
        engaged: True also when the state could not be read.
        readable: False when the state could not be read; `reason` then says why.
    """

    engaged: bool
    actor: str = ""
    surface: str = ""
    reason: str = ""
    changed_at: datetime | None = None
    readable: bool = True


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One link of the audit chain.

    Attributes:
        seq: 1, 2, ... without a gap.
        action: Dotted, past tense: "killswitch.engaged", "alert.closed", "source.added".
        subject: What it was done to: "alert 17", "source 2", "setting ui.theme".
        mac: HMAC-SHA256 (hex) over every other field and the former row's mac.
    """

    seq: int
    at: datetime
    actor: str
    surface: str
    action: str
    subject: str
    old: str | None
    new: str | None
    reason: str | None
    mac: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Result of verifying the chain.

    Attributes:
        ok: True when every row and the head file agree.
        rows: Rows checked.
        first_bad_seq: Number of the first row that does not fit, None when all do.
        message: A few sentences for the operator.
        anchored_after: The chain was anchored anew after this row: rows up to it are as they
            were then, and nothing is known of the time before. None when it never was.
    """

    ok: bool
    rows: int
    first_bad_seq: int | None
    message: str
    anchored_after: int | None = None


@dataclass(frozen=True, slots=True)
class DiskState:
    """Room on the disk that holds what the program stores.

    Attributes:
        folder: Where that is.
        free_bytes: What may still be written there.
        reserve_bytes: What is set aside for the kill switch and the audit trail; 0 when it was
            used up, until there is room again.
        is_full: True while batches are refused for want of room.
    """

    folder: Path
    free_bytes: int
    reserve_bytes: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as configured.

    Attributes:
        kind: One of `source_options.KINDS`.
        path: The file, folder, journal or channel to read; for a listener its address as
            "127.0.0.1:5514".
        format: A parsing format's name, or "auto".
        pattern: For directories, such as "*.log"; empty otherwise.
    """

    id: int
    name: str
    kind: str
    path: str
    pattern: str
    format: str
    enabled: bool
    from_start: bool
    added_at: datetime
    options: SourceOptions = field(default_factory=SourceOptions)


@dataclass(frozen=True, slots=True)
class SourceLedger:
    """A source's stored counts and positions."""

    source: SourceRow
    totals: LedgerDelta
    committed_bytes: int  # sum of the stored offsets over generations
    n_files: int
    alerts: int
    last_stored_at: datetime | None
    n_partial: int = 0  # last lines that wait for their line end now
    archived_bytes: int = 0  # size on disk of its share of the archive
    archived_events: int = 0  # events in the archive now; fewer than stored after retention


@dataclass(frozen=True, slots=True)
class StoredSourceEvent:
    """A `SourceEvent` as stored; ids grow."""

    id: int
    source_id: int
    event: SourceEvent


@dataclass(frozen=True, slots=True)
class StoredPartial:
    """A last line without its line end, as stored; see `PartialLine`."""

    source_id: int
    generation: int
    path: str
    partial: PartialLine


@dataclass(frozen=True, slots=True)
class BatchCommit:
    """Everything that one transaction stores.

    Attributes:
        n_events: Rows of the batch.
        findings: Of all detectors.
        moves: One for each file in the batch.
        states: New state of each detector that changed its own.
        stage_s: Seconds spent so far, by stage.
        segment: Where the archive put the batch's events; None when it has none or is off.
        series: Hours of series that were judged.
    """

    n_events: int
    findings: tuple[Finding, ...]
    moves: tuple[PositionMove, ...]
    states: Mapping[str, bytes] = field(default_factory=dict)
    stage_s: Mapping[str, float] = field(default_factory=dict)
    segment: Segment | None = None
    series: "tuple[SeriesUpdate, ...]" = ()


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What the transaction did.

    Attributes:
        batch_id: Row id of the batch.
        stored_ns: Wall-clock time after the commit, nanoseconds since 1970 UTC.
        raised: Alerts that did not exist before, by severity value, info first.
        raised_ids: Their ids.
        updated: Open alerts that grew.
        suppressed: How many of those raised a suppression keeps out of the list.
    """

    batch_id: int
    stored_ns: int
    raised: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    raised_ids: tuple[int, ...] = ()
    updated: int = 0
    suppressed: int = 0

    @property
    def worst(self) -> Severity | None:
        """Highest severity raised, None when nothing was."""
        return next((Severity(s) for s in range(4, -1, -1) if self.raised[s]), None)
