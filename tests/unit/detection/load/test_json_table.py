"""Tables in JSON: lines, and documents as programs export them."""

import json

import pytest

from soc_copilot.detection.load import json_table
from soc_copilot.detection.load.json_table import frame_of, is_json, is_lines
from soc_copilot.domain.errors import SourceError

AT = ("2017-01-01 01:00", "2017-01-01 02:00", "2017-01-01 03:00")
EPOCH = (1483232400, 1483236000, 1483239600)
ROWS = [{"time": at, "mw": 5 + i} for i, at in enumerate(AT)]
PAIRS = [[at, 5 + i] for i, at in enumerate(AT)]
SPLIT = {"columns": ["mw"], "index": list(AT), "data": [[5], [6], [7]]}
NUMBERED = {"columns": ["time", "mw"], "index": [0, 1, 2], "data": PAIRS}


@pytest.mark.parametrize(
    "found",
    [
        ROWS,
        PAIRS,
        [["time", "mw"], *PAIRS],
        [[value, at * 1000] for at, (_, value) in zip(EPOCH, PAIRS, strict=True)],
        {"time": AT, "mw": [5, 6, 7], "unit": "MW", "tags": ["a", "b"]},
        dict(PAIRS),
        {"mw": {str(at * 1000): 5 + i for i, at in enumerate(EPOCH)}},
        {"time": {"0": AT[0], "1": AT[1], "2": AT[2]}, "mw": {"0": 5, "1": 6, "2": 7}},
        {at: {"mw": value} for at, value in PAIRS},
        SPLIT,
        NUMBERED,
        {"schema": {"fields": [{"name": "time", "type": "string"}]}, "data": ROWS},
        {"response": {"total": 3, "data": ROWS}, "request": {"sort": [{"by": "t", "to": "asc"}]}},
        {"status": "success", "data": {"result": [{"metric": {"job": "x"}, "values": PAIRS}]}},
        [{"target": "town", "datapoints": PAIRS}],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_a_table_as_programs_export_it(found, indent):
    data = b"\xef\xbb\xbf" + json.dumps(found, indent=indent).encode()
    assert is_json(data)
    assert not is_lines(data)
    frame = frame_of(data, "a.json")
    assert frame["time"].to_list() in (
        list(AT),
        [str(at) for at in EPOCH],
        [str(at * 1000) for at in EPOCH],
    )
    column = frame["mw" if "mw" in frame.columns else "value"]
    assert column.to_list() == ["5", "6", "7"]


@pytest.mark.parametrize("row", [0, 1])
def test_lines_are_objects_or_pairs_and_a_bad_one_is_a_row_without_cells(row):
    lines = [json.dumps((ROWS, PAIRS)[row][i]) for i in range(3)]
    data = "\n".join([*lines[:2], "", '{"time": "2017-', lines[2]]).encode()
    assert is_lines(data)
    frame = frame_of(data, "a.jsonl")
    assert frame["time"].to_list() == [AT[0], AT[1], None, AT[2]]
    assert frame[frame.columns[1]].to_list() == ["5", "6", None, "7"]


def test_lines_are_put_together_from_blocks(monkeypatch):
    monkeypatch.setattr(json_table, "_BLOCK_ROWS", 2)
    data = b'{"t": 1}\n{"t": 2}\n{"t": 3, "v": null}\n{"v": true}\n{"v": 1.5}'
    assert frame_of(data, "a").rows() == [
        ("1", None), ("2", None), ("3", None), (None, "True"), (None, "1.5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "without a table"),
        ('{"time": [1, 2], "value": [1, 2, 3]}', "lists of one length"),
        ("[1, 2, 3]", "without a table"),
        ('[{"time": "2017-01-01 01:00", "mw": 5},', "no JSON that can be read"),
        ("[" * 100_000, "no JSON that can be read"),
        (json.dumps({"a": PAIRS, "b": PAIRS}), "2 tables of 3 rows. Export one series"),
    ],
)
def test_what_is_no_table_is_said_by_the_name_of_the_file(text, message):
    with pytest.raises(SourceError, match=message) as caught:
        frame_of(text.encode(), "meter.json")
    assert "meter.json" in str(caught.value)


def test_a_document_is_bounded_and_lines_are_not(monkeypatch):
    monkeypatch.setattr(json_table, "MAX_DOCUMENT_BYTES", 64)
    with pytest.raises(SourceError, match=r"one JSON document.*Write it as JSON lines"):
        frame_of(json.dumps(ROWS).encode(), "meter.json")
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    assert len(lines) > 64
    assert frame_of(lines, "meter.jsonl").height == 3
