import json
from pathlib import Path

import pytest

from soc_copilot.cli import alerts, suppressions
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.database import Governance
from tests.unit.cli.helpers import Terminal
from tests.unit.governance.helpers import commit, finding, line, minutes

HOSTILE = "\x1b[31m\0\u202e <img src=http://127.0.0.1/x>"


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db) as governance:
        ladder = [Severity.LOW, Severity.MEDIUM, Severity.CRITICAL]
        found = [
            finding("192.0.2.1", severity=severity, first_seen=minutes(n), rule=f"web.{n}")
            for n, severity in enumerate(ladder)
        ]
        more = finding(HOSTILE, rule="web.1", count=8, evidence=(line(0, raw=HOSTILE),))
        governance.batches.store(commit([*found, more]))
    return Terminal(suppressions, str(db), capsys)


@pytest.fixture
def listed(run: Terminal, db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(alerts, str(db), capsys)


def audited(db: Path) -> list[str]:
    with Governance.open(db) as governance:
        return [row.action for row in governance.audit.rows() if row.action[:6] == "suppre"]


def test_a_dry_run_tells_and_changes_nothing(run: Terminal, db: Path) -> None:
    out = run("suppressions", "add", "4", "--alike", "rule", "--dry-run").out
    assert "Alike: rule web.1, up to high" in out
    assert "Would have hidden 2 alerts (9 occurrences) of the last 7 days." in out
    assert "Careful. Among them: 1 high, 2 still open." in out
    assert "2 open ones are alike now" in out
    for hidden in ("\x1b", "\0", "\u202e"):
        assert hidden not in out
    (told,) = run("suppressions", "add", "1", "--alike", "entity", "--dry-run", "--json").objects
    assert (told["would_have_hidden"], told["more_severe"], told["up_to"]) == (1, 2, "low")
    assert told["examples"] == [1]
    assert run("suppressions", "list").out == "Nothing is suppressed now.\n"
    assert audited(db) == []


def test_a_suppression_goes_its_way(run: Terminal, listed: Terminal, db: Path) -> None:
    add = ("suppressions", "add", "4", "--alike", "rule", "--for", "90m", "--hide-open")
    out = run(*add, "--reason", "our scanner").out
    assert "Suppression 1: rule web.1, up to high, until " in out
    assert "It hid 2 open alerts." in out
    (one,) = run("suppressions", "list", "--json").objects
    assert (one["state"], one["alerts"], one["occurrences"]) == ("in force", 2, 9)
    assert (one["alike"], one["made_from"], one["reason"]) == (
        *({"rule": "web.1"}, [4], "our scanner"),
    )
    table = run("suppressions", "list").out
    assert "rule web.1, up to high" in table
    assert "our scanner" in table
    out = listed("alerts", "list").out
    assert "2 more are suppressed; --suppressed show lists them, too." in out
    only = listed("alerts", "list", "--suppressed", "only", "--json").objects
    assert [row["id"] for row in only] == [2, 4]
    assert {row["suppressed_by"] for row in only} == {1}
    assert "suppressed by 1" in listed("alerts", "list", "--suppressed", "show").out
    assert "Suppressed: by 1 of " in listed("alerts", "show", "2").out
    assert "our scanner" in listed("alerts", "show", "2").out
    assert run("suppressions", "lift", "1", "--reason", "gone").out == (
        "Lifted suppression 1: 2 alerts are in the list again.\n"
    )
    assert len(listed("alerts", "list", "--json").objects) == 4
    assert run("suppressions", "list").out == "Nothing is suppressed now.\n"
    assert "lifted" in run("suppressions", "list", "--all").out
    assert audited(db) == ["suppression.lifted", "suppression.added"]


def test_exports_hold_suppressed_alerts_and_mark_them(run: Terminal, listed: Terminal) -> None:
    run("suppressions", "add", "1", "--hide-open", "--reason", "=1+1")
    lines = listed("alerts", "export").out.splitlines()
    told = {row["id"]: row["suppressed_by"] for row in map(json.loads, lines)}
    assert told == {1: 1, 2: None, 3: None, 4: None}
    rows = listed("alerts", "export", "--format", "csv").out.splitlines()
    assert rows[0].endswith(",suppressed")
    assert sum("by 1 of " in row for row in rows) == 1
    hidden = listed("alerts", "export", "--suppressed", "hide").out.splitlines()
    assert len(hidden) == 3


def test_how_long_is_the_setting_unless_it_is_said(run: Terminal, db: Path) -> None:
    with Governance.open(db) as governance:
        governance.settings.set("alerts.suppress_for", "1 hour")
        run("suppressions", "add", "1")
        run("suppressions", "add", "1", "--until", "2099-01-01")
        (one,) = governance.suppressions.all()
    assert one.expires_at is not None
    assert (one.expires_at - one.created_at).total_seconds() == pytest.approx(3_600, abs=60)


def test_no_end_needs_a_second_word(run: Terminal) -> None:
    said = run("suppressions", "add", "1", "--without-end")
    assert said.code == 2
    assert "--confirm" in said.err
    assert run("suppressions", "list", "--json").objects == []
    assert run("suppressions", "add", "1", "--without-end", "--confirm").code == 0
    (one,) = run("suppressions", "list", "--json").objects
    assert one["expires_at"] is None
    assert "without end" in run("suppressions", "list").out


def test_what_cannot_be_is_said(run: Terminal) -> None:
    assert "no alert 99" in run("suppressions", "add", "99").err
    assert "no rule in common" in run("suppressions", "add", "1", "2").err
    assert "366 days" in run("suppressions", "add", "1", "--until", "2999-01-01").err
    assert "no suppression 5" in run("suppressions", "lift", "5").err
    for words in ("0d", "x", "7y", "99999999999999d"):
        assert words in run.refuses("suppressions", "add", "1", "--for", words)
    run("suppressions", "add", "1")
    assert run("suppressions", "lift", "1", "--json").objects == [{"lifted": 1, "came_back": 0}]
    assert "lifted before" in run("suppressions", "lift", "1").err


def test_adding_as_json_tells_the_dry_run_too(run: Terminal) -> None:
    (told,) = run("suppressions", "add", "2", "--any-severity", "--json").objects
    assert (told["id"], told["up_to"], told["state"]) == (1, "critical", "in force")
    assert told["dry_run"]["would_have_hidden"] == 1
