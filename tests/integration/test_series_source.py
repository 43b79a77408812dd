"""A series in a real file, tailed: each hour judged exactly once, whatever happens in between."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soc_copilot.detection.load.live import LoadDetector
from soc_copilot.detection.load.series import clock
from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.load import HourRow
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline import session as session_module
from soc_copilot.pipeline.bench_load import made
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS

ACTOR = Actor("ana", "cli")
START, HISTORY, HOURS = 412_000, 504, 600
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _load_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "load_detectors", lambda _settings: [LoadDetector()])


def lines() -> list[str]:
    values = made(HOURS, seed=3)
    values[HISTORY + 30 : HISTORY + 54] *= 1.4
    return [f"{clock(START + i + 1)},x,{value}\n" for i, value in enumerate(values)]


def run(folder: Path, until: Callable[[Governance], bool]) -> None:
    """Read as the desk does until something is stored, then stop as if killed between batches."""
    settings = {setting.key: setting.default for setting in SETTINGS}
    settings |= {"ingestion.batch_interval_s": 0.1, "ingestion.max_size": 100,
                 "ingestion.poll_interval_s": 0.02}  # fmt: skip
    stop, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    with (
        IngestSession(folder / "g.db", settings, ACTOR, home=folder) as session,
        Governance.open(folder / "g.db", actor=ACTOR, home=folder) as governance,
    ):
        while not until(governance):
            assert time.monotonic() < deadline
            session.run_batch(stop)


def stored(governance: Governance) -> tuple[HourRow, ...]:
    found = governance.series.all()
    key = next((one.key for one in found if not one.key.startswith("rate/")), "")
    return governance.series.hours(key)


def played(folder: Path, cuts: list[int]) -> tuple[HourRow, ...]:
    folder.mkdir()
    log, rows = folder / "meter.csv", lines()
    log.write_text("when,name,MW\n")
    with Governance.open(folder / "g.db", actor=ACTOR, home=folder) as governance:
        options = SourceOptions.checked("file", {"series_value": "3", "series_unit": "MW"})
        governance.sources.add(
            "file", log, format="series", from_start=True, options=options, name="meter"
        )
    done = 0
    for cut in cuts:
        with log.open("a") as file:
            file.writelines(rows[done:cut])
        done = cut
        wanted = cut - (cut <= HISTORY)  # an hour of the history is over when the next one comes
        run(folder, lambda governance, wanted=wanted: len(stored(governance)) >= wanted)
    with Governance.open(folder / "g.db", actor=ACTOR, home=folder) as governance:
        (alert,) = {
            row.entity: row for row in governance.alerts.page(AlertFilter(detectors=("load",)))
        }.values()
        assert alert.entity == "meter"
        assert any(one.key.endswith("meter.csv") for one in governance.series.all())
        return stored(governance)


def test_a_restart_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    whole = played(tmp_path / "a", [HOURS])
    parts = played(tmp_path / "b", [300, HISTORY + 40, HOURS])
    assert [row.hour for row in whole] == [row.hour for row in parts]
    assert len(whole) == HOURS
    judged = [(row.forecast, row.score, row.grade) for row in whole if row.forecast == row.forecast]
    assert judged == [
        (row.forecast, row.score, row.grade) for row in parts if row.forecast == row.forecast
    ]
    assert any(grade for _, _, grade in judged)


def test_a_tailed_file_that_is_one_json_document_is_told(tmp_path: Path) -> None:
    log = tmp_path / "meter.json"
    log.write_text('[\n{"time": "2017-01-01 01:00", "value": 1},\n')
    with Governance.open(tmp_path / "g.db", actor=ACTOR, home=tmp_path) as governance:
        governance.sources.add("file", log, format="series", from_start=True, name="meter")
    wanted = AlertFilter(detectors=("load",))
    run(tmp_path, lambda governance: bool(governance.alerts.page(wanted)))
    with Governance.open(tmp_path / "g.db", actor=ACTOR, home=tmp_path) as governance:
        (alert,) = governance.alerts.page(wanted)
        assert (alert.title, alert.entity) == ("One JSON document, not a row a line", "meter")
