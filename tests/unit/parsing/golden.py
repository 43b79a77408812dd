"""Whole events of a format compared with a golden file."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from soc_copilot.parsing.batch import decode_lines
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import get_format

DATA = Path(__file__).parents[2] / "data"
REFERENCE = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

Row = dict[str, object]


def rows_of(name: str, text: str) -> list[Row]:
    """Parsed lines without the nulls; times as ISO text."""
    frame = get_format(name).parse(decode_lines(text.encode()), ParseContext(REFERENCE))
    return [
        {
            column: value.isoformat() if isinstance(value, datetime) else value
            for column, value in row.items()
            if value is not None
        }
        for row in frame.iter_rows(named=True)
    ]


def row_of(name: str, line: str) -> Row:
    """One parsed line."""
    (row,) = rows_of(name, line)
    return row


def check(name: str) -> None:
    """Fail unless the format's sample parses to its golden file."""
    folder = DATA / name
    lines = (folder / "sample.log").read_bytes().decode().removesuffix("\n").split("\n")
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    found = rows_of(name, "\n".join(lines) + "\n")
    assert len(found) == len(lines)
    for line, row, wanted in zip(lines, found, expected, strict=True):
        assert {"line": line, **row} == wanted


def write(name: str) -> None:
    """Write a golden file; look at the difference before committing it."""
    folder = DATA / name
    lines = (folder / "sample.log").read_bytes().decode().removesuffix("\n").split("\n")
    rows = rows_of(name, "\n".join(lines) + "\n")
    text = ",\n".join(
        json.dumps({"line": line, **row}, ensure_ascii=True)
        for line, row in zip(lines, rows, strict=True)
    )
    (folder / "expected.json").write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(argument)
