import csv
import io
import json
from datetime import UTC, datetime

from soc_copilot.domain.alert_export import (
    CSV_COLUMNS,
    alert_to_csv,
    alert_to_dict,
    alert_to_json,
    csv_line,
)
from soc_copilot.domain.alerts import (
    AlertChange,
    AlertDetail,
    AlertNote,
    AlertRow,
    AlertStatus,
    Disposition,
)
from soc_copilot.domain.findings import Component, Evidence, Severity

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOSTILE = "=cmd|' /C calc'!A0\x1b[31m\u202eevil\x00\n<img src=x>"


def make_detail(entity: str = "192.0.2.7") -> AlertDetail:
    row = AlertRow(
        7,
        Severity.HIGH,
        AT,
        AT,
        "web",
        "web.sqli",
        entity,
        "source.ip",
        "T1190",
        "SQL injection",
        3,
        AlertStatus.CLOSED,
        Disposition.FALSE_POSITIVE,
        "ana",
        0.98765432,
        AT,
    )
    return AlertDetail(
        row,
        "What happened.",
        0.5,
        "1.0",
        (Component("Accounts", "41", 0.9),),
        (Evidence("1-1-20", 1, 1, "access.log", 20, 9, AT, "GET /\x00x", ((0, 3),), 0.9),),
        ("Look at the host.",),
        (AlertNote(1, 7, AT, "ana", "seen"),),
        (AlertChange(1, 7, AT, "pipeline", "pipeline", "raised", None, "new"),),
    )


def test_json_line_keeps_everything_and_is_ascii() -> None:
    detail = make_detail(HOSTILE)
    line = alert_to_json(detail)
    assert line.isascii()
    assert "\n" not in line
    read = json.loads(line)
    assert read == alert_to_dict(detail)
    assert read["entity"] == HOSTILE
    assert read["evidence"][0]["raw"] == "GET /\x00x"
    assert read["disposition"] == "false_positive"
    assert read["history"][0]["new"] == "new"


def test_csv_row_has_a_cell_for_every_column_and_no_formula() -> None:
    cells = alert_to_csv(make_detail(HOSTILE))
    assert len(cells) == len(CSV_COLUMNS)
    entity = dict(zip(CSV_COLUMNS, cells, strict=True))["entity"]
    assert isinstance(entity, str)
    assert entity.startswith("'=cmd")
    assert "\x1b" not in entity
    assert "\n" not in entity


def test_csv_line_is_read_back_as_one_row() -> None:
    cells = alert_to_csv(make_detail(HOSTILE))
    rows = list(csv.reader(io.StringIO(csv_line(cells), newline="")))
    assert rows == [[str(cell) for cell in cells]]


def test_csv_row_of_an_alert_without_evidence_has_empty_cells() -> None:
    detail = make_detail()
    bare = AlertDetail(detail.row, "", 0.0, "", (), (), (), (), ())
    assert alert_to_csv(bare)[-3:] == ("", "", "")
