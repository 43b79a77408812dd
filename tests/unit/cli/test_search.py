from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.cli import search
from soc_copilot.governance.database import Governance
from tests.unit.archive.frames import access_lines
from tests.unit.cli.helpers import Terminal
from tests.unit.pipeline.archives import store

LINES = [*access_lines(30), "hidden \x1b[2J sign"]


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db) as governance:
        governance.sources.add("file", "/var/log/a.log", name="web")
        archive = Archive(governance.archive_folder)
        store(governance, archive, LINES)
        archive.close()
    return Terminal(search, str(db), capsys)


def test_events_are_found_newest_first(run: Terminal) -> None:
    said = run("search", "page", "--limit", "5")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [LINES.index(line.partition("web  ")[2]) for line in lines] == [29, 28, 27, 26, 25]
    assert lines[0].startswith("2015-05-17 00:00:29Z  1-1-")
    oldest = run("search", "page", "--limit", "1", "--oldest-first").out
    assert LINES[0] in oldest


def test_a_limit_may_be_beyond_a_page(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 7)
    assert len(run("search", "page", "--limit", "1000").out.splitlines()) == 30


def test_hostile_text_is_made_visible(run: Terminal) -> None:
    assert "\x1b" not in run("search", "hidden").out
    (found,) = run("search", "hidden", "--json").objects
    assert found["raw"] == LINES[-1]
    assert found["columns"]["event.dataset"]


def test_nothing_found_exits_with_1(run: Terminal) -> None:
    assert (run("search", "nowhere").code, run("search", "nowhere", "--json").out) == (1, "")
    assert "No event" in run("search", "nowhere").out


def test_events_are_counted(run: Terminal) -> None:
    assert run("search", "page", "--count").out == "30\n"
    assert run("search", "", "--count", "--json").objects == [{"count": 31}]
    bounded = run(
        "search", "--from", "2015-05-17T00:00:10", "--to", "2015-05-17T00:00:20", "--count"
    )
    assert bounded.out == "10\n"
    assert run("search", "--source", "9", "--count").code == 1


def test_the_lines_around_an_event(run: Terminal) -> None:
    (middle,) = run("search", '"00:00:15"', "--json").objects
    lines = run("search", "--around", middle["event_id"], "-C", "2").out.splitlines()
    assert len(lines) == 5
    assert [line[0] for line in lines] == [" ", " ", ">", " ", " "]
    assert run("search", "--around", "9-9-9").code == 1
    assert "not both" in run("search", "x", "--around", "1-1-0").err


def test_what_is_wrong_is_said(run: Terminal) -> None:
    said = run("search", "status:many")
    assert said.code == 2
    assert "character 8" in said.err
    assert "is no time" in run.refuses("search", "--from", "yesterday")


def test_damage_is_said_and_the_rest_is_found(run: Terminal, db: Path) -> None:
    with Governance.open(db) as governance:
        archive = Archive(governance.archive_folder)
        bad = store(governance, archive, ["page two"], start=99_999)
        (governance.archive_folder / bad.name).write_bytes(b"rubbish")
        archive.close()
    said = run("search", "page", "--limit", "50")
    assert len(said.out.splitlines()) == 30
    assert "is damaged" in said.err


def test_the_help_explains_the_language(run: Terminal) -> None:
    text = run.help("search")
    for words in ("regular expression", "field:value", "10.0.0.0/8", "--around"):
        assert words in text
