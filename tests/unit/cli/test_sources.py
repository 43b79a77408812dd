from pathlib import Path

import pytest

from soc_copilot.cli import sources
from soc_copilot.domain.source_options import BY_KEY
from soc_copilot.governance.database import Governance
from tests.unit.cli.helpers import Terminal


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db):
        pass
    return Terminal(sources, str(db), capsys)


def test_an_empty_list_says_how_to_add_one(run: Terminal) -> None:
    assert "sources add" in run("sources", "list").out
    assert "sources add" in run("sources", "ledger").out
    assert run("sources", "list", "--json").out == ""


def test_a_file_is_added_listed_and_removed(run: Terminal, tmp_path: Path) -> None:
    path = str(tmp_path / "auth.log")
    said = run("sources", "add", path, "--format", "syslog", "--from-start", "--name", "logins")
    assert (said.code, said.out) == (0, f"Added source 1: {path}\n")
    (listed,) = run("sources", "list", "--json").objects
    assert (listed["kind"], listed["format"], listed["from_start"]) == ("file", "syslog", True)
    assert "logins" in run("sources", "list").out
    assert run("sources", "remove", "1", "--reason", "done").code == 0
    assert run("sources", "list", "--json").objects == []


def test_adding_the_first_source_makes_the_database(
    run: Terminal, db: Path, tmp_path: Path
) -> None:
    db.unlink()
    assert run("sources", "list").code == 2
    assert run("sources", "add", str(tmp_path / "a.log")).code == 0
    assert run("sources", "list").code == 0


def test_a_folder_is_added_with_its_pattern(run: Terminal, tmp_path: Path) -> None:
    (added,) = run("sources", "add", str(tmp_path), "--pattern", "*.txt", "--json").objects
    assert (added["kind"], added["pattern"]) == ("directory", "*.txt")
    assert run("sources", "remove", "1", "--json").objects == [
        {"removed": 1, "path": str(tmp_path)}
    ]


def test_a_pattern_is_for_folders(run: Terminal, tmp_path: Path) -> None:
    said = run("sources", "add", str(tmp_path / "x.log"), "--pattern", "*.log")
    assert said.code == 2
    assert "--pattern" in said.err


