"""Killed at any moment, a restart loses nothing and repeats nothing."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from soc_copilot.archive import segments
from soc_copilot.domain import columns as c
from soc_copilot.ingestion.spool import SpoolWriter
from tests.integration.conftest import (
    PATIENCE_S,
    Terminal,
    access_lines,
    auth_lines,
    wait_until,
)
from tests.tools.ports import free_port

ROUNDS = 2
KILLS = 5  # in each round: one at the start, four at work
LINES = 20_000
LOGINS = 4_000  # the clock of this log goes back an hour
ALL = LINES + LOGINS + 1
RAISING = ("auth", "integrity", "web")  # no file activity stands in these logs
WORDS = ("--from-start", "--max-size", "250", "--batch-interval", "0.1")


def comparable(terminal: Terminal) -> list[tuple[object, ...]]:
    """The alerts, less what depends on the run: ids and times of storing."""
    return sorted(
        (
            alert["detector"],
            alert["rule"],
            alert["entity"],
            alert["count"],
            alert["severity"],
            alert["first_seen"],
            alert["last_seen"],
            round(alert["score"], 5),
        )
        for alert in terminal.rows("alerts", "list", "--limit", "100000")
    )


Row = tuple[int, int, int, str]
"""Source, generation, offset and raw text of an archived event."""


def archived(terminal: Terminal) -> list[Row]:
    """Every archived event, sorted."""
    names = (c.SOURCE_ID, c.GENERATION, c.OFFSET, c.ORIGINAL)
    with terminal.governance() as governance:
        folder = governance.archive_folder
        frames = [
            segments.read(folder, segment, group, names).select(names)
            for segment in governance.segments.list()
            for group in segments.read_layout(folder, segment).groups
        ]
    return sorted(row for frame in frames for row in frame.iter_rows())


@dataclass(frozen=True)
class Calm:
    """What an undisturbed run leaves."""

    logs: Path
    start_s: float
    work_s: float
    ledger: dict[str, int]
    alerts: list[tuple[object, ...]]
    events: list[Row]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    logs = folder / "logs"
    logs.mkdir()
    (logs / "access.log").write_text("".join(access_lines(LINES)))
    (logs / "auth.log").write_text("".join(auth_lines(LOGINS)))
    terminal = Terminal(folder)
    terminal.only(*RAISING)
    try:
        began = time.monotonic()
        child = terminal.start("watch", logs, *WORDS)
        terminal.wait_for_lines(1)
        started = time.monotonic()
        terminal.wait_for_lines(ALL)
        ended = time.monotonic()
        terminal.end(child)
    finally:
        terminal.close()
    assert terminal.ledger()["lines"] == ALL
    alerts = comparable(terminal)
    assert len(alerts) > 3
    events = archived(terminal)
    raw = [text for log in sorted(logs.iterdir()) for text in log.read_text().splitlines()]
    assert [row[3] for row in events] == raw
    return Calm(logs, started - began, ended - started, terminal.ledger(), alerts, events)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(
    terminal: Terminal, calm: Calm, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data
    terminal.only(*RAISING)
    with terminal.governance() as governance:

        def n_stored() -> int:
            return governance.batches.totals().lines

        for n in range(KILLS):
            before = n_stored()
            child = terminal.start("watch", calm.logs, *WORDS)
            if n:
                wait_until(
                    lambda before=before: n_stored() > before or before == ALL,  # type: ignore[misc]
                    "something is stored",
                )
                time.sleep(rng.uniform(0.0, calm.work_s / KILLS))
            else:
                time.sleep(rng.uniform(0.2, calm.start_s))
            assert child.poll() is None, "The run ended by itself: nothing was tested."
            child.kill()
            child.communicate()
    terminal.run("watch", calm.logs, *WORDS, "--until-idle", "1")
    assert comparable(terminal) == calm.alerts
    assert terminal.ledger() == calm.ledger
    assert archived(terminal) == calm.events
    terminal.run("audit", "verify")


def test_two_processes_on_one_source_store_each_line_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.only("auth", "integrity")
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(8_000)))
    terminal.run("sources", "add", log, "--from-start")
    words = ("watch", "--max-size", "200", "--batch-interval", "0.1", "--until-idle", "1")
    children = [terminal.start(*words) for _ in range(2)]
    for child in children:
        out, _ = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0, out
    assert terminal.ledger()["lines"] == 8_000
    assert [text for *_, text in archived(terminal)] == log.read_text().splitlines()
    assert terminal.ledger()["bytes_seen"] == log.stat().st_size
    terminal.run("audit", "verify")


class Writer:
    """Writes numbered lines to a log, in pieces, and renames it now and then."""

    def __init__(self, log: Path, rng: random.Random) -> None:
        self.log, self.rng = log, rng
        self.n_written = self.n_renamed = 0
        self.rest = ""

    def text(self) -> str:
        self.n_written += 1
        return f"{self.log.stem} {self.n_written:06} {'x' * self.rng.randrange(60)}\n"

    def write(self, n_lines: int) -> None:
        """Whole lines, the first the end of one begun before; then part of one more."""
        lines = self.rest + "".join(self.text() for _ in range(n_lines))
        last = self.text()
        cut = self.rng.randrange(1, len(last))
        self.rest = last[cut:]
        with self.log.open("a") as file:
            file.write(lines + last[:cut])

    def rotate(self) -> None:
        with self.log.open("a") as file:
            file.write(self.rest)
        self.rest = ""
        self.n_renamed += 1
        self.log.rename(self.log.with_name(f"{self.log.name}.{self.n_renamed}"))

    def act(self) -> None:
        if self.n_written and self.rng.random() < 0.3:
            self.rotate()
        self.write(self.rng.randrange(1, 400))


def spool_messages(folder: Path, first: int, n: int) -> int:
    """Leave messages as a listener that was killed does; returns how many were taken."""
    spool = SpoolWriter(folder, 64 * 1024 * 1024)
    try:
        lines = [
            b"127.0.0.1:9\t<13>Nov 20 10:00:00 gw app: spool %06d" % i
            for i in range(first, first + n)
        ]
        return spool.write(lines)
    finally:
        spool.close()


@pytest.mark.slow
def test_kills_amid_rotations_partial_lines_and_a_spool_leave_each_event_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    rng = random.Random(0)  # noqa: S311 - test data
    logs = tmp_path / "logs"
    logs.mkdir()
    writers = [Writer(logs / f"{name}.log", rng) for name in ("web", "app")]
    for writer in writers:
        writer.write(50)
    terminal.only("auth", "integrity")
    address = f"127.0.0.1:{free_port()}"
    terminal.run("sources", "add", logs, "--from-start", "--format", "plain")
    terminal.run("sources", "add", "--kind", "syslog-tcp", address)
    words = ("watch", "--max-size", "200", "--batch-interval", "0.1")
    n_spooled = 0
    with terminal.governance() as governance:

        def n_stored() -> int:
            return governance.batches.totals().lines

        for _ in range(KILLS):
            spool = governance.spool_folder / "2"
            n_spooled += spool_messages(spool, n_spooled, rng.randrange(1, 3_000))
            before = n_stored()
            child = terminal.start(*words)
            wait_until(lambda before=before: n_stored() > before, "something is stored")
            ends = time.monotonic() + rng.uniform(0.0, 1.5)
            while time.monotonic() < ends:
                rng.choice(writers).act()
                time.sleep(0.02)
            assert child.poll() is None, "The run ended by itself: nothing was tested."
            child.kill()
            child.communicate()
            for writer in writers:
                writer.act()  # while nobody reads
    terminal.run(*words, "--until-idle", "2")
    rows = archived(terminal)
    assert len({row[:3] for row in rows}) == len(rows)
    numbers = sorted(" ".join(text.split()[:2]) for source, *_, text in rows if source == 1)
    whole = [writer.n_written - 1 for writer in writers]  # the last one of each is partial
    assert numbers == sorted(
        f"{writer.log.stem} {i:06}"
        for writer, n in zip(writers, whole, strict=True)
        for i in range(1, n + 1)
    )
    messages = sorted(int(text.rpartition(" ")[2]) for source, *_, text in rows if source == 2)
    assert messages == list(range(n_spooled))
    logged, received = terminal.rows("sources", "ledger")
    assert (logged["lines"], logged["stored"]) == (sum(whole), sum(whole))
    assert (received["lines"], received["stored"]) == (n_spooled, n_spooled)
    assert all(row["adds_up"] and not row["lost"] for row in (logged, received))
    assert sum(row["possible_losses"] for row in (logged, received)) == 0
    terminal.run("audit", "verify")
