import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soc_copilot.domain.governance import Actor, BatchCommit, SourceLedger, SourceRow
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove, SourceStatus
from soc_copilot.domain.summary import SourceStats
from soc_copilot.governance.database import Governance
from soc_copilot.ui.source_facts import (
    STATE_ROLES,
    STATE_WORDS,
    SourceFacts,
    duration_text,
    loss_text,
    read_facts,
    read_more,
    size_text,
    totals,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ROW = SourceRow(1, "web", "file", "/var/log/web.log", "", "auto", True, True, NOON)


def facts(lines: int = 0, parsed: int = 0) -> SourceFacts:
    ledger = LedgerDelta(lines=lines, parsed=parsed, unparsed=lines - parsed)
    return SourceFacts(SourceLedger(ROW, ledger, 0, 0, 0, None))


@pytest.fixture
def governance(tmp_path: Path):
    home = tmp_path / "home"
    with Governance.open(home / "g.db", actor=Actor("ana", "window"), home=home) as opened:
        yield opened


def test_every_state_has_a_word_and_a_colour():
    assert STATE_WORDS.keys() == STATE_ROLES.keys()


def test_the_parsed_share_is_unknown_before_the_first_line():
    assert facts().parsed_share is None
    assert facts(4, 3).parsed_share == 0.75


def test_ledgers_are_added_up():
    assert totals([facts(4, 3), facts(10, 10)]) == LedgerDelta(lines=14, parsed=13, unparsed=1)


def test_a_readers_word_replaces_the_state_unless_the_source_is_disabled():
    status = SourceStatus(1, "web", "behind", "Busy.", lag_bytes=7, messages=("rotated",))
    told = facts().with_status(status)
    assert (told.state, told.detail, told.to_read_bytes) == ("behind", "Busy.", 7)
    assert told.messages == ("rotated",)
    off = replace(facts(), ledger=replace(facts().ledger, source=replace(ROW, enabled=False)))
    assert off.with_status(status) is off


def test_an_unknown_state_shows_as_an_error():
    assert facts().with_status(SourceStatus(1, "web", "odd")).state == "error"


def test_a_stored_batch_tells_the_lag():
    told = facts().with_stats(SourceStats(1, "web", 5, 90, 2.5, "behind"))
    assert (told.to_read_bytes, told.lag_s) == (90, 2.5)


def test_what_lies_beyond_the_position_is_still_to_read(governance, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthree\n")
    source = governance.sources.add("file", log)
    move = PositionMove(
        -1,
        Checkpoint(source.id, 1, str(log), 4, 14, inode=log.stat().st_ino),
        LedgerDelta(bytes_seen=4, lines=1, parsed=1),
    )
    governance.batches.store(BatchCommit(1, (), (move,)))
    (found,) = read_facts(governance)
    assert found.state == "stopped"
    assert found.to_read_bytes == 10
    assert [one.offset for one in read_more(governance, source.id).positions] == [4]


def test_a_file_that_took_the_place_of_another_is_not_counted(governance, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\n")
    source = governance.sources.add("file", log)
    checkpoint = Checkpoint(source.id, 1, str(log), 4, 8, inode=log.stat().st_ino + 1)
    governance.batches.store(BatchCommit(0, (), (PositionMove(-1, checkpoint, LedgerDelta()),)))
    assert read_facts(governance)[0].to_read_bytes == 0


def test_missing_and_disabled_sources_say_so(governance, tmp_path):
    governance.sources.add("file", tmp_path / "gone.log")
    off = governance.sources.add("directory", tmp_path, pattern="*.log")
    governance.sources.set_enabled(off.id, False)
    assert [one.state for one in read_facts(governance)] == ["missing", "disabled"]


def test_access_denied_says_so(governance, tmp_path, monkeypatch):
    (tmp_path / "a.log").touch()
    governance.sources.add("file", tmp_path / "a.log")
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    assert read_facts(governance)[0].state == "denied"


def test_a_pipe_does_not_keep_the_page_waiting(governance, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    governance.sources.add("file", tmp_path / "pipe")
    assert read_facts(governance)[0].state == "stopped"


def test_a_path_that_no_system_takes_is_an_error_not_a_crash(governance):
    governance.sources.add("file", "/var/log/a\0b.log")
    (found,) = read_facts(governance)
    assert found.state == "error"
    assert found.detail


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (84_200_000, "84.2 MB"),
        (5 * 10**9, "5.0 GB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_sizes_are_written_for_people(n_bytes, text):
    assert size_text(n_bytes) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (59, "59.0 s"), (180, "3 min")])
def test_lags_are_written_for_people(seconds, text):
    assert duration_text(seconds) == text
    assert duration_text(7200) == "2 h"


def test_positions_of_a_source_that_stood_still_are_not_read_again(governance, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\n")
    source = governance.sources.add("file", log)
    kept = {}
    read_facts(governance, kept)
    asked = []
    original = governance.sources.checkpoints

    class Watched:
        def __getattr__(self, name):
            return getattr(governance.sources, name)

        def checkpoints(self, source_id):
            asked.append(source_id)
            return original(source_id)

    class Counting:
        sources = Watched()

    read_facts(Counting(), kept)
    assert asked == []
    at = Checkpoint(source.id, 1, str(log), 4, 8)
    step = PositionMove(-1, at, LedgerDelta(bytes_seen=4, lines=1, parsed=1))
    governance.batches.store(BatchCommit(1, (), (step,)))
    (found,) = read_facts(Counting(), kept)
    assert asked == [source.id]
    assert found.to_read_bytes == 4


def test_a_listener_is_not_looked_for_on_the_disk(governance):
    governance.sources.add("syslog-udp", "127.0.0.1:5514")
    (found,) = read_facts(governance)
    assert (found.state, found.where) == ("stopped", "127.0.0.1:5514")


def test_what_a_listener_says_is_shown():
    status = SourceStatus(1, "web", "listening", address="udp 127.0.0.1:5514", n_connections=3)
    told = facts().with_status(status)
    assert (told.state, told.address, told.n_connections) == ("listening", status.address, 3)
    assert not told.is_trouble


@pytest.mark.parametrize(
    ("lost", "possible", "text"),
    [(0, 0, "0"), (12, 0, "12"), (12, 1, "12, maybe more"), (0, 2, "maybe")],
)
def test_a_possible_loss_is_never_shown_as_none(lost, possible, text):
    assert loss_text(LedgerDelta(lost=lost, possible_losses=possible)) == text


def test_problems_rank_before_everything_else():
    states = sorted(STATE_WORDS, key=lambda state: replace(facts(), state=state).rank)
    assert set(states[:5]) == {"missing", "denied", "quarantined", "hung", "error"}
    assert states[5] == "behind"


def test_every_folder_watched_is_looked_at(governance, tmp_path):
    one, two = tmp_path / "a", tmp_path / "b"
    one.mkdir()
    two.mkdir()
    governance.sources.add("activity", f"{one}{os.pathsep}{two}")
    assert read_facts(governance)[0].state == "stopped"
    two.rmdir()
    assert read_facts(governance)[0].state == "missing"
