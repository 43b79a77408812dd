import csv
import io
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.cli import alerts
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.database import Governance
from tests.unit.archive.frames import access_lines
from tests.unit.cli.helpers import Terminal
from tests.unit.governance.helpers import commit, finding, line, minutes
from tests.unit.pipeline.archives import store

HOSTILE = "=cmd|'/c calc'!A1 \x1b[31m\0\u202e <img src=http://127.0.0.1/x>"


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db) as governance:
        governance.batches.store(
            commit(
                [
                    finding("192.0.2.1", severity=Severity.LOW, first_seen=minutes(1)),
                    finding("deploy", detector="auth", first_seen=minutes(2)),
                    finding(
                        HOSTILE,
                        title=HOSTILE,
                        summary=HOSTILE,
                        severity=Severity.CRITICAL,
                        first_seen=minutes(3),
                        evidence=(line(0, raw=HOSTILE),),
                    ),
                ]
            )
        )
    return Terminal(alerts, str(db), capsys)


def ids(said_objects: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in said_objects]


def test_alerts_are_listed_newest_first(run: Terminal) -> None:
    assert ids(run("alerts", "list", "--json").objects) == [3, 2, 1]
    lines = run("alerts", "list").out.splitlines()
    assert "Critical" in lines[2]
    assert "192.0.2.1" in lines[4]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--severity", "low", "--severity", "critical"], [3, 1]),
        (["--detector", "auth"], [2]),
        (["--text", "entity:192"], [1]),
        (["--entity", "deploy"], [2]),
        (["--technique", "T9999"], []),
        (["--since", "2026-03-14T12:02:00"], [3, 2]),
        (["--until", "2026-03-14T12:02:00Z"], [1]),
        (["--status", "closed"], []),
        (["--status", "all", "--limit", "2"], [3, 2]),
    ],
)
def test_filters_narrow_the_list(run: Terminal, arguments: list[str], expected: list[int]) -> None:
    assert ids(run("alerts", "list", "--json", *arguments).objects) == expected


def test_a_list_cut_short_says_so(run: Terminal) -> None:
    assert "1 of 3 alerts" in run("alerts", "list", "--limit", "1").out


def test_an_empty_list_says_so(run: Terminal) -> None:
    assert "No alerts" in run("alerts", "list", "--text", "nowhere").out


def test_show_tells_why_with_the_raw_lines(run: Terminal) -> None:
    out = run("alerts", "show", "1", "3").out
    assert "Alert 1: Low: SQL injection in query value" in out
    assert "Quotes: 3" in out
    assert "/var/log/access.log, byte 0" in out
    assert "Look at the answers." in out
    assert "Exploit Public-Facing Application" in out
    for hidden in ("\x1b", "\0", "\u202e"):
        assert hidden not in out


def test_show_as_json_loses_nothing(run: Terminal) -> None:
    (told,) = run("alerts", "show", "3", "--json").objects
    assert told["evidence"][0]["raw"] == told["title"] == HOSTILE
    assert told["severity"] == "critical"


def test_an_alert_goes_its_way(run: Terminal) -> None:
    assert run("alerts", "ack", "1", "2").out == "Acknowledged 2 of 2 alerts.\n"
    close = ("alerts", "close", "1", "--disposition", "false-positive", "--note", "pen test")
    assert run(*close).out == "Closed 1 of 1 alerts.\n"
    assert run(*close[:5], "--json").objects == [{"changed": 0}]
    assert ids(run("alerts", "list", "--status", "closed", "--json").objects) == [1]
    assert "False positive" in run("alerts", "show", "1").out
    assert run("alerts", "note", "1", "--text", "more").code == 0
    assert run("alerts", "reopen", "1", "--reason", "seen again").out == (
        "Reopened 1 of 1 alerts.\n"
    )
    told = run("alerts", "history", "1", "--json").objects
    assert [c["new"] for c in told][:3] == ["seen again", None, "new"]
    assert told[-1]["field"] == "raised"


