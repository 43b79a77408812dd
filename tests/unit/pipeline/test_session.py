import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS, Value

ACTOR = Actor("ana", "cli")


@pytest.fixture
def settings() -> dict[str, Value]:
    values: dict[str, Value] = {setting.key: setting.default for setting in SETTINGS}
    values["detection.web.enabled"] = values["detection.auth.enabled"] = False
    values["ingestion.batch_interval_s"] = 0.1
    return values


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    it = Governance.open(tmp_path / "g.db", actor=ACTOR, home=tmp_path)
    yield it
    it.close()


def drive(session: IngestSession, n_lines: int) -> int:
    stop, done = threading.Event(), 0
    for _ in range(400):
        summary = session.run_batch(stop)
        done += summary.n_events if summary is not None else 0
        if done >= n_lines and session.is_idle:
            break
    return done


def test_enabled_sources_are_read_and_the_run_is_audited(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    before = set(threading.enumerate())
    (tmp_path / "a.log").write_text("one\ntwo\n")
    (tmp_path / "b.log").write_text("three\n")
    governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    off = governance.sources.add("file", str(tmp_path / "b.log"), from_start=True)
    governance.sources.set_enabled(off.id, False)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 2) == 2
        assert [status.name for status in session.statuses()] == ["a.log"]
        assert {health.state for health in session.health()} == {"disabled"}
        assert session.device_name
    actions = [row.action for row in governance.audit.rows(None, 10)]
    assert actions[:2] == ["ingestion.stopped", "ingestion.started"]
    assert set(threading.enumerate()) <= before


def test_closing_stores_what_was_buffered(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    before = set(threading.enumerate())
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i}\n" for i in range(500)))
    source = governance.sources.add("file", str(log), from_start=True)
    settings["ingestion.batch_interval_s"] = 60.0
    session = IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path)
    session.open()
    for _ in range(200):
        if session.statuses()[0].read_offset_bytes == log.stat().st_size:
            break
        session.run_batch(threading.Event())
    session.close()
    (ledger,) = governance.sources.ledger(source.id)
    assert ledger.totals.lines == 500
    assert set(threading.enumerate()) <= before


def test_sources_come_and_go_while_it_runs(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 0) == 0
        source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
        session.add_source(source)
        assert drive(session, 1) == 1
        session.remove_source(source.id)
        drive(session, 0)
        assert session.statuses() == ()


def test_an_engaged_switch_keeps_everything_where_it_is(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    governance.kill_switch.engage("test")
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        for _ in range(5):
            assert session.run_batch(threading.Event()) is None
        assert governance.sources.ledger(source.id)[0].totals.lines == 0
        governance.kill_switch.release("over")
        assert drive(session, 2) == 2


def test_a_session_that_is_not_open_says_so(tmp_path: Path, settings: dict[str, Value]) -> None:
    session = IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path)
    with pytest.raises(RuntimeError, match="not open"):
        session.run_batch(threading.Event())
    session.close()
    assert session.is_idle


def test_statuses_tell_the_format_that_was_found(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("".join(f'{{"message": "{i}"}}\n' for i in range(30)))
    governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 30) == 30
        assert [status.formats for status in session.statuses()] == [("json",)]


def test_a_source_added_twice_does_not_end_the_run(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        session.add_source(source)
        assert drive(session, 1) == 1
