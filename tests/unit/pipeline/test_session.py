import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DiskFullError, SourceError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.governance import Actor, SourceRow
from soc_copilot.domain.records import RecordChunk, SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.tailer import FileTailer
from soc_copilot.pipeline import session as session_module
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS, Value

ACTOR = Actor("ana", "cli")


@pytest.fixture
def settings() -> dict[str, Value]:
    values: dict[str, Value] = {setting.key: setting.default for setting in SETTINGS}
    values |= {key: False for key in values if key.startswith("detection.") and "enabled" in key}
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


def rows_of(governance: Governance) -> list[tuple[int, str]]:
    """Offset and text of every archived event."""
    frames = [
        pl.read_parquet(governance.archive_folder / segment.name)
        for segment in governance.segments.list()
    ]
    return [row for frame in frames for row in frame.select(c.OFFSET, c.ORIGINAL).rows()]


def test_every_event_is_archived_and_counted(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 2) == 2
    assert sorted(rows_of(governance)) == [(0, "one"), (4, "two")]
    (ledger,) = governance.sources.ledger(source.id)
    assert (ledger.totals.stored, ledger.archived_events) == (2, 2)
    assert ledger.totals.adds_up


def test_the_archive_can_be_switched_off(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    settings["archive.enabled"] = False
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 1) == 1
    assert governance.sources.ledger(source.id)[0].totals.stored == 0
    assert not governance.archive_folder.exists()


def test_a_full_disk_stops_reading_says_so_and_goes_on_by_itself(
    tmp_path: Path,
    settings: dict[str, Value],
    governance: Governance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    source = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    write, is_full = Archive.write, True

    def refuse(archive: Archive, events: EventBatch) -> object:
        if is_full:
            raise DiskFullError("The disk is full.")
        return write(archive, events)

    monkeypatch.setattr(Archive, "write", refuse)
    hurry = threading.Event()
    hurry.set()
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        while not session.trouble:
            session.run_batch(hurry)
        assert "The disk is full. Reading waits" in session.trouble
        assert not session.is_idle
        assert governance.sources.ledger(source.id)[0].totals.lines == 0
        is_full = False
        assert drive(session, 2) == 2
        assert session.trouble == ""
    assert len(rows_of(governance)) == 2


def test_what_is_changed_in_the_database_is_followed(
    tmp_path: Path,
    settings: dict[str, Value],
    governance: Governance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "FOLLOW_S", 0.0)
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text("one\n")
    first = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 1) == 1
        governance.sources.set_options(first.id, SourceOptions({"encoding": "latin-1"}))
        with (tmp_path / "a.log").open("ab") as file:
            file.write(b"caf\xe9\n")
        assert drive(session, 1) == 1
        governance.sources.set_enabled(first.id, enabled=False)
        governance.sources.add("file", str(tmp_path / "b.log"), from_start=True)
        assert drive(session, 1) == 1
        assert [status.name for status in session.statuses()] == ["b.log"]
    assert governance.sources.ledger(first.id)[0].totals.lines == 2


def test_a_source_that_cannot_be_made_shows_why_and_the_others_go_on(
    tmp_path: Path,
    settings: dict[str, Value],
    governance: Governance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "FOLLOW_S", 0.0)
    real, is_broken = session_module.attach, True

    def attach(controller: object, source: SourceRow, *rest: object) -> None:
        if is_broken and source.name == "b.log":
            raise SourceError("It will not.")
        real(controller, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(session_module, "attach", attach)
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text("one\n")
        governance.sources.add("file", str(tmp_path / f"{name}.log"), from_start=True)
    with IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session:
        assert drive(session, 1) == 1
        broken = next(status for status in session.statuses() if status.name == "b.log")
        assert (broken.state, broken.detail) == ("error", "It will not.")
        is_broken = False
        assert drive(session, 1) == 1
        assert {status.state for status in session.statuses()} == {"live"}


def test_a_run_of_chosen_sources_reads_no_others(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    chosen = governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    governance.sources.add("file", str(tmp_path / "b.log"), from_start=True)
    with IngestSession(
        tmp_path / "g.db", settings, ACTOR, only_sources=[chosen.id], home=tmp_path
    ) as session:
        assert drive(session, 1) == 1
        assert [status.source_id for status in session.statuses()] == [chosen.id]


def open_udp() -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    held.bind(("127.0.0.1", 0))
    return held


def address_of(held: socket.socket) -> str:
    host, port = held.getsockname()
    return f"{host}:{port}"


def test_what_a_listener_receives_is_stored_and_its_spool_is_kept_small(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    with open_udp() as probe:
        address = address_of(probe)
    source = governance.sources.add("syslog-udp", address)
    host, port = address.split(":")
    stop = threading.Event()
    with (
        IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path) as session,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        while not (status := session.statuses()[0]).address:
            session.run_batch(stop)
        assert status.address == f"udp {address}", status
        for number in range(50):
            sender.sendto(b"<13>Nov 20 10:00:00 gw app: message %d" % number, (host, int(port)))
        assert drive(session, 50) == 50
    texts = {text for _, text in rows_of(governance)}
    senders = {
        sender.partition(":")[0]
        for segment in governance.segments.list()
        for sender in pl.read_parquet(governance.archive_folder / segment.name)[c.SENDER]
    }
    assert senders == {"127.0.0.1"}
    assert "\t" not in "".join(texts)
    assert len(texts) == 50
    assert all(str(number) in " ".join(texts) for number in range(50))
    assert governance.sources.ledger(source.id)[0].totals.stored == 50
    assert (governance.spool_folder / str(source.id)).is_dir()


def test_a_port_in_use_is_said_tried_again_and_stops_nobody_else(
    tmp_path: Path, settings: dict[str, Value], governance: Governance
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    stop = threading.Event()
    with open_udp() as held:
        busy = governance.sources.add("syslog-udp", address_of(held))

        def listener() -> SourceStatus:
            return next(one for one in session.statuses() if one.source_id == busy.id)

        session = IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path)
        session.open()
        try:
            assert drive(session, 1) == 1
            while listener().state != "error":
                session.run_batch(stop)
            assert "in use" in listener().detail
            held.close()
            while listener().state != "listening":
                session.run_batch(stop)
        finally:
            session.close()


def test_a_source_that_hangs_does_not_hold_the_end(
    tmp_path: Path,
    settings: dict[str, Value],
    governance: Governance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, is_stuck = threading.Event(), threading.Event()

    def hang(*_: object) -> list[RecordChunk]:
        is_stuck.set()
        release.wait(60)
        return []

    (tmp_path / "a.log").write_text("one\n")
    governance.sources.add("file", str(tmp_path / "a.log"), from_start=True)
    monkeypatch.setattr(FileTailer, "poll", hang)
    monkeypatch.setattr(session_module, "STOP_LIMIT_S", 1.0)
    session = IngestSession(tmp_path / "g.db", settings, ACTOR, home=tmp_path)
    session.open()
    try:
        assert is_stuck.wait(30)
        began = time.monotonic()
        session.close()
        assert time.monotonic() - began < 30
    finally:
        release.set()
