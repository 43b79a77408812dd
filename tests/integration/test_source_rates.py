"""A real log that stops, and one that floods: each is an alert in time, and ends by itself."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soc_copilot.domain.alerts import AlertFilter, AlertRow, AlertStatus, Disposition
from soc_copilot.domain.clock import SystemClock
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline import core
from soc_copilot.pipeline.pulse import LEAST_ARRIVALS
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS

ACTOR = Actor("ana", "cli")
QUIET = {
    setting.key: False
    for setting in SETTINGS
    if setting.key.startswith("detection.") and setting.key.endswith(".enabled")
}
STEP_S = 50  # below what counts as a machine that slept
PATIENCE_S = 60.0  # far above what it takes
LIMIT_S = 600  # the stated time: ten minutes of silence


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle look need not wait for a quarter of a second."""
    monkeypatch.setattr(core, "TAKE_TIMEOUT_S", 0.01)


class MovedClock(SystemClock):
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s

    def now_ns(self) -> int:
        return super().now_ns() + int(self.ahead_s * 1e9)


class Bench:
    """A log that is read as on the desk, with a clock that can be put forward."""

    def __init__(self, session: IngestSession, governance: Governance, log: Path,
                 clock: MovedClock) -> None:  # fmt: skip
        self.session, self.governance, self.log, self.clock = session, governance, log, clock
        self._stop = threading.Event()

    def write(self, n: int) -> None:
        """Append lines, and wait until each is stored."""
        before = self.stored()
        with self.log.open("a") as file:
            file.writelines(f"line {before + i}\n" for i in range(n))
        deadline = time.monotonic() + PATIENCE_S
        while self.stored() < before + n:
            assert time.monotonic() < deadline, "the lines are not read"
            self.session.request_flush()
            self.session.run_batch(self._stop)

    def stored(self) -> int:
        return self.governance.batches.totals().lines

    def pass_s(self, seconds: float) -> None:
        """Let time go by, looking as often as the desk does."""
        while seconds > 0:
            step = min(STEP_S, seconds)
            self.clock.ahead_s += step
            seconds -= step
            self.session.run_batch(self._stop)

    def alerts(self, rule: str) -> list[AlertRow]:
        found = self.governance.alerts.page(AlertFilter(detectors=("load",)))
        return [row for row in found if row.rule == rule]


@contextmanager
def bench(folder: Path, *, batch_interval_s: float = 0.02) -> Iterator[Bench]:
    log, db, clock = folder / "app.log", folder / "governance.db", MovedClock()
    log.touch()
    settings = {setting.key: setting.default for setting in SETTINGS} | QUIET
    settings |= {"ingestion.batch_interval_s": batch_interval_s, "archive.enabled": False,
                 "ingestion.poll_interval_s": 0.02}  # fmt: skip
    with Governance.open(db, actor=ACTOR, home=folder) as governance:
        if governance.sources.find(log) is None:
            governance.sources.add("file", log, name="app", format="plain", from_start=True)
        with IngestSession(db, settings, ACTOR, home=folder, clock=clock) as session:
            yield Bench(session, governance, log, clock)


def speak(made: Bench, times: int = LEAST_ARRIVALS, pause_s: float = 20) -> None:
    """Send as an ordinary source does: a few lines now and then."""
    for _ in range(times):
        made.write(5)
        made.pass_s(pause_s)


def test_a_source_that_stops_is_an_alert_in_time_and_ends_by_itself(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        speak(made)
        made.pass_s(LIMIT_S - 60)
        assert made.alerts("load.silence") == []
        made.pass_s(60)
        (alert,) = made.alerts("load.silence")
        assert alert.entity == "app"
        assert alert.status is AlertStatus.NEW
        assert "silent" in alert.title
        made.write(5)
        made.pass_s(2)
        (alert,) = made.alerts("load.silence")
        assert alert.status is AlertStatus.CLOSED
        assert alert.disposition is Disposition.BENIGN
        detail = made.governance.alerts.detail(alert.id)
        assert detail is not None
        assert any("sends again" in note.text for note in detail.notes)


def test_a_source_that_floods_is_an_alert_within_a_minute_and_ends_by_itself(
    tmp_path: Path,
) -> None:
    with bench(tmp_path) as made:
        speak(made, 3, 250)  # some twelve minutes
        assert made.alerts("load.flood") == []
        made.write(700)
        made.pass_s(2)
        (alert,) = made.alerts("load.flood")
        assert "lines a minute" in alert.title
        made.pass_s(120)
        (alert,) = made.alerts("load.flood")
        assert alert.status is AlertStatus.CLOSED


def test_an_alert_that_somebody_works_on_only_gets_a_note(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        speak(made)
        made.pass_s(LIMIT_S + 10)
        (alert,) = made.alerts("load.silence")
        made.governance.alerts.acknowledge([alert.id])
        made.write(5)
        made.pass_s(2)
        (alert,) = made.alerts("load.silence")
        assert alert.status is AlertStatus.ACKNOWLEDGED


def test_what_nobody_could_read_is_no_silence(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        speak(made)
        made.governance.kill_switch.engage("a test")
        made.pass_s(3 * LIMIT_S)
        made.governance.kill_switch.release("over")
        made.pass_s(60)
        assert made.alerts("load.silence") == []
        made.clock.ahead_s += 5 * LIMIT_S  # the machine slept
        made.pass_s(60)
        assert made.alerts("load.silence") == []
        (source,) = made.governance.sources.list()
        made.governance.sources.set_enabled(source.id, False)
        while made.session.statuses():
            made.session.run_batch(threading.Event())
        made.pass_s(2 * LIMIT_S)
        assert made.alerts("load.silence") == []


def test_what_was_written_while_nobody_read_is_no_flood(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        speak(made, 3, 250)
    with (tmp_path / "app.log").open("a") as file:
        file.writelines(f"late {i}\n" for i in range(5_000))
    with bench(tmp_path) as made:
        while made.stored() < 5_015:
            made.session.run_batch(threading.Event())
        made.pass_s(60)
        assert made.alerts("load.flood") == []
        assert made.alerts("load.silence") == []
