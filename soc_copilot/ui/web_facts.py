"""What the Web page asks the database: alerts, sources, the preset. No Qt."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from soc_copilot.domain.alerts import AlertFilter, AlertRow, AlertStatus
from soc_copilot.ui.web_trial import BUDGET_KEY

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

DETECTOR: Final = "web"
OPEN: Final = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
MOST_ALERTS: Final = 200  # chosen: open alerts that are put beside requests


@dataclass(frozen=True, slots=True)
class WebFacts:
    """What the database says.

    Attributes:
        n_sources: That are not switched off.
        alerts: Open ones of the detector, newest first.
        budget: Of false positives, as set.
    """

    n_sources: int
    alerts: tuple[AlertRow, ...]
    budget: str


def read_web(governance: "Governance") -> WebFacts:
    """Read it; for a job."""
    query = AlertFilter(statuses=OPEN, detectors=(DETECTOR,), suppressed=False)
    return WebFacts(
        sum(row.enabled for row in governance.sources.list()),
        governance.alerts.page(query, None, MOST_ALERTS),
        str(governance.settings.get(BUDGET_KEY)),
    )
