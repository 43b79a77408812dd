"""The governance database on a real PostgreSQL server keeps the same promises."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.archive import SourceShare
from soc_copilot.domain.errors import (
    KillSwitchEngagedError,
    PositionConflictError,
    StoreError,
)
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import PartialLine, SourceEvent
from soc_copilot.domain.suppressions import Field
from soc_copilot.governance.database import Governance
from soc_copilot.governance.migrate import MIGRATIONS
from soc_copilot.governance.schema import SCHEMA_HEAD, Base
from tests.integration.postgresql import PATIENCE_S, Server
from tests.unit.governance.conftest import SERVER
from tests.unit.governance.helpers import commit, finding, line, move, segment

ROOT = Path(__file__).resolve().parents[2]
ANA = Actor("ana", "window")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses Debian's PostgreSQL"),
]

# Moves a position twenty times, as fast as it can; of the first step all three have read the same
# position before any of them stores it.
WRITER = """
import sys, time
from pathlib import Path
from soc_copilot.domain.errors import PositionConflictError
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, finding, line, move
home = Path(sys.argv[2])
won = lost = 0
with Governance.open(sys.argv[1], home=home) as governance:
    while won < 20:
        at = governance.sources.checkpoints(1)
        start = at[0].offset if at else -1
        if won + lost == 0:
            (home / f"{sys.argv[3]}.ready").touch()
            while len(list(home.glob("*.ready"))) < 3:
                time.sleep(0.01)
        try:
            end = max(start, 0) + 100
            governance.batches.store(commit([finding(evidence=(line(end),))], [move(start, end)]))
            won += 1
        except PositionConflictError:
            lost += 1
print(won, lost)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def url(server: Server) -> str:
    """A database with nothing in it; the same one for all, for each is a thousand files."""
    url = server.url("governance")
    engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = "SELECT 1 FROM pg_database WHERE datname = 'governance'"
        if not connection.execute(text(known)).scalar():
            connection.execute(text("CREATE DATABASE governance"))
    engine.dispose()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def governance(url: str, tmp_path: Path) -> Iterator[Governance]:
    with Governance.open(url, home=tmp_path, actor=ANA) as opened:
        opened.sources.add("file", "/var/log/access.log")
        yield opened


def test_migrations_make_what_the_models_say(governance: Governance) -> None:
    assert governance.path is None
    with governance._session.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert governance.audit.verify().ok


def test_a_database_of_the_first_schema_is_migrated(url: str, tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "v1_0")
        connection.execute(
            text(
                "INSERT INTO source (id, name, kind, path, pattern, format, enabled, from_start, "
                "added_us) VALUES (1, 'a', 'file', '/a', '', 'auto', true, false, 0)"
            )
        )
        zeros = "0, 0, 0, 0, 0, 0, 0, 0"
        connection.execute(text(f"INSERT INTO ledger VALUES (1, {zeros})"))  # noqa: S608 - ours
    engine.dispose()
    with Governance.open(url, home=tmp_path, actor=ANA) as opened:
        assert opened.sources.list()[0].options.changed == {}
        opened.batches.store(commit(moves=[move(-1, 10)]))
        assert opened.sources.ledger()[0].totals.lines == 1
        assert opened.facts().schema == SCHEMA_HEAD


def test_a_batch_is_stored_whole(governance: Governance) -> None:
    event = SourceEvent("lost", "Gone: \0\udcff.", 5, 1, True, 2**40)
    there = replace(move(-1, 100), events=(event,), partial=PartialLine(100, 4, "half\0", 7))
    stored = governance.batches.store(
        commit([finding(evidence=(line(0),))], [there], states={"web": b"\0"}, segment=segment())
    )
    assert stored.raised_ids == (1,)
    assert governance.sources.checkpoints(1) == (there.checkpoint,)
    assert governance.sources.events()[0].event == event
    assert governance.sources.partials()[0].partial == there.partial
    assert governance.segments.list() == (segment(),)
    ledger = governance.sources.ledger(1)[0]
    assert (ledger.totals, ledger.n_partial, ledger.archived_events) == (there.ledger, 1, 10)
    assert governance.batches.detector_states() == {"web": b"\0"}
    assert governance.audit.verify().ok


@pytest.mark.parametrize("expected", [-1, 5])
def test_a_batch_with_a_position_that_moved_is_refused_whole(
    governance: Governance, expected: int
) -> None:
    governance.batches.store(commit(moves=[move(-1, 10)]))
    moves = [move(-1, 7, generation=2), move(expected, 20)]
    with pytest.raises(PositionConflictError):
        governance.batches.store(commit([finding()], moves, segment=segment()))
    assert [c.offset for c in governance.sources.checkpoints(1)] == [10]
    assert governance.alerts.counts().total == 0
    assert governance.segments.names() == frozenset()


