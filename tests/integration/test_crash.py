"""Killed at any moment, a restart loses nothing and repeats nothing."""

import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.conftest import Terminal, access_lines, auth_lines

ROUNDS = 4
KILLS = 5  # in each round: twenty in all
LINES = 40_000
WORDS = ("--from-start", "--max-size", "500", "--batch-interval", "0.1")


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


@dataclass(frozen=True)
class Calm:
    """What an undisturbed run leaves."""

    logs: Path
    took_s: float
    ledger: dict[str, int]
    alerts: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    logs = folder / "logs"
    logs.mkdir()
    (logs / "access.log").write_text("".join(access_lines(LINES)))
    (logs / "auth.log").write_text("".join(auth_lines(LINES // 10)))
    terminal = Terminal(folder)
    began = time.monotonic()
    terminal.run("watch", logs, *WORDS, "--until-idle", "1")
    took_s = time.monotonic() - began
    assert terminal.ledger()["lines"] == LINES + LINES // 10 + 1
    alerts = comparable(terminal)
    assert len(alerts) > 3
    return Calm(logs, took_s, terminal.ledger(), alerts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(
    terminal: Terminal, calm: Calm, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data
    for _ in range(KILLS):
        child = terminal.start("watch", calm.logs, *WORDS)
        try:
            child.wait(rng.uniform(0.3, 0.6 * calm.took_s))
        except subprocess.TimeoutExpired:
            child.kill()
        child.communicate()
        assert child.returncode == -signal.SIGKILL, "The run ended by itself: nothing was tested."
    terminal.run("watch", calm.logs, *WORDS, "--until-idle", "1")
    assert terminal.ledger() == calm.ledger
    assert comparable(terminal) == calm.alerts
    terminal.run("audit", "verify")


def test_two_processes_on_one_source_store_each_line_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(8_000)))
    terminal.run("sources", "add", log, "--from-start")
    words = ("watch", "--max-size", "200", "--batch-interval", "0.1", "--until-idle", "2")
    children = [terminal.start(*words) for _ in range(2)]
    for child in children:
        out, _ = child.communicate(timeout=120)
        assert child.returncode == 0, out
    assert terminal.ledger()["lines"] == 8_000
    assert terminal.ledger()["bytes_seen"] == log.stat().st_size
    terminal.run("audit", "verify")
