"""Suppressed while logs are read: hidden as stored, counted once, and back when lifted."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.suppressions import DEFAULT_FIELDS, Field
from soc_copilot.governance.database import Governance
from tests.integration.conftest import Terminal, auth_lines
from tests.unit.governance.helpers import commit, finding

RULE = "auth.bruteforce"
WATCH = ("--from-start", "--until-idle", "0.5")


def failures(attacker: str, day: int, n: int = 60) -> list[str]:
    """Somebody tries passwords for some minutes of a day in November."""
    lines = [line for line in auth_lines(n) if "Failed" in line]
    there = [line.replace("192.0.2.77", attacker) for line in lines]
    return [line.replace("Nov 20", f"Nov {day:2}") for line in there]


def adds_up(governance: Governance) -> int:
    """Nothing is lost and nothing counted twice; how many alerts are hidden."""
    (one,) = governance.suppressions.all()
    hidden = governance.alerts.page(AlertFilter(suppressed=True), None, 1_000)
    listed = governance.alerts.page(AlertFilter(suppressed=False), None, 1_000)
    ids = sorted(row.id for row in (*hidden, *listed))
    assert ids == list(range(1, governance.alerts.counts().total + 1))
    assert one.n_alerts == len(hidden)
    assert one.n_occurrences == sum(row.count for row in hidden)
    ledgers = governance.sources.ledger()
    assert all(ledger.totals.adds_up for ledger in ledgers)
    own = sum(row.raised_at < ledgers[0].source.added_at for row in listed)
    assert sum(ledger.alerts for ledger in ledgers) == len(ids) - own
    assert governance.alerts.counts().open == sum(row.status.value != "closed" for row in listed)
    assert governance.audit.verify().ok
    return len(hidden)


def test_what_is_suppressed_is_stored_hidden_and_back_when_lifted(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.only("auth")
    log = tmp_path / "auth.log"
    log.write_text("".join(failures("192.0.2.77", 3)))
    report = terminal.json("watch", log, *WATCH)
    (alert,) = [row["id"] for row in report["alerts"] if row["rule"] == RULE]
    with terminal.governance() as governance:
        run = governance.suppressions.dry_run([alert], DEFAULT_FIELDS)
        assert (run.n_alerts, run.n_open_now) == (1, 1)
        end = governance.suppressions.now() + timedelta(days=7)
        governance.suppressions.add([alert], DEFAULT_FIELDS, end, reason="our own scanner")
    with log.open("a") as file:
        file.writelines(failures("192.0.2.77", 4) + failures("192.0.2.88", 4))
    report = terminal.json("watch", log, *WATCH)
    assert {row["entity"]: row["suppressed_by"] for row in report["alerts"]} == {
        **{"192.0.2.77": 1, "192.0.2.88": None},
    }
    with terminal.governance() as governance:
        assert adds_up(governance) == 1
        (before,) = governance.alerts.page(AlertFilter(suppressed=True))
        assert before.entity == "192.0.2.77"
        assert governance.alerts.counts().open == 2
        assert governance.suppressions.lift(1, "it was none") == 1
        assert governance.alerts.counts().open == 3
        (after,) = governance.alerts.get([before.id])
        assert after == replace(before, suppressed_by=None)
        told = [row.action for row in governance.audit.rows(None, 100)]
        for action in ("suppression.added", "alerts.suppressed", "suppression.lifted"):
            assert told.count(action) == 1
        assert governance.audit.verify().ok


def test_killed_and_beside_another_process_each_alert_is_hidden_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.only("auth")
    with terminal.governance() as governance:
        like = finding("192.0.2.1", detector="auth", rule=RULE)
        governance.batches.store(commit([like]))
        end = governance.suppressions.now() + timedelta(days=7)
        governance.suppressions.add([1], {Field.RULE}, end)
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    names = [[f"198.51.100.{n}" for n in range(20)], [f"203.0.113.{n}" for n in range(20)]]
    for log, attackers in zip(logs, names, strict=True):
        log.write_text("".join(line for name in attackers for line in failures(name, 6)))
    words = ("--from-start", "--max-size", "100", "--batch-interval", "0.1")
    children = [terminal.start("watch", log, *words) for log in logs]
    read = len(failures("x", 6))
    terminal.wait_for_lines(read * 8)
    children[0].kill()
    children[0].wait()
    terminal.wait_for_lines(read * 20)
    terminal.end(children[1])
    terminal.run("watch", *logs, *words, "--until-idle", "0.5")
    with terminal.governance() as governance:
        assert adds_up(governance) == 40
        hidden = governance.alerts.page(AlertFilter(suppressed=True), None, 1_000)
    assert {row.entity for row in hidden} == {name for two in names for name in two}