def test_a_series_that_is_one_json_document_is_refused(run: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "meter.json"
    path.write_text('[{"time": "2017-01-01 01:00", "value": 1}]')
    said = run("sources", "add", str(path), "--format", "series")
    assert said.code == 2
    assert "one JSON document" in said.err
    assert run("sources", "add", str(path)).code == 0
    assert run("sources", "set", "1", "--format", "series").code == 2
    path.write_text('{"time": "2017-01-01 01:00", "value": 1}\n')
    assert run("sources", "set", "1", "--format", "series").code == 0


def test_errors_are_said_and_exit_with_2(run: Terminal, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"))
    again = run("sources", "add", str(tmp_path / "a.log"))
    assert (again.code, again.out) == (2, "")
    assert "source 1" in again.err
    assert run("sources", "remove", "9").code == 2
    assert "--format" in run.refuses("sources", "add", "x", "--format", "nonsense")


def test_a_listener_is_added_by_kind_and_address(run: Terminal) -> None:
    said = run("sources", "add", "--kind", "syslog-udp", "127.0.0.1:5514", "-o", "max_size=500")
    assert (said.code, said.out) == (0, "Added source 1: 127.0.0.1:5514\n")
    (listed,) = run("sources", "list", "--json").objects
    assert (listed["kind"], listed["options"]) == ("syslog-udp", {"max_size": 500})
    assert "max_size=500" in run("sources", "list").out
    said = run("sources", "add", "--kind", "syslog-tcp", "nowhere")
    assert (said.code, said.out) == (2, "")
    assert "127.0.0.1:5514" in said.err


def test_a_kind_that_needs_no_place_is_added_without_one(run: Terminal) -> None:
    assert run("sources", "add", "--kind", "journald").code == 0
    for kind, needed in (("syslog-udp", "an address"), ("file", "a path")):
        said = run("sources", "add", "--kind", kind)
        assert said.code == 2
        assert f"give {needed}" in said.err


def test_file_activity_takes_several_folders(run: Terminal, tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("a", "b")]
    (added,) = run("sources", "add", "--kind", "activity", *folders, "--json").objects
    assert added["path"].split(":") == folders
    said = run("sources", "add", *folders)
    assert said.code == 2
    assert "--kind activity" in said.err


def test_an_event_log_file_is_told_by_its_name(run: Terminal, tmp_path: Path) -> None:
    (added,) = run("sources", "add", str(tmp_path / "Security.evtx"), "--json").objects
    assert added["kind"] == "evtx"
    assert added["from_start"] is True
    said = run("sources", "add", str(tmp_path / "System.evtx"), "--from-start")
    assert said.code == 2
    assert "Leave out --from-start" in said.err


def test_options_that_are_paths_start_at_the_current_folder(
    run: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (added,) = run(
        *("sources", "add", "--kind", "syslog-tls", "127.0.0.1:6514", "--json"),
        *("-o", "tls_certificate=c.pem", "-o", "tls_key=/k.pem"),
    ).objects
    assert added["options"] == {
        "tls_certificate": str(tmp_path / "c.pem"),
        "tls_key": "/k.pem",
    }


@pytest.mark.parametrize(
    ("option", "words"),
    [("colour=red", "colour"), ("max_size=few", "whole number"), ("recursive=yes", "recursive")],
)
def test_options_that_are_not_allowed_are_refused(
    run: Terminal, tmp_path: Path, option: str, words: str
) -> None:
    said = run("sources", "add", str(tmp_path / "a.log"), "-o", option)
    assert said.code == 2
    assert words in said.err
    assert run("sources", "list", "--json").objects == []


def test_a_pattern_that_cannot_be_used_is_refused(run: Terminal, tmp_path: Path) -> None:
    wrong = ("-o", "multiline=start", "-o", "multiline_pattern=(?=x)")
    assert "RE2" in run("sources", "add", str(tmp_path / "a.log"), *wrong).err
    run("sources", "add", str(tmp_path / "a.log"))
    said = run("sources", "set", "1", "multiline=start", "multiline_pattern=(?=x)")
    assert said.code == 2
    assert "RE2" in said.err


def test_options_are_changed_one_by_one(run: Terminal, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"), "-o", "max_size=500", "-o", "watch=poll")
    (changed,) = run(
        *("sources", "set", "1", "encoding=cp1252", "max_size=0", "--format", "syslog", "--json")
    ).objects
    assert changed["options"] == {"encoding": "cp1252", "watch": "poll"}
    assert changed["format"] == "syslog"
    assert "KEY=VALUE" in run.refuses("sources", "set", "1", "encoding")
    assert run("sources", "set", "1", "max_connections=5").code == 2


def test_a_source_is_disabled_and_enabled(run: Terminal, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"))
    assert run("sources", "disable", "1").out.startswith("Disabled source 1")
    assert run("sources", "list", "--json").objects[0]["enabled"] is False
    assert run("sources", "enable", "1").code == 0
    assert run("sources", "list", "--json").objects[0]["enabled"] is True
    assert run("sources", "enable", "7").code == 2


def test_every_option_is_listed_with_what_it_takes(run: Terminal) -> None:
    listed = run("sources", "options", "--json").objects
    assert {option["key"] for option in listed} == set(BY_KEY)
    said = run("sources", "options").out
    assert all(key in said for key in BY_KEY)
    assert "auto, off, indent, start, continue" in said
    only = run("sources", "options", "syslog-tls").out
    assert "tls_key" in only
    assert "encoding" not in only


def test_a_configuration_goes_out_and_in_again(run: Terminal, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"), "--name", "x", "-o", "encoding=latin-1")
    run("sources", "add", "--kind", "json-tcp", "127.0.0.1:7000", "--from-start")
    run("sources", "disable", "2")
    before = run("sources", "list", "--json").objects
    text = run("sources", "export").out
    (tmp_path / "c.yaml").write_text(text + "settings:\n  ui.theme: dark\n")
    for number in ("1", "2"):
        run("sources", "remove", number)
    said = run("sources", "import", str(tmp_path / "c.yaml"))
    assert said.code == 0
    assert "Added source 3" in said.out
    assert "Set ui.theme = dark" in said.out
    after = run("sources", "list", "--json").objects
    for old, new in zip(before, after, strict=True):
        for changing in ("id", "added_at"):
            old.pop(changing)
            new.pop(changing)
    assert after == before
    (told,) = run("sources", "import", str(tmp_path / "c.yaml"), "--json").objects
    assert (told["settings"], told["added"], told["changed"]) == ([], [], [])


def test_a_bad_configuration_changes_nothing(run: Terminal, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("sources:\n  - path: x\n  - kind: what\n")
    said = run("sources", "import", str(tmp_path / "c.yaml"))
    assert said.code == 2
    assert "c.yaml, line 3" in said.err
    assert run("sources", "list", "--json").objects == []
