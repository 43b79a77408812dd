"""What tests of suppressions ask again and again."""

from datetime import timedelta

from soc_copilot.domain.alerts import AlertFilter, AlertStatus
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.governance import StoredBatch
from soc_copilot.domain.suppressions import DEFAULT_FIELDS, Field, Suppression
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit

OPEN = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
LIST = AlertFilter(statuses=OPEN, suppressed=False)
HIDDEN = AlertFilter(suppressed=True)


def store(desk: Governance, *findings: Finding) -> StoredBatch:
    return desk.batches.store(commit(findings))


def suppress(desk: Governance, *fields: Field, hours: float = 1, **more: bool) -> Suppression:
    end = desk.suppressions.now() + timedelta(hours=hours)
    return desk.suppressions.add([1], fields or DEFAULT_FIELDS, end, **more)


def shown(desk: Governance) -> list[int]:
    return [row.id for row in desk.alerts.page(LIST)]


def hidden(desk: Governance) -> dict[int, int | None]:
    return {row.id: row.suppressed_by for row in desk.alerts.page(HIDDEN)}


def tally_is_right(desk: Governance) -> None:
    """The numbers of open alerts are those of the list."""
    rows = desk.alerts.page(LIST, None, 1_000)
    counts = desk.alerts.counts()
    assert counts.open_by_severity == tuple(sum(r.severity == s for r in rows) for s in Severity)
    assert counts.unassigned_open == sum(row.assignee is None for row in rows)