def test_history_is_listed_and_searched(run: Terminal) -> None:
    run("alerts", "ack", "2")
    out = run("alerts", "history").out
    assert "acknowledged" in out
    assert len(run("alerts", "history", "--limit", "2", "--json").objects) == 2
    assert run("alerts", "history", "--text", "nowhere").out == "Nothing happened yet.\n"
    assert ids(run("alerts", "history", "--text", "assignee", "--json").objects) == [5]


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "9"],
        ["ack", "9"],
        ["close", "9", "--disposition", "benign"],
        ["reopen", "9"],
        ["note", "9", "--text", "x"],
        ["history", "9"],
    ],
)
def test_an_alert_that_is_not_there_is_named(run: Terminal, arguments: list[str]) -> None:
    said = run("alerts", *arguments)
    assert (said.code, said.out) == (2, "")
    assert "no alert 9" in said.err


def test_wrong_arguments_are_refused(run: Terminal) -> None:
    assert "--disposition" in run.refuses("alerts", "close", "1")
    assert "whatever" in run.refuses("alerts", "close", "1", "--disposition", "whatever")
    assert "no time" in run.refuses("alerts", "list", "--since", "yesterday")
    assert "0" in run.refuses("alerts", "show", "0")


def test_csv_is_safe_for_a_spreadsheet(run: Terminal) -> None:
    said = run("alerts", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out, newline="")))
    assert [row["id"] for row in rows] == ["3", "2", "1"]
    assert rows[0]["title"].startswith("'=cmd")
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert cell.isprintable()


def test_json_lines_lose_nothing(run: Terminal) -> None:
    told = run("alerts", "export", "--format", "jsonl", "--status", "open").objects
    assert told[0]["entity"] == HOSTILE
    assert told[0]["history"][0]["field"] == "raised"


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_an_export_goes_to_a_file_of_its_owner(run: Terminal, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    said = run("alerts", "export", "--output", str(path), "--severity", "low")
    assert said.out == f"Wrote 1 alerts to {path}.\n"
    content = path.read_text("utf-8")
    assert content.startswith("id,") if name.endswith("csv") else json.loads(content)["id"] == 1
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = run("alerts", "export", "-o", str(path), "--json").objects
    assert told == [{"exported": 3, "output": str(path)}]


def test_an_export_that_cannot_be_written_is_named(run: Terminal, tmp_path: Path) -> None:
    said = run("alerts", "export", "--output", str(tmp_path / "none" / "x.csv"))
    assert said.code == 2
    assert "x.csv" in said.err


def test_every_command_has_an_example(run: Terminal) -> None:
    for name in ("list", "show", "close", "ack", "reopen", "note", "history", "export"):
        text = run.help("alerts", name)
        assert f"Example:\n  soc-copilot alerts {name}" in text
        assert "--db" in text
        assert "--json" in text


def test_show_with_context_gives_the_stored_lines_around(run: Terminal, db: Path) -> None:
    lines = access_lines(9)
    starts = [sum(len(text) + 1 for text in lines[:n]) for n in range(9)]
    with Governance.open(db) as governance:
        governance.sources.add("file", "/var/log/a.log")
        archive = Archive(governance.archive_folder)
        store(governance, archive, lines)
        archive.close()
        evidence = tuple(
            replace(line(starts[n], raw=lines[n]), event_id=f"1-1-{starts[n]}") for n in (3, 4)
        )
        governance.batches.store(commit([finding("198.51.100.1", evidence=evidence)]))
    said = run("alerts", "show", "4", "--context", "2")
    shown = said.out.partition("Lines around them:\n")[2].partition("\n\n")[0].splitlines()
    assert [text.startswith("  > 1-1-") for text in shown] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert [text.endswith(lines[n]) for n, text in enumerate(shown, 1)] == [True] * 6
    (told,) = run("alerts", "show", "4", "-C", "1", "--json").objects
    assert [found["raw"] for found in told["context"]] == lines[2:6]
    assert "Lines around" not in run("alerts", "show", "4").out
