"""Writing what was checked to a file: CSV or JSON lines, whole or not at all. No Qt here."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from soc_copilot.domain.alert_export import csv_line
from soc_copilot.domain.text import csv_cell
from soc_copilot.ui.export_file import export_lines
from soc_copilot.ui.phishing_checks import CheckedRow

CSV_COLUMNS: Final = (
    "file", "content_type", "prediction", "score", "confidence", "degraded", "title", "sender",
    "reasons", "problem",
)  # fmt: skip
_DIGITS: Final = 6  # chosen: decimals of scores


def export_checked(
    rows: Sequence[CheckedRow], path: Path, progress: Callable[[int, int], None]
) -> int:
    """Write rows to a file; ".csv" makes a table, anything else JSON lines.

    The file appears when it is complete; when the progress callback raises, nothing is left.

    Returns:
        Number of rows written.

    Raises:
        StoreError: The file cannot be written.
    """
    lines = _lines(rows, is_csv=path.suffix.lower() == ".csv")
    return export_lines(path, lines, lambda done: progress(done, len(rows)))


def _lines(rows: Sequence[CheckedRow], *, is_csv: bool) -> Iterator[str]:
    if is_csv:
        yield csv_line(CSV_COLUMNS)
    for row in rows:
        told = _as_dict(row)
        if is_csv:
            yield csv_line(_cell(told[name]) for name in CSV_COLUMNS)
        else:
            yield json.dumps(told, ensure_ascii=True, separators=(",", ":")) + "\n"


def _as_dict(row: CheckedRow) -> dict[str, Any]:
    was_read = row.prediction is not None
    return {
        "file": row.given.name,
        "content_type": row.kind or "",
        "prediction": row.prediction or "",
        "score": round(row.score, _DIGITS) if was_read else None,
        "confidence": round(row.confidence, _DIGITS) if was_read else None,
        "degraded": row.is_degraded,
        "title": row.title,
        "sender": row.sender,
        "reasons": list(row.reasons),
        "problem": row.problem,
    }


def _cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, list):
        return csv_cell(" ".join(value))
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, int | float) else csv_cell(str(value))
