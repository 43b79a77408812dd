"""From a file to an alert to its history, in real processes."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Terminal, access_lines, auth_lines


def test_a_file_becomes_alerts_that_can_be_closed_and_remembered(
    terminal: Terminal, tmp_path: Path
) -> None:
    log = tmp_path / "auth.log"
    log.write_text("".join(auth_lines(300)))
    report = terminal.json("watch", log, "--from-start", "--until-idle", "1")
    (ledger,) = report["ledger"]
    assert ledger["lines"] == ledger["parsed"] == 301
    assert ledger["bytes_seen"] == ledger["committed_bytes"] == log.stat().st_size
    assert ledger["adds_up"]
    assert any(alert["entity"] == "192.0.2.77" for alert in report["alerts"])

    alert = terminal.rows("alerts", "list")[0]
    terminal.run(
        "alerts", "close", str(alert["id"]), "--disposition", "true_positive", "--note", "seen"
    )
    detail = terminal.json("alerts", "show", str(alert["id"]))
    assert detail["status"] == "closed"
    assert detail["disposition"] == "true_positive"
    changes = [(change["field"], change["new"]) for change in detail["history"]]
    assert ("status", "closed") in changes
    assert terminal.run("audit", "verify")


def test_a_second_run_on_the_same_database_adds_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.only("web")
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(3_000)))
    terminal.run("watch", log, "--from-start", "--until-idle", "0.5")
    first, alerts = terminal.ledger(), terminal.rows("alerts", "list")
    assert first["lines"] == 3_000
    assert alerts
    report = terminal.json("watch", log, "--from-start", "--until-idle", "0.5")
    assert report["lines"] == 0
    assert terminal.ledger() == first
    assert terminal.rows("alerts", "list") == alerts


def test_lines_written_while_nobody_watched_are_read_at_the_next_start(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.only()
    log = tmp_path / "access.log"
    lines = access_lines(900)
    log.write_text("".join(lines[:300]))
    terminal.run("watch", log, "--until-idle", "0.5")  # a new source starts at its end
    assert terminal.ledger()["lines"] == 0
    with log.open("a") as file:
        file.writelines(lines[300:600])
    terminal.run("watch", log, "--until-idle", "0.5")
    assert terminal.ledger()["lines"] == 300
    log.rename(tmp_path / "access.log.1")
    log.write_text("".join(lines[600:]))
    terminal.run("watch", log, "--until-idle", "0.5")
    assert terminal.ledger()["lines"] == 600


def test_a_folder_is_watched_and_new_files_are_found(terminal: Terminal, tmp_path: Path) -> None:
    terminal.only()
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").write_text("".join(access_lines(200)))
    child = terminal.start("watch", folder, "--from-start", "--batch-interval", "0.2")
    terminal.wait_for_lines(200)
    (folder / "b.log").write_text("".join(auth_lines(100)))
    terminal.wait_for_lines(301)
    terminal.end(child)
    assert terminal.ledger()["lines"] == 301


def test_a_compressed_file_is_read_once(terminal: Terminal, tmp_path: Path) -> None:
    terminal.only()
    log = tmp_path / "access.log.1.gz"
    log.write_bytes(gzip.compress("".join(access_lines(500)).encode()))
    for _ in range(2):
        terminal.run("watch", log, "--from-start", "--until-idle", "0.5")
        assert terminal.ledger()["lines"] == 500


def test_an_interrupt_stores_what_is_buffered(terminal: Terminal, tmp_path: Path) -> None:
    terminal.only()
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(100)))
    child = terminal.start("watch", log, "--from-start", "--batch-interval", "60")
    terminal.wait_for_start()
    terminal.end(child)
    assert terminal.ledger()["lines"] in {0, 100}
    terminal.run("watch", log, "--until-idle", "0.5")
    assert terminal.ledger()["lines"] == 100


def test_a_missing_path_is_named_with_the_way_out(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("watch", tmp_path / "nowhere.log", code=2)
    assert "nowhere.log" in terminal.errors
    assert "no such file" in terminal.errors


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Alerts of hostile lines."""
    folder = tmp_path_factory.mktemp("hostile")
    terminal = Terminal(folder)
    terminal.only("integrity", "web")
    log = folder / "access.log"
    texts = [
        b"<img src=http://127.0.0.1:9/x>",
        b"\x1b[2J\x1b[31m",
        b"a\x00b",
        "\u202egnp.exe".encode(),
        b"\xff\xfe\x80",
        b"=cmd|' /C calc'!A0",
    ]
    with log.open("wb") as file:
        for i, text in enumerate(texts):
            file.write(
                b"192.0.2.5 - - [20/Nov/2026:10:00:%02d +0000] "
                b'"GET /x?q=%%27%%20UNION%%20SELECT%%20password%%20FROM%%20users--%s HTTP/1.1" '
                b'200 1 "-" "%s"\n' % (i, text.replace(b" ", b"+"), text)
            )
        file.write(b"A" * 10_000_000 + b"\n")
        file.write(b"=1+1 plain line\n")
    report = terminal.json("watch", log, "--from-start", "--until-idle", "1", "--format", "access")
    (ledger,) = report["ledger"]
    assert ledger["lines"] == len(texts) + 2
    assert ledger["too_long"] == 1
    assert ledger["bytes_seen"] == log.stat().st_size
    yield terminal
    terminal.close()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_hostile_lines_are_exported_inert(hostile: Terminal, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"out.{kind}"
    hostile.run("alerts", "export", "--format", kind, "--output", out)
    text = out.read_bytes().decode("utf-8")
    assert "\x1b" not in text
    assert "\x00" not in text
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) > 1
        assert not any(cell.startswith(("=", "@", "\t")) for row in rows for cell in row)
        assert "\u202e" not in text
    else:
        assert [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "words", [("alerts", "list"), ("sources", "ledger"), ("alerts", "history")]
)
def test_hostile_lines_are_shown_inert(hostile: Terminal, words: tuple[str, str]) -> None:
    shown = hostile.run(*words)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
