"""What the context menu of a cell offers: filters made from its value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from soc_copilot.domain.alerts import AlertRow, AlertStatus
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.alert_view import AlertView
from soc_copilot.ui.models.alerts import Column

AROUND = timedelta(minutes=5)  # chosen: what happened about the same time


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of the menu: its words and the view that it leads to."""

    words: str
    view: AlertView


def offers(view: AlertView, row: AlertRow, column: Column) -> list[Offer]:
    """Ways to narrow or widen a view by the value in a cell, best first."""
    makers: dict[Column, Callable[[AlertView, AlertRow], list[Offer]]] = {
        Column.SEVERITY: _severity,
        Column.STATUS: _status,
        Column.ENTITY: _entity,
        Column.TECHNIQUE: _technique,
        Column.DETECTOR: _detector,
        Column.WHAT: _what,
        Column.LAST_SEEN: _time,
        Column.FIRST_SEEN: _time,
    }
    maker = makers.get(column)
    return maker(view, row) if maker is not None else []


def _severity(view: AlertView, row: AlertRow) -> list[Offer]:
    word = row.severity.label.lower()
    others = tuple(s for s in (view.severities or tuple(Severity)) if s != row.severity)
    return [
        Offer(f"Only {word}", replace(view, severities=(row.severity,))),
        Offer(f"Without {word}", replace(view, severities=others)),
    ]


def _status(view: AlertView, row: AlertRow) -> list[Offer]:
    word = row.status.label.lower()
    others = tuple(s for s in (view.statuses or tuple(AlertStatus)) if s != row.status)
    return [
        Offer(f"Only {word}", replace(view, statuses=(row.status,))),
        Offer(f"Without {word}", replace(view, statuses=others)),
    ]


def _entity(view: AlertView, row: AlertRow) -> list[Offer]:
    return [
        Offer(f"Only {_short(row.entity)}", replace(view, entity=row.entity)),
        *_without(view, "entity", row.entity),
    ]


def _technique(view: AlertView, row: AlertRow) -> list[Offer]:
    if not row.technique:
        return []
    return [
        Offer(f"Only {_short(row.technique)}", replace(view, technique=row.technique)),
        *_without(view, "technique", row.technique),
    ]


def _detector(view: AlertView, row: AlertRow) -> list[Offer]:
    return [
        Offer(f"Only {_short(row.detector)}", replace(view, detectors=(row.detector,))),
        *_without(view, "detector", row.detector),
    ]


def _what(view: AlertView, row: AlertRow) -> list[Offer]:
    if '"' in row.title:  # a quoted term cannot hold a quote
        return []
    return [Offer(f"Only {_short(row.title)}", _with_term(view, f'"{row.title}"'))]


def _time(view: AlertView, row: AlertRow) -> list[Offer]:
    around = replace(
        view,
        preset="custom",
        since=row.last_seen - AROUND,
        until=row.last_seen + AROUND,
        statuses=(),
        brush=None,
    )
    return [Offer("All alerts within 5 minutes of this", around)]


def _without(view: AlertView, field: str, value: str) -> list[Offer]:
    if '"' in value:
        return []
    return [Offer(f"Without {_short(value)}", _with_term(view, f'-{field}:"{value}"'))]


def _with_term(view: AlertView, term: str) -> AlertView:
    return replace(view, text=f"{view.text} {term}".strip())


def _short(value: str) -> str:
    return f"“{render_safe(value, 40)}”"
