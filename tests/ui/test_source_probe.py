import gzip
import os
from pathlib import Path

import pytest

from soc_copilot.ui import source_probe
from soc_copilot.ui.source_probe import probe_source

ACCESS = (
    '192.0.2.7 - - [04/Mar/2026:12:00:0{n} +0000] "GET /shop HTTP/1.1" 200 512 "-" "Mozilla/5.0"\n'
)


def access_log(path: Path, lines: int = 5) -> Path:
    path.write_text("".join(ACCESS.format(n=n) for n in range(lines)))
    return path


def test_nothing_typed_is_nothing_found():
    found = probe_source("  ")
    assert (found.kind, found.problem, found.preview) == ("", "", None)


def test_a_file_is_shown_with_its_format_and_first_lines(tmp_path):
    found = probe_source(str(access_log(tmp_path / "a.log")))
    assert (found.kind, found.problem) == ("file", "")
    assert found.preview is not None
    assert (found.preview.format, found.preview.share) == ("access", 1.0)
    assert len(found.preview.rows) == 3
    assert found.preview.rows[0]["source.ip"] == "192.0.2.7"


def test_a_chosen_format_is_used_even_where_it_fits_badly(tmp_path):
    found = probe_source(str(access_log(tmp_path / "a.log")), format_name="json")
    assert found.preview is not None
    assert (found.preview.format, found.preview.share) == ("json", 0.0)


def test_an_unknown_format_is_a_problem_in_words(tmp_path):
    found = probe_source(str(access_log(tmp_path / "a.log")), format_name="<b>")
    assert "<b>" in found.problem


def test_a_packed_file_is_looked_into(tmp_path):
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(access_log(tmp_path / "a.log").read_bytes()))
    found = probe_source(str(packed))
    assert found.preview is not None
    assert found.preview.format == "access"


def test_a_damaged_packed_file_is_a_problem(tmp_path):
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(b"\x1f\x8b" + b"nonsense" * 4)
    assert "damaged gzip data" in probe_source(str(packed)).problem


def test_only_the_first_bytes_of_a_huge_line_are_read(tmp_path):
    huge = tmp_path / "huge.log"
    huge.write_bytes(b"x" * (source_probe.HEAD_BYTES * 3))
    found = probe_source(str(huge))
    assert found.problem == ""
    assert found.size_bytes == source_probe.HEAD_BYTES * 3


def test_an_empty_file_may_be_added_and_says_so(tmp_path):
    (tmp_path / "a.log").touch()
    found = probe_source(str(tmp_path / "a.log"))
    assert found.problem == ""
    assert found.note == "This file is empty. Its format will be decided at the first lines."


def test_binary_data_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 8)
    assert "binary data" in probe_source(str(tmp_path / "a.bin")).problem


def test_a_few_hostile_bytes_do_not_make_a_log_binary(tmp_path):
    log = access_log(tmp_path / "a.log")
    log.write_bytes(log.read_bytes() + b"\x00\x01\x1b[31m\xff\n")
    assert probe_source(str(log)).problem == ""


def test_a_missing_path_is_named(tmp_path):
    assert probe_source(str(tmp_path / "gone.log")).problem == (
        f'There is no file or folder "{tmp_path / "gone.log"}".'
    )


def test_a_relative_path_is_refused(tmp_path):
    assert "whole path" in probe_source("logs/a.log").problem


def test_a_path_with_nul_is_refused():
    assert "NUL" in probe_source("/var/log/a\0b").problem


def test_a_hostile_name_is_made_visible_in_the_message(tmp_path):
    assert "\\u202egol" in probe_source(str(tmp_path / "\u202egol.exe")).problem


def test_access_denied_says_what_to_do(tmp_path, monkeypatch):
    log = access_log(tmp_path / "a.log")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source_probe, "_head", refuse)
    assert "access denied. Run as a user with read access" in probe_source(str(log)).problem


def test_a_pipe_is_no_source(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "device or pipe" in probe_source(str(tmp_path / "pipe")).problem


def test_the_home_folder_may_be_written_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    access_log(tmp_path / "a.log")
    assert probe_source("~/a.log").path == str(tmp_path / "a.log")


def test_a_folder_counts_what_matches_and_previews_the_newest(tmp_path):
    for n, name in enumerate(("old.log", "new.log", "other.txt")):
        access_log(tmp_path / name)
        os.utime(tmp_path / name, (n, n))
    found = probe_source(str(tmp_path), "*.log")
    assert (found.kind, found.n_files) == ("directory", 2)
    assert found.sample == str(tmp_path / "new.log")
    assert found.preview is not None


def test_a_folder_prefers_a_file_with_lines_over_a_newer_empty_one(tmp_path):
    access_log(tmp_path / "a.log")
    (tmp_path / "b.log").touch()
    assert probe_source(str(tmp_path), "*.log").sample == str(tmp_path / "a.log")


def test_a_folder_without_matches_may_be_added(tmp_path):
    found = probe_source(str(tmp_path), "*.log")
    assert (found.kind, found.problem, found.n_files) == ("directory", "", 0)
    assert "No file matches yet" in found.note


def test_a_folder_needs_a_pattern(tmp_path):
    assert "Say which files" in probe_source(str(tmp_path), " ").problem


def test_an_odd_newest_file_does_not_rule_a_folder_out(tmp_path):
    (tmp_path / "a.log").write_bytes(bytes(range(32)) * 8)
    found = probe_source(str(tmp_path), "*.log")
    assert found.problem == ""
    assert "binary data" in found.note


def test_a_huge_folder_is_looked_at_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(source_probe, "MAX_ENTRIES", 3)
    for n in range(5):
        (tmp_path / f"{n}.log").write_text("x\n")
    found = probe_source(str(tmp_path), "*.log")
    assert found.more_files
    assert found.n_files == 3


def test_typing_is_completed_from_the_folder(tmp_path):
    for name in ("access.log", "auth.log", "other", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "archive").mkdir()
    assert probe_source(f"{tmp_path}/a").completions == (
        str(tmp_path / "access.log"),
        str(tmp_path / "archive") + os.sep,
        str(tmp_path / "auth.log"),
    )
    assert str(tmp_path / ".hidden") not in probe_source(f"{tmp_path}/").completions


@pytest.mark.parametrize("typed", ["no-folder", "/no/such/folder/x", "/a\0b/c"])
def test_what_cannot_be_completed_is_not(typed):
    assert probe_source(typed).completions == ()


def test_a_file_of_two_bytes_a_letter_is_read_too(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes("\ufeffstarted\nstopped\nhalf a li".encode("utf-16-le"))
    found = probe_source(str(log))
    assert found.problem == ""
    assert found.preview is not None
    assert [row["message"] for row in found.preview.rows] == ["started", "stopped"]


def test_a_series_that_is_one_json_document_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "meter.json"
    path.write_text('[{"time": "2017-01-01 01:00", "value": 1}]')
    found = probe_source(str(path), format_name="series")
    assert found.problem.startswith('"meter.json" is one JSON document.')
    assert "Replay a series" in found.problem
    assert not probe_source(str(path)).problem
    path.write_text('{"time": "2017-01-01 01:00", "value": 1}\n')
    assert not probe_source(str(path), format_name="series").problem
