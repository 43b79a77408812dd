"""A series in a file, judged row by row: what `soc-copilot score load` writes."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from soc_copilot.detection.load.detector import RealTimeDetector, Shared
from soc_copilot.detection.load.features import WEEK
from soc_copilot.detection.load.series import Series, clock, is_left_out
from soc_copilot.detection.load.simulator import DataStreamSimulator
from soc_copilot.detection.load.verdict import HourVerdict
from soc_copilot.domain.errors import SourceError

ENDING: Final = -1  # a stamp ends its hour: the hour begins one before
CONTEXT_HOURS: Final = 3 * WEEK  # chosen: history where nothing else is said
_MOST_CONTEXT_HOURS: Final = 3 * 8_784  # chosen: three years; older hours change nothing


def score(
    series: Series, shared: Shared, first_hour: int | None = None, shift: int = ENDING
) -> Iterator[dict[str, Any]]:
    """One line per hour, doubled and missing hours included.

    Args:
        series: As read.
        shared: The model.
        first_hour: Of the axis, since 1970, from which on hours are judged; those before are
            history. Three weeks after the start by default.
        shift: Hours from a stamp to where its hour begins.

    Raises:
        SourceError: There is no hour from there on.
        DetectorError: There is too little history.
    """
    enough = len(series.values) > CONTEXT_HOURS
    context = CONTEXT_HOURS if enough else WEEK
    if first_hour is not None:
        context = first_hour - series.start
    if not WEEK <= context < len(series.values):
        raise SourceError(
            f'"{series.name}" has hours from {clock(series.start)} to '
            f"{clock(series.start + len(series.values) - 1)}; hours can be judged from a week "
            f"after its start on, not from {clock(series.start + context)}."
        )
    oldest = max(context - _MOST_CONTEXT_HOURS, 0)
    detector = RealTimeDetector(shared)
    detector.initialise(series.values[oldest:context], series.start + shift + oldest)
    yield from _rows(series, detector, context)


def _rows(series: Series, detector: RealTimeDetector, context: int) -> Iterator[dict[str, Any]]:
    if any(note.kind == "resampled" for note in series.notes):
        for slot in range(context, len(series.values)):
            verdict = detector.step(float(series.values[slot]))
            yield verdict.as_line(clock(series.start + slot))
        return
    replay = DataStreamSimulator(series)
    replay.seek(int(np.searchsorted(series.row_slots, context)))
    expected, last = context, None
    for row in replay.stream():
        for slot in range(expected, row.slot):
            verdict = detector.step(math.nan)
            if row.slot - expected > 1 or not is_left_out(series.start + slot):
                yield verdict.as_line(clock(series.start + slot))
        if row.slot < expected and last is not None:
            yield _again(last, row.value).as_line(row.time)
            continue
        last = detector.step(row.value)
        expected = row.slot + 1
        yield last.as_line(row.time)


def _again(last: HourVerdict, value: float) -> HourVerdict:
    """The verdict of another row of the same hour: told, and judged by the same forecast."""
    deviation = value / last.forecast - 1 if math.isfinite(value) else math.nan
    return replace(last, value=value, deviation=deviation, event="duplicate")