def test_many_files_move_in_one_batch(governance: Governance) -> None:
    governance.batches.store(commit(moves=[move(-1, 10, generation=g) for g in range(1, 700)]))
    governance.batches.store(commit(moves=[move(10, 99, generation=g) for g in range(1, 700)]))
    assert governance.sources.ledger(1)[0].committed_bytes == 699 * 99


def test_processes_that_move_one_position_store_each_step_once(
    governance: Governance, url: str, tmp_path: Path
) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(tmp_path), str(n)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    told = [child.communicate(timeout=PATIENCE_S)[0].split() for child in children]
    won, lost = ([int(each[i]) for each in told] for i in (0, 1))
    assert won == [20, 20, 20]
    assert sum(lost) >= 2  # they did meet
    (position,) = governance.sources.checkpoints(1)
    ledger = governance.sources.ledger(1)[0]
    assert position.offset == ledger.totals.bytes_seen == 100 * sum(won)
    assert len(governance.batches.recent(1_000)) == ledger.totals.lines == sum(won)
    assert governance.alerts.detail(1).row.count == sum(won)
    assert governance.audit.verify().ok


def test_the_kill_switch_halts_across_connections(
    governance: Governance, url: str, tmp_path: Path
) -> None:
    with Governance.open(url, home=tmp_path, actor=Actor("bob", "cli")) as other:
        other.kill_switch.engage("drill")
        with pytest.raises(KillSwitchEngagedError):
            governance.batches.store(commit(moves=[move(-1, 10)]))
        assert governance.kill_switch.state().actor == "bob"
        other.kill_switch.release("over")
    governance.batches.store(commit(moves=[move(-1, 10)]))
    assert governance.audit.verify().ok


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 2", "Row 2"),
        ("DELETE FROM audit WHERE seq = 2", "Row 2"),
        ("DELETE FROM audit WHERE seq >= 2", "cut off"),
    ],
)
def test_what_was_done_to_the_audit_trail_is_found(
    governance: Governance, harm: str, said: str
) -> None:
    governance.audit.record("a.b", "x")
    with governance._session.engine.begin() as connection:
        connection.execute(text(harm))
    report = governance.audit.verify()
    assert not report.ok
    assert said in report.message


def test_segments_are_replaced_once_and_removed_with_a_reason(governance: Governance) -> None:
    for name in ("a", "b"):
        governance.batches.store(commit(segment=segment(name)))
    merged = segment("m", {1: SourceShare(20, 1_600, 1_000, 2_000)}, level=1)
    assert governance.segments.replace(["a", "b"], [merged])
    assert not governance.segments.replace(["a", "b"], [replace(merged, name="n")])
    assert governance.segments.remove(["m"], "90 days") == 20
    assert governance.audit.rows()[0].action == "archive.removed"
    assert governance.segments.usage() == ()


def test_a_duplicate_segment_is_an_error_for_the_operator(governance: Governance) -> None:
    governance.batches.store(commit(segment=segment()))
    with pytest.raises(StoreError):
        governance.batches.store(commit(moves=[move(-1, 10)], segment=segment()))
    assert governance.sources.checkpoints(1) == ()


def test_a_server_that_is_gone_halts_and_is_said(
    governance: Governance, server: Server, terminate: Callable[[], None]
) -> None:
    governance.audit.count()
    terminate()
    with pytest.raises(StoreError):
        governance.audit.count()
    # A connection that was lost is made again.
    assert governance.audit.count() == 2


@pytest.fixture
def terminate(server: Server) -> Callable[[], None]:
    """End all other connections to the server, as an administrator may."""

    def act() -> None:
        engine = create_engine(server.url("postgres"))
        with engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname LIKE 'governance%'"
                )
            )
        engine.dispose()

    return act


def test_suppressions_hold_there(governance: Governance) -> None:
    low = [finding(f"10.0.0.{n}", severity=Severity.LOW, evidence=(line(n),)) for n in range(3)]
    governance.batches.store(commit(low))
    store = governance.suppressions
    run = store.dry_run([1], {Field.RULE, Field.SOURCE})
    assert (run.n_alerts, run.n_open_now, run.n_above) == (3, 3, 0)
    end = store.now() + timedelta(hours=1)
    store.add([1], {Field.RULE, Field.SOURCE}, end, hide_open=True)
    more = finding("10.0.0.9", severity=Severity.LOW, evidence=(line(9),))
    assert governance.batches.store(commit([more, finding("graver")])).suppressed == 1
    listed = AlertFilter(suppressed=False)
    assert [row.entity for row in governance.alerts.page(listed)] == ["graver"]
    assert governance.alerts.count(AlertFilter(suppression=1)) == store.get(1).n_alerts == 4
    assert governance.alerts.counts().open == 1
    assert store.all(ended=False) == store.all()
    assert store.lift(1) == 4
    assert governance.alerts.counts().open == 5
    assert governance.audit.verify().ok


def test_the_stores_pass_their_own_tests_there(url: str) -> None:
    modules = ("pruning", "segments", "source_events", "sources")
    files = [f"tests/unit/governance/test_{name}.py" for name in modules]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, SERVER: url},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
