import os
from pathlib import Path

import pytest

from soc_copilot.cli import sources
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    PartialLine,
    PositionMove,
    SourceEvent,
)
from soc_copilot.governance.database import Governance
from tests.unit.cli.helpers import Terminal

GONE = SourceEvent("truncated", "Cut short.", 1_700_000_000_000_000_000, 1, is_loss=True)
COUNTED = SourceEvent("overflow", "Too many.", 1_700_000_001_000_000_000, is_loss=True, n_lost=7)
NOTE = SourceEvent("rotated", "Renamed \u202e.", 1_700_000_002_000_000_000, 1)


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db):
        pass
    return Terminal(sources, str(db), capsys)


def store(db: Path, spot: Checkpoint, ledger: LedgerDelta, **values: object) -> None:
    expected = int(values.pop("expected", -1))  # type: ignore[call-overload]
    move = PositionMove(expected, spot, ledger, **values)  # type: ignore[arg-type]
    with Governance.open(db) as governance:
        governance.batches.store(BatchCommit(ledger.lines, (), (move,)))


@pytest.fixture
def log(run: Terminal, db: Path, tmp_path: Path) -> Path:
    """A source of which 20 of 28 bytes are stored, and that had its troubles."""
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 28)
    stat = log.stat()
    run("sources", "add", str(log))
    store(
        db,
        Checkpoint(1, 1, str(log), 20, 20, stat.st_dev, stat.st_ino),
        LedgerDelta(20, 0, 4, 2, 1, 1, 1, 3, 1, 7, 1),
        partial=PartialLine(20, 8, "half \x1b[31m", 1_700_000_000_000_000_000),
        events=(GONE, COUNTED, NOTE),
    )
    return log


def test_every_column_of_the_ledger_is_shown(run: Terminal, log: Path) -> None:
    os.utime(log, (1_000_000, 1_000_000))
    (told,) = run("sources", "ledger", "--json").objects
    names = ("bytes_seen", "lines", "parsed", "unparsed", "too_long", "refused", "stored")
    assert [told[name] for name in names] == [20, 4, 2, 1, 1, 1, 3]
    assert [told[n] for n in ("undecodable", "lost", "possible_losses", "partial")] == [1, 7, 1, 1]
    assert told["left_bytes"] == 8
    assert told["left_s"] > 1_000
    assert told["adds_up"] is True
    header, _, row = run("sources", "ledger").out.splitlines()
    for word in ("stored", "partial", "undecodable", "perhaps lost", "left for", "adds up"):
        assert word in header
    assert ">= " in row


def test_a_ledger_that_does_not_add_up_is_said_with_the_exit_code(
    run: Terminal, db: Path, log: Path
) -> None:
    assert run("sources", "ledger").code == 0
    store(db, Checkpoint(1, 1, str(log), 20), LedgerDelta(lines=5, parsed=4), expected=20)
    said = run("sources", "ledger", "1")
    assert said.code == 1
    assert "NO" in said.out


def test_nothing_is_claimed_of_what_cannot_be_looked_at(run: Terminal) -> None:
    run("sources", "add", "--kind", "journald")
    (told,) = run("sources", "ledger", "--json").objects
    assert (told["left_bytes"], told["left_s"]) == (None, None)
    assert run("sources", "ledger").code == 0


def test_the_ledger_gives_the_reasons_when_asked(run: Terminal, log: Path) -> None:
    said = run("sources", "ledger", "--events").out
    assert "Cut short." in said
    assert "Too many." in said
    assert "Renamed" not in said
    (told,) = run("sources", "ledger", "--events", "--json").objects
    assert [event["kind"] for event in told["events"]] == ["overflow", "truncated"]


def test_what_happened_is_told_newest_first_and_made_visible(run: Terminal, log: Path) -> None:
    said = run("sources", "events").out
    assert said.index("Renamed") < said.index("Too many.") < said.index("Cut short.")
    assert "\u202e" not in said
    assert "2023-11-14 22:13:20Z" in said
    assert "perhaps" in said
    kinds = [event["kind"] for event in run("sources", "events", "1", "--json").objects]
    assert kinds == ["rotated", "overflow", "truncated"]
    assert len(run("sources", "events", "--limit", "1", "--json").objects) == 1
    losses = run("sources", "events", "--losses", "--json").objects
    assert [event["n_lost"] for event in losses] == [7, None]
    assert run("sources", "events", "9").code == 2


def test_partial_lines_are_shown(run: Terminal, log: Path) -> None:
    said = run("sources", "partial").out
    assert "a.log" in said
    assert "\x1b" not in said
    (told,) = run("sources", "partial", "1", "--json").objects
    assert (told["offset"], told["length"], told["text"]) == (20, 8, "half \x1b[31m")
    assert run("sources", "partial", "9").code == 2


def test_nothing_to_tell_is_said(run: Terminal) -> None:
    assert "Nothing" in run("sources", "events").out
    assert "No last line" in run("sources", "partial").out
