import gzip
import json

import numpy as np
import pytest

from soc_copilot.detection.load.series import clock, from_rows, hour_of, is_left_out, read
from soc_copilot.domain.errors import SourceError


def kinds(series):
    return {note.kind: (note.count, note.first) for note in series.notes}


def test_a_plain_series(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("datetime,mw\n2017-01-01 01:00:00,5\n2017-01-01 02:00:00,6.5\n")
    series = read(path)
    assert (clock(series.start), series.values.tolist()) == ("2017-01-01 01:00", [5.0, 6.5])
    assert series.row_times == ("2017-01-01 01:00:00", "2017-01-01 02:00:00")
    assert series.notes == ()
    assert series.hours.tolist() == [series.start, series.start + 1]


def test_everything_odd_is_told(tmp_path):
    path = tmp_path / "a.csv.gz"
    rows = ["2017-01-01 01:00,5", "2017-01-01 05:00,x", "2017-01-01 04:00,0", "nonsense,3"]
    rows += ["2017-01-01 06:00,7", "2017-01-01 06:00,9", "2017-01-01 07:00,-1"]
    path.write_bytes(gzip.compress(("time,kw\n" + "\n".join(rows) + "\n").encode()))
    series = read(path)
    assert kinds(series) == {
        "missing": (2, "2017-01-01 02:00"),
        "duplicate": (1, "2017-01-01 06:00"),
        "unreadable": (1, "2017-01-01 05:00"),
        "not_positive": (2, "2017-01-01 04:00"),
    } or kinds(series)["unreadable"] == (1, "")
    assert np.allclose(series.values, [5, np.nan, np.nan, 0, np.nan, 8, -1], equal_nan=True)
    assert sum(note.count for note in series.notes if note.kind == "unreadable") == 2


def test_both_changes_of_the_clocks(tmp_path):
    path = tmp_path / "a.csv"
    spring = [f"2022-03-13,{h:02d},{h}" for h in (1, 2, 4, 5)]
    path.write_text("date,hour_ending,mw\n" + "\n".join(spring) + "\n")
    assert kinds(read(path)) == {"clock_gap": (1, "2022-03-13 03:00")}
    autumn = [f"2022-11-06,{h},{v}" for h, v in (("01", 1), ("02", 2), ("02X", 4), ("03", 3))]
    path.write_text("date,hour_ending,mw\n" + "\n".join(autumn) + "\n")
    series = read(path)
    assert kinds(series) == {"clock_double": (1, "2022-11-06 02:00")}
    assert series.values.tolist() == [1, 3, 3]
    assert series.row_times[2] == "2022-11-06 02X"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"t": "2017-01-01T01:00:00", "v": 1}, {"t": "2017-01-01T02:00:00", "v": 2}]),
        json.dumps([["2017-01-01T01:00:00", 1], ["2017-01-01T02:00:00", 2]]),
        json.dumps({"time": ["2017-01-01 01:00", "2017-01-01 02:00"], "v": [1, 2]}),
        '{"t": 1483232400, "v": 1}\n{"t": 1483236000, "v": 2}\n',
        '{"t": 1483232400000, "v": 1}\n{"t": 1483236000000, "v": 2}\n',
    ],
)
def test_json_of_many_shapes(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    series = read(path)
    assert (clock(series.start), series.values.tolist()) == ("2017-01-01 01:00", [1.0, 2.0])


def test_columns_and_units_are_chosen(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("datetime,site,kw,mw\n2017-01-01 01:00,x,5000,7\n")
    assert read(path).values.tolist() == [5000.0]
    assert read(path, value="mw").values.tolist() == [7.0]
    assert read(path, unit="kW", to_unit="MW").values.tolist() == [5.0]
    with pytest.raises(SourceError, match="Cannot turn"):
        read(path, unit="kW", to_unit="MWh")
    with pytest.raises(SourceError, match='no column "gw"'):
        read(path, value="gw")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "no table"),
        ("", "neither"),
        ("a,b\nx,1\n", "no row with a time"),
        ("a,b\n2017-01-01,x\n", "no column of numbers"),
        ("a,b\n0001-01-01,1\n2500-01-01,1\n", "mistyped"),
        ('{"a": ', "no JSON"),
        ('{"a": 1}', "without a table"),
    ],
)
def test_what_cannot_be_a_series(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read(path)
    with pytest.raises(SourceError, match="Cannot read"):
        read(tmp_path / "none.csv")


def test_rows_within_an_hour_become_its_mean():
    series = from_rows("a", [0, 900, 1800, 2700, 3600], np.array([1.0, 2, 3, 4, 9]))
    assert series.values.tolist() == [2.5, 9.0]
    assert "resampled" in kinds(series)


def test_a_time_in_words_becomes_an_hour():
    assert clock(hour_of("2017-08-03 05:00")) == "2017-08-03 05:00"
    assert clock(hour_of("2017-08-03")) == "2017-08-03 00:00"
    with pytest.raises(SourceError, match="not a time"):
        hour_of("yesterday")


def test_only_a_sunday_night_in_spring_is_left_out():
    assert is_left_out(hour_of("2022-03-13 03:00"))
    assert not is_left_out(hour_of("2022-03-14 03:00"))
    assert not is_left_out(hour_of("2022-07-10 03:00"))
