"""What is told of sources reaches the database, also after it refused once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import SystemClock
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary, SourceStats
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


def test_the_replay_of_the_sample_may_end(governance: Governance, tmp_path: Path) -> None:
    clock, spool = Hand(), tmp_path / "spool.log"
    spool.touch()
    settings = {setting.key: setting.default for setting in SETTINGS}
    telemetry = SourceTelemetry(governance, settings, clock)
    source = governance.sources.add("replay", spool, name="app")
    telemetry.know(source)
    stats = SourceStats(source.id, "app", 5, 0, 0.0, "live")
    for at in range(100):
        clock.s += 20
        n = 5 if at < 20 else 0
        telemetry.take(
            BatchSummary(at, 0, n, n, 0, (0,) * 5, 0, np.empty(0, np.float32), (stats,), ())
        )
        telemetry.look(lambda: (LIVE,))
    clock.s += 50
    for _ in range(60):
        clock.s += 20
        telemetry.look(lambda: (LIVE,))
    assert governance.alerts.page(AlertFilter()) == ()
    telemetry.know(replace(source, kind="file"))
    assert not telemetry._unwatched
