"""Suppressions as the window shows them: their words, and a table of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QObject
from typing_extensions import override

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.suppressions import End, Field, Suppression
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.rows import GivenRows, Role
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.labels import safe_tip

CELL_CHARS: Final = 200  # chosen


@dataclass(frozen=True, slots=True)
class Plan:
    """A suppression as a person chose it.

    Attributes:
        ids: The alerts that it is made from.
        length: How long it holds; None when `until` says when it ends, or it has no end.
    """

    ids: tuple[int, ...]
    fields: frozenset[Field]
    length: timedelta | None = None
    until: datetime | None = None
    without_end: bool = False
    reason: str = ""
    any_severity: bool = False
    hide_open: bool = False

    def end(self, now: datetime) -> datetime | None:
        """When it ends."""
        return self.until if self.length is None else now + self.length


class SuppressionColumn(IntEnum):
    """Places of the columns."""

    STATE = 0
    ALIKE = 1
    ALERTS = 2
    OCCURRENCES = 3
    LAST = 4
    UNTIL = 5
    BY = 6


def until_words(one: Suppression, times: TimeFormat) -> str:
    """When it ends: "until Nov 29 10:41:52", "without end"."""
    return "without end" if one.expires_at is None else f"until {times.short(one.expires_at)}"


def state_words(one: Suppression, now: datetime) -> str:
    """Whether it holds."""
    if one.is_active(now):
        return "In force"
    return "Lifted" if one.ended is End.LIFTED else "Expired"


def alike_words(one: Suppression) -> str:
    """What must be alike, values first: "web.sqli, 192.0.2.7, up to high"."""
    values = [v if f in {Field.RULE, Field.ENTITY} else f"{f} {v}" for f, v in one.alike.parts()]
    if not one.alike.is_any_severity:
        values.append(f"up to {one.alike.up_to.label.lower()}")
    return ", ".join(values)


def hidden_words(one: Suppression) -> str:
    """How much it has hidden: "214 alerts (3,020 occurrences)"."""
    alerts = "1 alert" if one.n_alerts == 1 else f"{one.n_alerts:,} alerts"
    times = "1 occurrence" if one.n_occurrences == 1 else f"{one.n_occurrences:,} occurrences"
    return f"{alerts} ({times})"


class SuppressionModel(GivenRows[Suppression]):
    """One row for each suppression, those in force first."""

    headers = ("State", "Alike in", "Hid", "Occurrences", "Last hidden", "Ends", "By")
    numbers = frozenset({SuppressionColumn.ALERTS, SuppressionColumn.OCCURRENCES})

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        desk.times.changed.connect(self.repaint)
        desk.theme.changed.connect(self.repaint)

    def place_of(self, suppression_id: int) -> int | None:
        """Where a suppression stands."""
        places = (at for at, one in enumerate(self._rows) if one.id == suppression_id)
        return next(places, None)

    @override
    def cell(self, row: Suppression, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            return render_safe(self._text(row, SuppressionColumn(column)), CELL_CHARS)
        if role == Role.ToolTipRole:
            return safe_tip(self._tip(row, SuppressionColumn(column)))
        if role == Role.ForegroundRole and not row.is_active(utc_now()):
            return self._desk.theme.color("muted")
        return self.alignment(column) if role == Role.TextAlignmentRole else None

    def _text(self, row: Suppression, column: SuppressionColumn) -> str:
        times = self._desk.times
        match column:
            case SuppressionColumn.STATE:
                return state_words(row, utc_now())
            case SuppressionColumn.ALIKE:
                return alike_words(row)
            case SuppressionColumn.ALERTS:
                return f"{row.n_alerts:,}"
            case SuppressionColumn.OCCURRENCES:
                return f"{row.n_occurrences:,}"
            case SuppressionColumn.LAST:
                last = row.last_hidden_at
                return "never" if last is None else times.relative(last)
            case SuppressionColumn.UNTIL:
                return self._end(row)
            case SuppressionColumn.BY:
                return row.actor

    def _end(self, row: Suppression) -> str:
        times = self._desk.times
        if not row.is_active(utc_now()):
            ended = row.ended_at or row.expires_at
            return times.relative(ended) if ended is not None else ""
        return "never" if row.expires_at is None else times.relative(row.expires_at)

    def _tip(self, row: Suppression, column: SuppressionColumn) -> str:
        moments = {
            SuppressionColumn.LAST: row.last_hidden_at,
            SuppressionColumn.UNTIL: row.ended_at or row.expires_at,
        }
        moment = moments.get(column)
        if moment is not None:
            return self._desk.times.absolute(moment)
        return f"{row.id}: {row.alike.words()}\n{row.reason}".strip()
