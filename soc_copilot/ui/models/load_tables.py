"""The Load page's tables: the series to choose from, and what was detected in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem
from typing_extensions import override

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.load import HOLD_HOURS, LoadInterval, Trace, severity_of
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import GivenRows, Index, Role
from soc_copilot.ui.plots.load_plot import SHORT_WORDS, level_text, sparkline
from soc_copilot.ui.widgets.delegates import ROLE_SEVERITY, CellDelegate, SeverityDelegate
from soc_copilot.ui.widgets.labels import safe_tip

NAME_CHARS: Final = 120
SPARK_HOURS: Final = 168  # chosen: a week
ROLE_SPARK: Final = Role.UserRole + 8
REPLAY: Final = "replay"
COUNTED: Final = "events/h"  # from a source's own counts, which have no forecast
MOST_ROWS: Final = 500  # chosen: intervals in the table, newest first


class SeriesColumn(IntEnum):
    """Places of the columns."""

    NAME = 0
    KIND = 1
    SPARK = 2
    LAST = 3
    OFF = 4
    STATE = 5


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series in the list.

    Attributes:
        key: Of its trace.
        name, unit: For people.
        kind: Where it comes from: "replay", "live", "events/h".
        n: Hours so far; a row with more is another row.
        last: Latest value.
        deviation: Of that value, NaN without a forecast.
        grade: Of the attack that is under way or of its latest hour, a place in `GRADES`.
        spark: Its last week.
        n_intervals: How many attacks were suspected.
        state: A word for what holds where there is no grade.
    """

    key: str
    name: str
    unit: str
    kind: str
    n: int
    last: float
    deviation: float
    grade: int
    spark: tuple[float, ...]
    n_intervals: int
    state: str = "quiet"


def row_of(trace: Trace, kind: str = "") -> SeriesRow:
    """What the list shows of a trace; its key tells where it comes from, but for a replay."""
    kind = kind or (COUNTED if trace.key.startswith("rate/") else "live")
    n = trace.n
    values = trace.columns["value"][max(n - SPARK_HOURS, 0) : n]
    last = float(values[-1]) if n else float("nan")
    forecast = float(trace.columns["forecast"][n - 1]) if n else float("nan")
    deviation = last / forecast - 1 if forecast > 0 else float("nan")
    grade = int(trace.grades[n - 1]) if n else 0
    if trace.intervals and trace.intervals[-1].last >= trace.end - 1 - HOLD_HOURS:
        grade = trace.intervals[-1].grade  # an attack is not over with its first quiet hour
    is_judged = bool(np.isfinite(forecast))
    state = "quiet" if is_judged else "counted" if kind == COUNTED else "learning"
    return SeriesRow(
        trace.key, trace.name, trace.unit, kind, n, last, deviation, grade,
        tuple(values.tolist()), len(trace.intervals), state,
    )  # fmt: skip


