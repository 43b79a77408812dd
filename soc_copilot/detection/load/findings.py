"""From a verdict to what is kept of it, and from an interval to an alert."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from soc_copilot.detection.load.series import clock
from soc_copilot.detection.load.templates import WORDS
from soc_copilot.detection.load.verdict import HourVerdict, reasons
from soc_copilot.domain.findings import Component, Finding
from soc_copilot.domain.load import GRADES, HourRow, LoadInterval, Odd

DETECTOR: Final = "load"
RULE: Final = "load.manipulated"
EXERCISE_RULE: Final = "load.exercise"
ENTITY: Final = "load.series"
TECHNIQUE: Final = "T0831"  # ATT&CK for ICS: manipulation of control
_NEXT: Final = (
    "Compare the values with another meter of the same place, or with the operator's own records.",
    "Look at the weather, holidays and works of these hours: they are not known here.",
    "See who could have changed the values between meter and file since the first hour.",
)


def row_of(verdict: HourVerdict, *, is_exercise: bool = False) -> HourRow:
    """What is kept of an hour."""
    grade = GRADES.index(verdict.severity)
    return HourRow(
        verdict.hour, verdict.value, verdict.forecast, verdict.lower, verdict.upper,
        verdict.benchmark, verdict.score, max(grade, int(verdict.is_threat)),
        Odd[verdict.event.upper()] if verdict.event else Odd.NOTHING, is_exercise,
    )  # fmt: skip


def interval_of(verdict: HourVerdict, *, is_exercise: bool = False) -> LoadInterval | None:
    """The interval that a flagged hour is in; None for others."""
    if not verdict.is_threat:
        return None
    guess = verdict.guess
    first = verdict.since if verdict.since >= 0 else verdict.hour
    deviation = verdict.deviation if math.isfinite(verdict.deviation) else 0.0
    return LoadInterval(
        first, verdict.hour, max(GRADES.index(verdict.severity), 1), deviation,
        guess.template if guess else "", guess.probability if guess else 0.0,
        guess.size if guess else 0.0, verdict.score, reasons(verdict), is_exercise,
    )  # fmt: skip


def template_words(interval: LoadInterval) -> str:
    """What it looks like, for people: "a ramp up of +12%"."""
    if not interval.template:
        return f"odd values, {interval.deviation:+.0%}"
    return f"{WORDS[interval.template]} of {interval.size:+.0%}"


def moment(hour: int) -> datetime:
    """An hour of a series' clock as a time: its clock is taken for UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)


def finding_of(
    interval: LoadInterval,
    name: str,
    version: str,
    *,
    count: int = 1,
    at: datetime | None = None,
    threshold: float = 0.5,
) -> Finding:
    """What becomes an alert: what, since when, how large, which template, how sure.

    Args:
        interval: As it stands now.
        name: Of the series.
        version: Of the model.
        count: Hours that this adds to the alert.
        at: When it is said to have been seen; the interval's last hour by default.
        threshold: Chance of an attack from which hours are flagged.
    """
    last = at or moment(interval.last) + timedelta(minutes=59, seconds=59)
    first = max(moment(interval.first), last.replace(hour=0, minute=0, second=0, microsecond=0))
    first = min(first, last)
    mark = "Exercise: " if interval.is_exercise else ""
    way = "above" if interval.deviation >= 0 else "below"
    summary = (
        f"{mark}{name} is {abs(interval.deviation):.0%} {way} its forecast since "
        f"{clock(interval.first)} ({interval.n_hours} h). It looks like "
        f"{template_words(interval)}, {interval.probability:.0%} sure of that."
    )
    if interval.is_exercise:
        summary += " The values were changed on purpose, as an exercise; nothing is wrong."
    return Finding(
        DETECTOR, EXERCISE_RULE if interval.is_exercise else RULE, name, ENTITY,
        "" if interval.is_exercise else TECHNIQUE,
        f"{mark}{_short(interval)}", summary, interval.severity,
        min(max(interval.score, 0.0), 1.0), threshold, max(count, 1), first, last,
        _components(interval), (), _NEXT, version,
    )  # fmt: skip


def _short(interval: LoadInterval) -> str:
    if not interval.template:
        return f"Odd load, {interval.deviation:+.0%} off"
    return f"Load off by {interval.deviation:+.0%}: {WORDS[interval.template]}"


def _components(interval: LoadInterval) -> tuple[Component, ...]:
    found = [
        Component("Off the forecast", f"{interval.deviation:+.1%}",
                  min(abs(interval.deviation) / 0.5, 1.0)),
        Component("Chance of an attack", f"{interval.score:.0%}", interval.score),
        Component("Hours", f"{interval.n_hours}", min(interval.n_hours / 72, 1.0)),
    ]  # fmt: skip
    if interval.template:
        words = WORDS[interval.template]
        found.insert(1, Component(f"Template: {words}", f"{interval.probability:.0%}",
                                  interval.probability))  # fmt: skip
    return tuple(found)
