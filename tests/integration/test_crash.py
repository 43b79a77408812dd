"""Killed at any moment, a restart loses nothing and repeats nothing."""

import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Terminal, access_lines, auth_lines

KILLS = 20
LINES = 60_000


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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_leave_what_an_undisturbed_run_leaves(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "access.log").write_text("".join(access_lines(LINES)))
    (logs / "auth.log").write_text("".join(auth_lines(LINES // 10)))
    words = ("watch", logs, "--from-start", "--max-size", "500", "--batch-interval", "0.1")

    (tmp_path / "calm").mkdir()
    calm = Terminal(tmp_path / "calm")
    began = time.monotonic()
    calm.run(*words, "--until-idle", "1")
    whole_run_s = time.monotonic() - began

    (tmp_path / "killed").mkdir()
    killed = Terminal(tmp_path / "killed")
    rng = random.Random(11)  # noqa: S311 - test data
    kills = 0
    for _ in range(KILLS):
        child = killed.start(*words)
        try:
            child.wait(rng.uniform(0.3, 0.5 * whole_run_s))
        except subprocess.TimeoutExpired:
            child.kill()
            kills += 1
        child.communicate()
    assert kills == KILLS, "The run ended by itself: nothing was tested."
    killed.run(*words, "--until-idle", "1")

    assert killed.ledger() == calm.ledger()
    assert calm.ledger()["lines"] == LINES + LINES // 10 + 1
    assert comparable(killed) == comparable(calm)
    assert len(comparable(calm)) > 3
    killed.run("audit", "verify")


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
