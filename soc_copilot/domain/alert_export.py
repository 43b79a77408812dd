"""Alerts as rows of a table and as JSON, for files that leave the program."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final

from soc_copilot.domain.alerts import AlertDetail
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.text import csv_cell

CSV_COLUMNS: Final = (
    "id",
    "severity",
    "first_seen",
    "last_seen",
    "detector",
    "rule",
    "entity",
    "entity_type",
    "technique",
    "technique_name",
    "title",
    "summary",
    "count",
    "status",
    "disposition",
    "assignee",
    "score",
    "threshold",
    "evidence_file",
    "evidence_offset",
    "evidence_line",
    "suppressed",
)


def alert_to_dict(detail: AlertDetail) -> dict[str, Any]:
    """Everything that is known of an alert, in types that JSON has; nothing is lost."""
    row = detail.row
    return {
        "id": row.id,
        "severity": row.severity.label.lower(),
        "first_seen": row.first_seen.isoformat(),
        "last_seen": row.last_seen.isoformat(),
        "raised_at": row.raised_at.isoformat(),
        "detector": row.detector,
        "rule": row.rule,
        "entity": row.entity,
        "entity_type": row.entity_type,
        "technique": row.technique,
        "technique_name": technique_name(row.technique),
        "title": row.title,
        "summary": detail.summary,
        "count": row.count,
        "status": row.status.value,
        "disposition": row.disposition.value if row.disposition else None,
        "assignee": row.assignee,
        "score": row.score,
        "threshold": detail.threshold,
        "model_version": detail.model_version,
        "suppressed_by": row.suppressed_by,
        "suppressed": suppressed_words(detail) or None,
        "components": [
            {"name": part.name, "value": part.value, "weight": part.weight}
            for part in detail.components
        ],
        "evidence": [
            {
                "event_id": line.event_id,
                "file": line.path,
                "offset": line.offset,
                "length": line.length,
                "timestamp": line.timestamp.isoformat(),
                "raw": line.raw,
                "highlights": [list(span) for span in line.highlights],
                "score": line.score,
            }
            for line in detail.evidence
        ],
        "next_steps": list(detail.next_steps),
        "notes": [
            {"at": note.at.isoformat(), "actor": note.actor, "text": note.text}
            for note in detail.notes
        ],
        "history": [
            {
                "at": change.at.isoformat(),
                "actor": change.actor,
                "surface": change.surface,
                "field": change.field,
                "old": change.old,
                "new": change.new,
            }
            for change in detail.history
        ],
    }


def suppressed_words(detail: AlertDetail) -> str:
    """What keeps an alert out of the list, until when, and why; empty when nothing does."""
    one = detail.suppression
    if one is None:
        return "" if detail.row.suppressed_by is None else f"by {detail.row.suppressed_by}"
    until = "without end" if one.expires_at is None else f"until {one.expires_at.isoformat()}"
    return f"by {one.id} of {one.actor}, {until}" + (f": {one.reason}" if one.reason else "")


def alert_to_json(detail: AlertDetail) -> str:
    """One line of JSON, ASCII only: hidden characters travel as escapes, lossless."""
    return json.dumps(alert_to_dict(detail), ensure_ascii=True, separators=(",", ":"))


def alert_to_csv(detail: AlertDetail) -> tuple[str | int | float, ...]:
    """The cells of `CSV_COLUMNS`; text that a spreadsheet would evaluate is guarded."""
    row = detail.row
    first = detail.evidence[0] if detail.evidence else None
    return (
        row.id,
        row.severity.label,
        row.first_seen.isoformat(),
        row.last_seen.isoformat(),
        csv_cell(row.detector),
        csv_cell(row.rule),
        csv_cell(row.entity),
        csv_cell(row.entity_type),
        csv_cell(row.technique),
        csv_cell(technique_name(row.technique)),
        csv_cell(row.title),
        csv_cell(detail.summary),
        row.count,
        row.status.label,
        row.disposition.label if row.disposition else "",
        csv_cell(row.assignee or ""),
        round(row.score, 6),
        round(detail.threshold, 6),
        csv_cell(first.path) if first else "",
        first.offset if first else "",
        csv_cell(first.raw) if first else "",
        csv_cell(suppressed_words(detail)),
    )


def csv_line(cells: Iterable[object]) -> str:
    """The cells quoted for a CSV file (RFC 4180), with the line end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
