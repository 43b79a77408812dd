"""Columns of a file to choose from."""

import gzip
from pathlib import Path

import pytest

from soc_copilot.detection.load.columns import columns
from soc_copilot.domain.errors import SourceError


def test_times_and_numbers_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,when,load,name\n1,2017-01-01 00:00,5.5,x\n2,2017-01-01 01:00,6,y\n")
    found = columns(path)
    assert found.times == ("when",)
    assert found.values == ("id", "load")
    assert found.first == "2017-01-01 00:00"


def test_packed_and_json_files_are_read(tmp_path: Path) -> None:
    packed, lines = tmp_path / "a.csv.gz", tmp_path / "a.jsonl"
    packed.write_bytes(gzip.compress(b"t,v\n1483228800,5\n1483232400,6\n"))
    lines.write_text('{"t": "2017-01-01 00:00", "v": 5}\n{"t": "2017-01-01 01:00", "v": 6}\n')
    assert columns(packed).times[0] == "t"
    assert columns(packed).values == ("v",)
    assert columns(lines).values == ("v",)


@pytest.mark.parametrize("text", ["", "just words", "a,b\nx,y\n", "a\n1\n", "{"])
def test_what_is_no_series_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(SourceError):
        columns(path)
    with pytest.raises(SourceError):
        columns(tmp_path / "none.csv")
