"""What is told of sources reaches the database, also after it refused once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import SystemClock
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import SourceStatus
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.telemetry import SourceTelemetry
from soc_copilot.settings import SETTINGS

LIVE = SourceStatus(1, "app", "live")


class Hand(SystemClock):
    s = 0.0

    def monotonic_s(self) -> float:
        return self.s


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    with Governance.open(tmp_path / "g.db", actor=Actor("ana", "cli"), home=tmp_path) as made:
        yield made


def test_an_alert_waits_for_the_kill_switch_and_state_is_kept(
    governance: Governance, tmp_path: Path
) -> None:
    clock = Hand()
    log = tmp_path / "app.log"
    log.touch()
    assert governance.sources.add("file", log, name="app").id == 1
    settings = {setting.key: setting.default for setting in SETTINGS}
    telemetry = SourceTelemetry(governance, settings, clock)

    def run(seconds: float, n: int) -> None:
        end = clock.s + seconds
        while clock.s < end:
            clock.s += 20
            telemetry.watch.take(((1, "app", n),))
            telemetry.look(lambda: (LIVE,))

    run(400, 5)
    run(580, 0)
    assert governance.alerts.page(AlertFilter()) == ()
    governance.kill_switch.engage("a test")
    run(400, 0)
    governance.kill_switch.release("over")
    run(60, 0)
    (alert,) = governance.alerts.page(AlertFilter())
    assert alert.rule == "load.silence"
    assert governance.series.all() == () or governance.series.all()[0].key == "rate/1"
    telemetry.close()
    later = SourceTelemetry(governance, settings, clock)
    later.watch.take(((1, "app", 5),))
    clock.s += 5
    later.look(lambda: (LIVE,))
    (alert,) = governance.alerts.page(AlertFilter())
    assert alert.status.value == "closed"
