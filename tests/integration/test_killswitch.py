"""One switch, two processes."""

import sqlite3
import time
from pathlib import Path

from tests.integration.conftest import Terminal, access_lines


def test_engaged_in_one_process_it_stops_the_other_within_a_second(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.only()
    log = tmp_path / "access.log"
    lines = access_lines(4_000)
    log.write_text("".join(lines[:1_000]))
    child = terminal.start("watch", log, "--from-start", "--batch-interval", "0.1")
    terminal.wait_for_lines(1_000)

    terminal.run("killswitch", "engage", "--reason", "test")
    time.sleep(1.0)  # the promise: within one second
    with log.open("a") as file:
        file.writelines(lines[1_000:])
    time.sleep(1.0)  # ten times as long as lines wait
    assert terminal.ledger()["lines"] == 1_000
    assert terminal.json("killswitch", "status", code=3)["engaged"]

    terminal.run("killswitch", "release", "--reason", "test over")
    terminal.wait_for_lines(4_000)
    terminal.end(child)
    ledger = terminal.ledger()
    assert ledger["bytes_seen"] == log.stat().st_size
    assert ledger["parsed"] + ledger["unparsed"] == ledger["lines"] == 4_000


def test_what_was_killed_comes_back_killed(terminal: Terminal, tmp_path: Path) -> None:
    terminal.only()
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(100)))
    terminal.run("killswitch", "engage", "--reason", "before the start")
    child = terminal.start("watch", log, "--from-start", "--batch-interval", "0.1")
    terminal.wait_for_start()
    time.sleep(1.0)  # ten times as long as lines wait
    assert terminal.ledger()["lines"] == 0
    terminal.run("killswitch", "release", "--reason", "go on")
    terminal.wait_for_lines(100)
    terminal.end(child)
    assert terminal.ledger()["lines"] == 100


def test_one_changed_byte_in_the_audit_trail_is_found(terminal: Terminal) -> None:
    terminal.run("settings", "set", "ui.theme", "dark")  # makes the database
    terminal.run("killswitch", "engage", "--reason", "test")
    terminal.run("killswitch", "release", "--reason", "over")
    terminal.run("audit", "verify")
    connection = sqlite3.connect(terminal.database)
    with connection:
        connection.execute("UPDATE audit SET reason = 'tesu' WHERE reason = 'test'")
    connection.close()
    terminal.run("audit", "verify", code=1)
