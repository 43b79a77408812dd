"""Sources watched for silence and floods: what began becomes an alert, what is over ends it."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.governance import BatchCommit, SourceRow
from soc_copilot.domain.load import SeriesUpdate
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.source_options import MADE_BY_PROGRAM
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.pulse import DETECTOR, STATE, Rules, SourceWatch, Told
from soc_copilot.settings import Value

logger = logging.getLogger(__name__)

LOOK_S: Final = 1.0  # chosen: how often is looked
RETRY_S: Final = 5.0  # chosen: after the store refused
# The sample's replay ends, nobody asks the checking service, nobody touches a folder: all usual.
UNWATCHED: Final = MADE_BY_PROGRAM | {"activity"}
MOST_ALERTS: Final = 20  # chosen: open ones of one rule and one source that are ended
_OPEN: Final = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)


class SourceTelemetry:
    """Feeds a `SourceWatch` and stores what it tells.

    An alert that nobody has taken up is closed as benign when its cause is over, with a note that
    says so; one that somebody works on only gets the note.

    Args:
        governance: Of the program itself, on the pipeline's thread.
        settings: Value of every setting.
        clock: For tests.

    Thread:
        The pipeline's.
    """

    def __init__(
        self, governance: Governance, settings: Mapping[str, Value], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._governance, self._clock = governance, clock
        state = governance.batches.detector_states().get(STATE, b"")
        self.watch = SourceWatch(Rules.of(settings), clock, state)
        self._look_at_s = 0.0
        self._unwatched: set[int] = set()
        self._begun: list[Told] = []
        self._ended: list[Told] = []
        self._hours: list[SeriesUpdate] = []

    def take(self, summary: BatchSummary) -> None:
        """Note what a stored batch brought."""
        self.watch.take(
            (one.source_id, one.name, one.n_events)
            for one in summary.sources
            if one.source_id not in self._unwatched
        )

    def know(self, source: SourceRow) -> None:
        """A source is read from now on; some kinds are quiet or busy as people are."""
        if source.kind in UNWATCHED:
            self._unwatched.add(source.id)
        else:
            self._unwatched.discard(source.id)

    def rest(self, source_id: int) -> None:
        """A source is read no longer."""
        self.watch.rest(source_id)

    def look(self, statuses: Callable[[], tuple[SourceStatus, ...]]) -> None:
        """Look at the sources when that is due, and store what is to be told."""
        now = self._clock.monotonic_s()
        if now < self._look_at_s:
            return
        self._look_at_s = now + LOOK_S
        halted = self._governance.kill_switch.is_engaged()
        watched = [one for one in statuses() if one.source_id not in self._unwatched]
        for told in self.watch.tick(watched, halted=halted):
            (self._ended if told.is_over else self._begun).append(told)
        if not halted:
            self._hours += self.watch.drain()
            if not self._store():
                self._look_at_s = now + RETRY_S

    def close(self) -> None:
        """Store what the next run shall know."""
        self._hours += self.watch.drain()
        try:
            self.watch.forget(row.id for row in self._governance.sources.list())
        except SocCopilotError:
            logger.exception("The list of sources cannot be read at the end.")
        if not self._governance.kill_switch.is_engaged():
            self._store(at_end=True)

    def _store(self, *, at_end: bool = False) -> bool:
        """Store what waits; False when the store refuses, and it still waits."""
        has_any = self._begun or self._ended or self._hours or self.watch.is_changed
        if not (has_any or (at_end and self.watch.has_news)):
            return True
        commit = BatchCommit(
            0, tuple(told.finding for told in self._begun), (),
            states={STATE: self.watch.state()}, series=tuple(self._hours),
        )  # fmt: skip
        try:
            self._governance.batches.store(commit)
            self._begun, self._hours = [], []
            while self._ended:
                self._end(self._ended[0])
                self._ended.pop(0)
        except SocCopilotError as error:
            logger.warning("What sources send cannot be stored now. reason=%s", error)
            return False
        return True

    def _end(self, told: Told) -> None:
        alerts, finding = self._governance.alerts, told.finding
        query = AlertFilter(statuses=_OPEN, detectors=(DETECTOR,), entity=finding.entity)
        found = [row for row in alerts.page(query, None, MOST_ALERTS) if row.rule == finding.rule]
        fresh = [row.id for row in found if row.status is AlertStatus.NEW]
        taken = [row.id for row in found if row.status is not AlertStatus.NEW]
        if fresh:
            alerts.close(fresh, Disposition.BENIGN, told.note)
        if taken:
            alerts.add_note(taken, told.note)