class SeriesModel(GivenRows[SeriesRow]):
    """Every series, in the order given."""

    headers = ("Series", "From", "Week", "Last", "Off", "Now")
    numbers = frozenset({SeriesColumn.LAST, SeriesColumn.OFF})
    header_tips = {  # noqa: RUF012 - a constant, as the base class has it
        SeriesColumn.SPARK: "The values of the last week.",
        SeriesColumn.OFF: "How far the last value is off its forecast.",
        SeriesColumn.NAME: "Click one to see it above.",
    }

    @override
    def set_rows(self, rows: Sequence[SeriesRow]) -> None:
        """Show these; nothing happens when they are the same."""
        if [_told(row) for row in rows] != [_told(row) for row in self._rows]:
            self.replace_rows(tuple(rows))

    def place_of(self, key: str) -> int | None:
        """Where a series stands."""
        return next((i for i, row in enumerate(self._rows) if row.key == key), None)

    @override
    def cell(self, row: SeriesRow, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            return _series_text(row, column)
        if role == ROLE_SPARK and column == SeriesColumn.SPARK:
            return row.spark
        if role == ROLE_SEVERITY and column == SeriesColumn.STATE:
            return severity_of(row.grade) if row.grade else None
        if role == Role.ToolTipRole and column == SeriesColumn.NAME:
            return safe_tip(f"{row.name}\n{row.n:,} hours, {row.n_intervals:,} suspected attacks")
        return self.alignment(column) if role == Role.TextAlignmentRole else None


def _told(row: SeriesRow) -> tuple[object, ...]:
    """What makes a row another one; as text, because NaN is never the same."""
    last = f"{row.last}{row.deviation}"
    return row.key, row.name, row.n, row.n_intervals, row.grade, row.state, last


def _series_text(row: SeriesRow, column: int) -> str:
    if column == SeriesColumn.NAME:
        return render_safe(row.name, NAME_CHARS)
    if column == SeriesColumn.KIND:
        return row.kind
    if column == SeriesColumn.LAST:
        return "" if np.isnan(row.last) else f"{level_text(row.last)} {row.unit}".strip()
    if column == SeriesColumn.OFF:
        return "" if np.isnan(row.deviation) else f"{round(row.deviation, 3) + 0.0:+.1%}"
    if column == SeriesColumn.STATE:
        return "" if row.grade else row.state
    return ""


class SparkDelegate(CellDelegate):
    """A week as a line; the model gives its values under `ROLE_SPARK`."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box = self.paint_ground(painter, option, index)
        if values := index.data(ROLE_SPARK):
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(box)
            sparkline(
                painter, QRectF(box).adjusted(0, 5, 0, -4), np.array(values, np.float64),
                self._theme.color("accent"),
            )  # fmt: skip
            painter.restore()


class GradeDelegate(SeverityDelegate):
    """A severity where there is one, else the cell's own word."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if index.data(ROLE_SEVERITY) is not None:
            super().paint(painter, option, index)
            return
        box = self.paint_ground(painter, option, index)
        painter.save()
        painter.setPen(self._theme.color("muted"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, left, index.data())
        painter.restore()


class IntervalColumn(IntEnum):
    """Places of the columns."""

    SEVERITY = 0
    SINCE = 1
    HOURS = 2
    OFF = 3
    WHAT = 4
    SURE = 5


class IntervalModel(GivenRows[LoadInterval]):
    """Suspected attacks in one series, newest first."""

    headers = ("Severity", "Since", "Hours", "Off", "Looks like", "Sure")
    numbers = frozenset({IntervalColumn.HOURS, IntervalColumn.OFF, IntervalColumn.SURE})
    header_tips = {  # noqa: RUF012 - a constant, as the base class has it
        IntervalColumn.OFF: "The largest share off the forecast from before it.",
        IntervalColumn.SURE: "How probable this template is among the eight.",
        IntervalColumn.SINCE: "On the series' own clock.",
    }
    is_narrow = False  # little room: the year is in the tooltip alone

    @override
    def set_rows(self, rows: Sequence[LoadInterval]) -> None:
        """Show these, given oldest first; nothing happens when they are the same."""
        super().set_rows(tuple(reversed(rows[-MOST_ROWS:])))

    def place_of(self, first: int) -> int | None:
        """Where the interval stands that begins with an hour."""
        return next((i for i, row in enumerate(self._rows) if row.first == first), None)

    @override
    def cell(self, row: LoadInterval, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            if self.is_narrow and column == IntervalColumn.SINCE:
                return hour_text(row.first)[5:]
            return _interval_text(row, column)
        if role == ROLE_SEVERITY and column == IntervalColumn.SEVERITY:
            return Severity(row.severity)
        if role == Role.ToolTipRole:
            head = f"{hour_text(row.first)}, {row.n_hours:,} h: {interval_words(row)}"
            return safe_tip("\n".join((head, *row.words)))
        return self.alignment(column) if role == Role.TextAlignmentRole else None


def _interval_text(row: LoadInterval, column: int) -> str:
    if column == IntervalColumn.SINCE:
        return hour_text(row.first)
    if column == IntervalColumn.HOURS:
        return f"{row.n_hours:,}"
    if column == IntervalColumn.OFF:
        return f"{row.deviation:+.0%}"
    if column == IntervalColumn.WHAT:
        return interval_words(row)
    if column == IntervalColumn.SURE:
        return f"{row.probability:.0%}" if row.template else ""
    return ""


def interval_words(row: LoadInterval) -> str:
    """What an interval looks like; an exercise says that it is one."""
    words = SHORT_WORDS.get(row.template, "odd values")
    words = f"{words} {row.size:+.0%}" if row.template else words
    return f"Exercise: {words}" if row.is_exercise else words[:1].upper() + words[1:]


def hour_text(hour: float) -> str:
    """An hour of a series' clock: "2017-03-01 05:00"."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=int(hour)):%Y-%m-%d %H:%M}"


def number_text(value: float) -> str:
    """A value with four digits that count, and thousands apart: "16,280", "0.1234"."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def numbers_text(trace: Trace, first: float, last: float) -> str:
    """Every hour of a part of a series as comma-separated values."""
    names = ("value", "forecast", "lower", "upper", "benchmark")
    hours, columns = trace.windows(names, int(first), int(last))
    lines = [",".join(("time", *names))]
    for place, hour in enumerate(hours.tolist()):
        cells = ("" if np.isnan(one[place]) else f"{one[place]:.6g}" for one in columns)
        lines.append(",".join((hour_text(hour), *cells)))
    return "\n".join(lines) + "\n"
