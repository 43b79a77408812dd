import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from soc_copilot.cli.common import (
    add_command,
    add_files,
    add_group,
    add_model,
    add_training,
    moment,
    open_existing,
    open_governance,
    positive,
    print_error,
    print_json,
    print_table,
    say_on_way,
    when,
)
from soc_copilot.domain.errors import PolicyError, StoreError


def test_a_table_is_aligned_and_safe(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "what"), [(1, "a\x1b[31mb\n"), (100, None)], right=("id",))
    assert capsys.readouterr().out.splitlines() == [
        " id  what",
        "---  --------",
        "  1  a␛[31mb␊",
        "100  -",
    ]


def test_a_long_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what",), [("x" * 5_000,)])
    assert len(capsys.readouterr().out.splitlines()[2]) == 100


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id",), [], empty="No alerts.")
    print_table(("id",), [])
    assert capsys.readouterr().out == "No alerts.\nid\n--\n"


def test_json_is_ascii_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "\x1b\u202e\udcff\n", "at": datetime(2026, 3, 14, tzinfo=UTC)}
    print_json(value)
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out) == {**value, "at": "2026-03-14T00:00:00+00:00"}


def test_json_refuses_what_it_cannot_tell() -> None:
    with pytest.raises(TypeError, match="set"):
        print_json({1})


def test_an_error_is_safe_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(PolicyError("no\x1b[2J"))
    assert capsys.readouterr().err == "no␛[2J\n"


def test_times_are_shown_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert when(datetime(2026, 3, 14, 1, 30, tzinfo=east)) == "2026-03-13 23:30:00Z"
    assert when(None) == "-"


def test_times_are_understood() -> None:
    assert moment("2026-03-14") == datetime(2026, 3, 14, tzinfo=UTC)
    assert moment("2026-03-14T10:30:00+02:00") == datetime(2026, 3, 14, 8, 30, tzinfo=UTC)
    for text, seconds in (("90s", 90), ("5m", 300), ("2H", 7200), ("1d", 86400), ("1w", 604800)):
        ago = datetime.now(UTC) - moment(text)
        assert abs(ago.total_seconds() - seconds) < 5


@pytest.mark.parametrize("text", ["", "x", "5", "5y", "2026-13-01", "9999999999999d", "-1d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment(text)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", ""])
def test_what_is_no_positive_number_is_refused(text: str) -> None:
    assert positive("17") == 17
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    options = argparse.Namespace(db=str(tmp_path / "typo.db"))
    with pytest.raises(StoreError, match=r"typo\.db"), open_existing(options):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_opened_and_closed(db: Path) -> None:
    options = argparse.Namespace(db=str(db))
    with open_governance(options) as made:
        assert made.path == db
    with open_existing(options) as found:
        assert found.audit.count() == 1
    with pytest.raises(StoreError, match="closed"):
        found.audit.count()


def test_letters_that_the_terminal_cannot_take_are_escaped() -> None:
    code = (
        "from soc_copilot.cli.common import let_anything_be_printed\n"
        "let_anything_be_printed()\n"
        "print('caf\\xe9 \\u241b')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines() == [b"caf\\xe9 \\u241b"]


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    group = add_group(parser.add_subparsers(), "things", "Do things.", "things do")
    add_command(group, "do", "Do one thing.", "things do --json", lambda args: 0)
    for arguments in (["things", "--help"], ["things", "do", "--help"]):
        with pytest.raises(SystemExit):
            parser.parse_args(arguments)
    out = capsys.readouterr().out
    assert "Example:\n  things do\n" in out
    assert "Example:\n  things do --json\n" in out
    assert "--db" in out
    assert parser.parse_args(["things", "do", "--json"]).json


def test_progress_is_shown_to_a_person_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say_on_way("half")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    say_on_way("half")
    say_on_way("")
    assert capsys.readouterr().err == "\r\x1b[Khalf\r\x1b[K"


def test_a_model_is_the_shipped_one_unless_named() -> None:
    parser = argparse.ArgumentParser()
    add_model(parser, "host")
    assert parser.parse_args([]).model.parts[-2:] == ("models", "host")
    assert parser.parse_args(["--model", "mine"]).model == Path("mine")


def test_a_training_writes_where_told_and_can_be_repeated() -> None:
    parser = argparse.ArgumentParser()
    add_training(parser, "load")
    found = parser.parse_args([])
    assert (found.out.parts[-2:], found.seed, found.threads) == (("models", "load"), 7, 1)
    found = parser.parse_args(["--out", "new", "--seed", "1", "--threads", "2"])
    assert (found.out, found.seed, found.threads) == (Path("new"), 1, 2)


def test_what_is_read_and_written_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_files(parser, "requests")
    found = parser.parse_args(["--input", "a", "--output", "b"])
    assert (found.input, found.output, found.json) == (Path("a"), Path("b"), False)
    with pytest.raises(SystemExit):
        parser.parse_args(["--input", "a"])
    assert "--output" in capsys.readouterr().err
