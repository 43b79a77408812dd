"""A file that leaves the program is whole, or is not there."""

import pytest

from soc_copilot.ui.export_file import write_lines


def test_lines_are_written_and_counted(tmp_path):
    told = []
    path = tmp_path / "a.jsonl"
    assert write_lines(path, (f"{n}\n" for n in range(250)), told.append) == 250
    assert path.read_text().splitlines() == [str(n) for n in range(250)]
    assert told == [100, 200]


def test_a_header_is_no_line(tmp_path):
    assert write_lines(tmp_path / "a.csv", ["head\r\n", "1\r\n"], lambda _count: None) == 1


def test_when_it_is_stopped_nothing_is_left_and_an_older_file_stays(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("old")

    def stop(_count: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_lines(path, (f"{n}\n" for n in range(250)), stop)
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]
    assert path.read_text() == "old"
