"""One series that comes in row by row: its history, its detector, and what is odd about rows."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np

from soc_copilot.detection.load.detector import RealTimeDetector, Shared
from soc_copilot.detection.load.drift import BASELINE_HOURS, DRIFT_HOURS, RATIO
from soc_copilot.detection.load.evidence import N_STARTS
from soc_copilot.detection.load.findings import interval_of, row_of
from soc_copilot.detection.load.forecast import Drift
from soc_copilot.detection.load.monitor import PerformanceMonitor
from soc_copilot.detection.load.scoring import CONTEXT_HOURS
from soc_copilot.detection.load.series import is_left_out
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.load import HOLD_HOURS, HourRow, LoadInterval, Odd, extend

MOST_GAP_HOURS: Final = 2_000  # chosen: after a longer gap the series begins anew
STEADY_RATIO: Final = 1.5  # chosen: below it, the forecast drifts no longer
KEPT_ERRORS: Final = DRIFT_HOURS + N_STARTS  # a suspicion takes back what it begins before
KEPT_INTERVALS: Final = 8  # chosen: the last ones, of which the newest may go on

Noted = tuple[int, float, float]  # an hour, how far its forecast was off, and its value


@dataclass(slots=True)
class Step:
    """What rows led to.

    Attributes:
        rows: Hours that were judged, or are known now.
        flagged: The interval as it stood at each flagged hour, with the row's place in the batch.
        odd: Hours whose values are odd, with what it is and the row's place.
        drifted: Hours from which on the forecast drifts, how far, and the row's place.
    """

    rows: list[HourRow] = field(default_factory=list)
    flagged: list[tuple[LoadInterval, int]] = field(default_factory=list)
    odd: list[tuple[HourRow, int]] = field(default_factory=list)
    drifted: list[tuple[int, Drift, int]] = field(default_factory=list)


class WatchedSeries:
    """Takes rows in the order that they are read; what comes out does not depend on batches.

    The first three weeks are history. A series whose rows come every hour is judged with each
    row. One with several rows in an hour is judged with their mean, once the next hour begins.

    Thread:
        One at a time.
    """

    def __init__(self, shared: Shared, monitor: PerformanceMonitor | None = None) -> None:
        """Begin with nothing.

        Args:
            shared: The model.
            monitor: Times each judged hour; of all series together.
        """
        self._shared = shared
        self._monitor = monitor or PerformanceMonitor()
        self._detector: RealTimeDetector | None = None
        self._history: list[float] = []
        self._start = self._last = -1  # hours: of the history, and taken in last
        self._n_doubled = 0  # hours of the history with several rows
        self._open: list[float] = []  # values of the hour that is not over
        self._is_hourly = True
        self.intervals: tuple[LoadInterval, ...] = ()
        self._errors: list[Noted] = []  # of the latest hours
        self._baseline: list[float] = []  # shares of the first hours that were forecast
        self._before = math.nan  # their mean, once they are all there
        self._n_noted = 0
        self._is_drifting = False

    @property
    def version(self) -> str:
        """Of the model."""
        return self._shared.model.version

    def take(self, hour: int, value: float, place: int, step: Step) -> None:
        """Take a row.

        Args:
            hour: Of the series' clock, since 1970.
            value: NaN where it is no number.
            place: Of the row in the batch.
            step: Where to write what it leads to.
        """
        if self._last >= 0 and not -MOST_GAP_HOURS < hour - self._last < MOST_GAP_HOURS:
            self._begin_anew()
        if self._last < 0:
            self._start, self._last, self._open = hour, hour, [value]
            return
        if hour == self._last:
            self._again(value, place, step)
        elif hour < self._last:
            step.odd.append((HourRow(hour, value, odd=Odd.DUPLICATE), place))
        else:
            self._move_to(hour, value, place, step)

    def _again(self, value: float, place: int, step: Step) -> None:
        """Another row of the newest hour."""
        if self._detector is None or not self._is_hourly:
            self._n_doubled += len(self._open) == 1
            self._open.append(value)
            return
        step.odd.append((HourRow(self._last, value, odd=Odd.DUPLICATE), place))

    def _move_to(self, hour: int, value: float, place: int, step: Step) -> None:
        if self._detector is None or not self._is_hourly:
            self._close(self._last, place, step)
        for missing in range(self._last + 1, hour):
            self._judge(missing, math.nan, place, step)
        self._last, self._open = hour, [value]
        if self._detector is not None and self._is_hourly:
            self._judge(hour, value, place, step)

    def _close(self, hour: int, place: int, step: Step) -> None:
        known = [value for value in self._open if math.isfinite(value)]
        self._judge(hour, sum(known) / len(known) if known else math.nan, place, step)

    def _judge(self, hour: int, value: float, place: int, step: Step) -> None:
        if self._detector is None:
            self._learn(hour, value, place, step)
            return
        with self._monitor.measure():
            verdict = self._detector.step(value)
        row = row_of(verdict)
        if row.odd == Odd.MISSING and is_left_out(hour):
            row = replace(row, odd=Odd.NOTHING)  # the clocks went forward
        step.rows.append(row)
        if row.odd:
            step.odd.append((row, place))
        if (found := interval_of(verdict)) is not None:
            intervals, joined = extend(self.intervals, found)
            self.intervals = intervals[-KEPT_INTERVALS:]
            step.flagged.append((joined, place))
            self._take_back(joined.first)
        elif math.isfinite(value) and value > 0 and not self._is_suspected(hour):
            self._note_error(hour, value, row.forecast, place, step)

    # -- drift

    @property
    def drift(self) -> Drift | None:
        """Of the forecast; None before there is a week of errors beside a week of beginnings."""
        if self._n_noted < 2 * DRIFT_HOURS or len(self._errors) < DRIFT_HOURS:
            return None
        before = self._before
        if math.isnan(before):
            first = self._baseline[: self._n_noted - DRIFT_HOURS]
            before = sum(first) / len(first)
            if len(first) == BASELINE_HOURS:
                self._before = before  # they are the first ones for good, but for `_take_back`
        last = self._errors[-DRIFT_HOURS:]
        mape = sum(off / value for _, off, value in last) / DRIFT_HOURS
        ratio = mape / max(before, 1e-9)
        mae = sum(off for _, off, _ in last) / DRIFT_HOURS
        return Drift(mae, mape, before, ratio, ratio > RATIO)

    def _is_suspected(self, hour: int) -> bool:
        return bool(self.intervals) and hour <= self.intervals[-1].last + HOLD_HOURS

    def _take_back(self, first: int) -> None:
        """Hours under suspicion do not count for drift, those before their first flag as well."""
        while self._errors and self._errors[-1][0] >= first:
            self._errors.pop()
            self._n_noted -= 1
        if self._n_noted < len(self._baseline):
            del self._baseline[self._n_noted :]
            self._before = math.nan

    def _note_error(self, hour: int, value: float, forecast: float, place: int, step: Step) -> None:
        """Tell once when the forecast begins to drift."""
        off = abs(forecast - value)
        if len(self._baseline) < BASELINE_HOURS:
            self._baseline.append(off / value)
        self._errors = [*self._errors[1 - KEPT_ERRORS :], (hour, off, value)]
        self._n_noted += 1
        if self._n_noted < BASELINE_HOURS + DRIFT_HOURS or (drift := self.drift) is None:
            return
        if drift.is_drifting and not self._is_drifting:
            step.drifted.append((hour, drift, place))
        # A little lower than where it begins, so that it is not told again and again.
        self._is_drifting = drift.ratio > (STEADY_RATIO if self._is_drifting else RATIO)

    def _learn(self, hour: int, value: float, place: int, step: Step) -> None:
        self._history.append(value)
        odd = Odd.NOTHING
        if not math.isfinite(value):
            odd = Odd.NOTHING if is_left_out(hour) else Odd.MISSING
        elif value <= 0:
            odd = Odd.NOT_POSITIVE
        row = HourRow(hour, value, odd=odd)
        step.rows.append(row)
        if len(self._history) < CONTEXT_HOURS:
            return
        detector = RealTimeDetector(self._shared)
        try:
            detector.initialise(np.array(self._history), self._start)
        except DetectorError:  # too little that is a number: wait for another week
            del self._history[:168]
            self._start += 168
            return
        self._detector = detector
        self._is_hourly = self._n_doubled < len(self._history) // 2
        self._history = []

    def _begin_anew(self) -> None:
        self._detector, self._history, self._open = None, [], []
        self._start = self._last = -1
        self._n_doubled, self._is_hourly, self.intervals = 0, True, ()
        self._errors, self._baseline, self._n_noted, self._is_drifting = [], [], 0, False
        self._before = math.nan

    # -- what is kept

    def kept(self) -> tuple[dict[str, Any], bytes]:
        """Facts for JSON, and the detector's own state."""
        drift = self.drift
        facts = {
            "start": self._start, "last": self._last, "doubled": self._n_doubled,
            "open": _texts(self._open), "history": _texts(self._history),
            "hourly": self._is_hourly,
            "intervals": [asdict(one) for one in self.intervals],
            "errors": self._errors, "baseline": self._baseline, "noted": self._n_noted,
            "drifting": self._is_drifting, "drift": asdict(drift) if drift else None,
        }  # fmt: skip
        return facts, self._detector.to_bytes() if self._detector is not None else b""

    @classmethod
    def from_kept(
        cls,
        shared: Shared,
        facts: dict[str, Any],
        data: bytes,
        monitor: PerformanceMonitor | None = None,
    ) -> "WatchedSeries":
        """One that goes on where `kept` was.

        Raises:
            DetectorError: The state is of another model, or damaged.
        """
        found = cls(shared, monitor)
        found._start, found._last = int(facts["start"]), int(facts["last"])
        found._n_doubled, found._is_hourly = int(facts["doubled"]), bool(facts["hourly"])
        found._open = [float(value) for value in facts["open"]]
        found._history = [float(value) for value in facts["history"]]
        found.intervals = tuple(
            LoadInterval(**{**one, "words": tuple(one["words"])}) for one in facts["intervals"]
        )
        found._errors = [_noted(one) for one in facts["errors"]]
        found._baseline = [float(share) for share in facts["baseline"]]
        found._n_noted = int(facts.get("noted", len(found._baseline) + len(found._errors)))
        found._is_drifting = bool(facts["drifting"])
        if data:
            found._detector = RealTimeDetector.from_bytes(shared, data)
        return found


def _noted(kept: Any) -> Noted:
    """As it is kept; states from before this was told had no hour."""
    hour, off, value = (-1, *kept)[-3:]
    return int(hour), float(off), float(value)


def _texts(values: list[float]) -> list[str]:
    """Exact, and NaN is no JSON."""
    return [repr(value) for value in values]
