"""An export of what was checked is whole, and safe for a spreadsheet."""

import csv
import io
import json
from pathlib import Path

import pytest

from soc_copilot.domain.errors import StoreError
from soc_copilot.ui.phishing_checks import CheckedRow, Given
from soc_copilot.ui.phishing_export_job import CSV_COLUMNS, export_checked
from tests.ui.desk_support import HOSTILE, SHOWN

ROWS = (
    CheckedRow(1, Given("a.eml"), "email", "phish", 0.9, 0.8, True, HOSTILE, "=cmd()", ("One.",)),
    CheckedRow(2, Given("b.msg"), None, None, title="b.msg", problem="Not read."),
)


def silent(_done: int, _total: int) -> None:
    pass


def test_a_table_has_a_line_for_every_row(tmp_path: Path) -> None:
    assert export_checked(ROWS, tmp_path / "a.csv", silent) == 2
    lines = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_bytes().decode())))
    assert tuple(lines[0]) == CSV_COLUMNS
    one = dict(zip(CSV_COLUMNS, lines[1], strict=True))
    assert (one["title"], one["sender"], one["degraded"]) == (SHOWN, "'=cmd()", "true")
    assert dict(zip(CSV_COLUMNS, lines[2], strict=True))["score"] == ""


def test_json_lines_keep_texts_as_they_are(tmp_path: Path) -> None:
    assert export_checked(ROWS, tmp_path / "a.jsonl", silent) == 2
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert found[0]["title"] == HOSTILE
    assert found[0]["reasons"] == ["One."]
    assert found[1]["problem"] == "Not read."


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"a\.csv"):
        export_checked(ROWS, tmp_path / "none" / "a.csv", silent)
