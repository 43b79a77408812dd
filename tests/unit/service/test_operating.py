from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.alerts import AlertStatus, Disposition
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.operations import OperationalAlert
from soc_copilot.service import operating
from soc_copilot.service.operating import OVER_S, OperationalAlerts

SLOW = OperationalAlert("slow", "Answers took more than 5 s within the last minute.")
SLOW_OVER = OperationalAlert(SLOW.code, SLOW.message, is_active=False)
MODEL = OperationalAlert("model:url", "The model url is not loaded.")


class Clock:
    def __init__(self) -> None:
        self.s = 1_000.0

    def now_ns(self) -> int:
        return int(1_790_000_000e9 + self.s * 1e9)

    def monotonic_s(self) -> float:
        return self.s


class Desk:
    def __init__(self, governance: Governance) -> None:
        self.governance = governance
        self.clock = Clock()
        self.alerts = OperationalAlerts(clock=self.clock)

    def after(self, seconds: float, *told: OperationalAlert) -> list[tuple[str, AlertStatus, int]]:
        """Alerts once so much time has passed and this was told."""
        self.clock.s += seconds
        for alert in told:
            self.alerts.told(alert)
        self.alerts.settle(self.governance)
        return self.rows()

    def rows(self) -> list[tuple[str, AlertStatus, int]]:
        _, ids = self.governance.alerts.changed_since(-1)
        rows = self.governance.alerts.get(ids)
        return sorted((row.rule, row.status, row.count) for row in rows)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Governance.open(tmp_path / "governance.db", home=tmp_path) as governance:
        yield Desk(governance)


def test_an_alert_is_raised_and_ends_by_itself(desk: Desk) -> None:
    assert desk.after(0, SLOW, MODEL) == [
        ("service.model:url", AlertStatus.NEW, 1), ("service.slow", AlertStatus.NEW, 1),
    ]  # fmt: skip
    assert desk.after(5, SLOW_OVER)[1][1] == AlertStatus.NEW  # it may come back
    found = desk.after(OVER_S)
    assert [status for _, status, _ in found] == [AlertStatus.NEW, AlertStatus.CLOSED]
    _, ids = desk.governance.alerts.changed_since(-1)
    (row,) = [one for one in desk.governance.alerts.get(ids) if one.rule == "service.slow"]
    assert row.disposition == Disposition.BENIGN
    assert row.severity == Severity.MEDIUM
    assert (row.entity, row.detector) == ("checking service", "service")


def test_what_comes_back_soon_is_one_alert(desk: Desk) -> None:
    desk.after(0, SLOW)
    desk.after(5, SLOW_OVER)
    assert desk.after(OVER_S / 2, SLOW) == [("service.slow", AlertStatus.NEW, 2)]
    assert desk.after(OVER_S) == [("service.slow", AlertStatus.NEW, 2)]


def test_the_kill_switch_holds_it_back(desk: Desk) -> None:
    desk.governance.kill_switch.engage("a drill")
    assert desk.after(0, SLOW) == []
    desk.governance.kill_switch.release("over")
    assert desk.after(2) == [("service.slow", AlertStatus.NEW, 1)]


def test_what_a_former_service_left_open_is_closed(desk: Desk) -> None:
    desk.after(0, SLOW, MODEL)
    assert operating.close(desk.governance, note="The service was started anew.") == 2
    assert {status for _, status, _ in desk.rows()} == {AlertStatus.CLOSED}
