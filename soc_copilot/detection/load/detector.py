"""The detector: what an hour was expected to be, what came, and whether a hand was in it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load import resume
from soc_copilot.detection.load.base import season, week_hour
from soc_copilot.detection.load.benchmark import BenchmarkManager
from soc_copilot.detection.load.course import N_INPUTS, N_KEPT, N_OUTPUTS, joined
from soc_copilot.detection.load.evidence import (
    N_SIGNS,
    N_STARTS,
    NAMES,
    begun,
    gather,
    new_state,
    tables,
)
from soc_copilot.detection.load.features import WEEK
from soc_copilot.detection.load.flags import FIRST, SURE, flags, is_flagged, later
from soc_copilot.detection.load.forecast import RollingForecastEngine, Weights
from soc_copilot.detection.load.intervals import (
    ECHO_HOURS,
    HOLD,
    WINDOW_HOURS,
    Test,
    compare,
    find_intervals,
)
from soc_copilot.detection.load.resume import State
from soc_copilot.detection.load.saved import LoadModel
from soc_copilot.detection.load.templates import Guess, look
from soc_copilot.detection.load.verdict import HourVerdict, severity

Floats = npt.NDArray[np.float64]

_LAGS: Final = np.arange(1, ECHO_HOURS + 1)
_SCALE: Final = NAMES.index("scale")
_WILD: Final = math.log(10.0)  # chosen: a value ten times off is no load but another unit
_WILD_SCALES: Final = 10.0  # chosen: nor is one so many times off what this series ever is
_SETTLED_HOURS: Final = 24  # chosen: so long it must stay on the other level
_SETTLED_SPREAD: Final = 0.5  # chosen: and keep to it within this, in logarithms
_RING: Final = 512  # hours of errors in memory: the detection window
_CONTEXT: Final = 48  # hours that say which typical day it is
_CONTEXT_DAYS: Final = 400  # chosen: days of history that typical days are made of
_BAR_HOURS: Final = 1_000  # chosen: history from which on a series has a threshold of its own
_BAR_SHARE: Final = 0.005  # chosen: of that history's hours that may be flagged
_BAR_STEPS: Final = 20  # of a bisection
_NOISY: Final = 4.0  # chosen: errors so many times those learned from make it another kind
# Chosen: log-odds that may be taken off for it, for a series like those learned from (its
# history may hold attacks) and for another kind.
_BAR_LIMITS: Final = (0.5, 8.0)
_ZERO_SHARE: Final = 0.01  # chosen: of a history's hours that are 0: then 0 is ordinary
_FLOOR_SHARE: Final = 0.05  # chosen: of its usual value that 0 then counts as
# What is kept of a detector beside its arrays.
_FACTS: Final = (
    "n", "since", "quiet", "is_sure", "last_change", "floor", "bar", "offset", "late", "raw",
)  # fmt: skip
_MOST_HOURS: Final = 10**9  # chosen: of a series, more than there are


class Shared:
    """What all series have in common: a model as the loops read it."""

    def __init__(self, model: LoadModel) -> None:
        self.model = model
        self.weights: Weights = model.weights()
        self.answer = model.base.answers(ECHO_HOURS)
        self.evidence = (self.answer, tables(self.answer))
        self.usual = np.ascontiguousarray(model.usual.transpose(1, 2, 0))


class RealTimeDetector:
    """Watches one series: one verdict per hour, a constant amount of work and memory each.

    Thread:
        One at a time.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._engine = RollingForecastEngine(shared.weights)
        self._benchmark: BenchmarkManager | None = None
        self._sums, self._rings = new_state()
        self._signs, self._missed = np.zeros(N_SIGNS), np.zeros(2)
        self._row = np.zeros((1, N_SIGNS), np.float32)
        self._course = np.zeros((3, N_KEPT)), shared.model.course.new_state()
        self._room = np.zeros(N_INPUTS, np.float32), np.zeros(N_OUTPUTS)
        self._n = 0
        self._errors, self._scales = np.zeros(_RING), np.ones(_RING)
        self._changes = np.zeros(_RING)
        self._odds = np.full(_RING, -10.0)
        self._day_errors = np.full(_RING, np.nan)
        self._values = np.full(_CONTEXT, np.nan)  # the latest last
        self._hours = np.zeros(_RING, np.int64)
        self._since, self._quiet, self._is_sure = -1, 0, False
        self._late = self._raw = FIRST  # log-odds: the highest of late, and of the last hour
        self._last_change = -_RING
        self._floor, self._bar = 0.0, 0.0
        self._offset = 0.0
        self._wild: list[float] = []

    @property
    def engine(self) -> RollingForecastEngine:
        """The forecast; read only."""
        return self._engine

    def initialise(self, values: Floats, start: int) -> None:
        """Begin with a history, at least a week of hours; longer is better.

        Args:
            values: One per hour; NaN where there is none.
            start: First hour, since 1970, on the place's clock, at which the hour begins.

        Raises:
            DetectorError: There is too little.
        """
        values = self._floored(np.asarray(values, np.float64))
        self._engine.initialise(values[:WEEK], start)
        odds = []
        for value in values[WEEK:]:
            self.step(float(value))
            odds.append(self._raw)
        if len(odds) >= _BAR_HOURS:
            is_unlike = self._rings[9, 0] > _NOISY
            self._bar = self._own_bar(
                np.array(odds[_BAR_HOURS // 2 :]), _BAR_LIMITS[int(is_unlike)]
            )
        self.set_benchmark(values, start)

    def _own_bar(self, odds: Floats, most: float) -> float:
        """What is taken off all log-odds, so that few hours of the series' history are flagged."""
        threshold = self._shared.model.threshold
        if flags(odds, threshold).mean() <= _BAR_SHARE:
            return 0.0
        low, high = 0.0, most
        for _ in range(_BAR_STEPS):
            middle = (low + high) / 2
            is_over = flags(odds - middle, threshold).mean() > _BAR_SHARE
            low, high = (middle, high) if is_over else (low, middle)
        return high

    def kept(self) -> State:
        """What it remembers, to go on with after a restart."""
        engine = self._engine.kept()
        arrays = {**engine.arrays, **self._arrays(), "wild": np.array(self._wild, np.float64)}
        if self._benchmark is not None:
            arrays |= self._benchmark.arrays()
        return State(arrays, {**engine.facts, **{n: getattr(self, f"_{n}") for n in _FACTS}})

    def to_bytes(self) -> bytes:
        """`kept`, as bytes for `from_bytes`.

        Raises:
            DetectorError: It was given no history yet.
        """
        return resume.pack(self.kept(), self._shared.model.version)

    def save(self, path: Path) -> None:
        """Write `to_bytes` to a file, which appears whole or not at all."""
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_bytes(self.to_bytes())
        temporary.replace(path)

    @classmethod
    def from_bytes(cls, shared: Shared, data: bytes) -> "RealTimeDetector":
        """A detector that goes on where the one of `to_bytes` was.

        Raises:
            DetectorError: The state is damaged, or of another version or model.
        """
        found, state = cls(shared), resume.unpack(data, shared.model.version)
        found._engine.resume(state)
        for name, array in found._arrays().items():
            array[...] = state.array(name, array)
        wild = state.arrays.get("wild", np.zeros(0))
        found._wild = [float(v) for v in wild.ravel()[-_SETTLED_HOURS:]]
        found._n = state.whole("n", 0, _MOST_HOURS)
        found._since = state.whole("since", -1, found._n)
        found._quiet, found._is_sure = (
            state.whole("quiet", 0, HOLD),
            bool(state.facts.get("is_sure")),
        )
        found._last_change = state.whole("last_change", -_RING, found._n)
        found._late, found._raw = state.number("late"), state.number("raw")
        found._floor, found._bar = state.number("floor"), state.number("bar")
        found._offset = state.number("offset")
        found._benchmark = BenchmarkManager.from_arrays(state)
        return found

    @classmethod
    def load(cls, shared: Shared, path: Path) -> "RealTimeDetector":
        """`from_bytes` of a file that `save` wrote.

        Raises:
            DetectorError: It cannot be read, or as for `from_bytes`.
        """
        try:
            with path.open("rb") as file:
                data = file.read(resume.MAX_BYTES + 1)
        except OSError as error:
            raise resume.misfit(f'"{path}" cannot be read ({error.strerror})') from error
        return cls.from_bytes(shared, data)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that changes with an hour, by name."""
        return {
            "sums": self._sums, "rings": self._rings, "errors": self._errors,
            "scales": self._scales, "changes": self._changes, "odds": self._odds,
            "day_errors": self._day_errors, "values": self._values, "hours": self._hours,
            "course_errors": self._course[0], "course_state": self._course[1],
        }  # fmt: skip

    def _floored(self, values: Floats) -> Floats:
        """Where hours of nothing are ordinary, they count as a small value from here on."""
        known = values[np.isfinite(values)]
        if not len(known) or (known == 0).mean() < _ZERO_SHARE or not (known > 0).any():
            return values
        self._floor = _FLOOR_SHARE * float(np.median(known[known > 0]))
        return np.where(values == 0, self._floor, values)

    def set_benchmark(self, values: Floats, start: int) -> None:
        """Find the typical days of a history, where it has any."""
        skipped = max(len(values) - _CONTEXT_DAYS * 24, 0)
        part = np.asarray(values[skipped:], np.float64)
        whole = np.isfinite(part[: len(part) // 24 * 24].reshape(-1, 24)).all(1).sum()
        if whole >= 7:
            self._benchmark = BenchmarkManager()
            self._benchmark.fit(part, start + skipped)

    def step(self, value: float) -> HourVerdict:
        """Judge the next hour, by the hours before it alone."""
        log, event = self._read(value)
        near, scale, _, _ = self._engine.raw()
        here, known = self._n % _RING, log == log
        odds = self._weigh(log, here, known=known)
        is_odd = event in {"not_positive", "jump"}
        is_struck = known and is_flagged(odds, self._late, self._shared.model.threshold)
        self._remember(odds, here, known=known, is_struck=is_struck)
        before = self._echo(here)
        self._follow(is_threat=is_struck, is_sure=is_struck and odds >= SURE)
        near -= self._echo(here) - before  # hours that were only now cleaned
        if self._is_sure and known:
            self._changes[here], self._last_change = log - near, self._n
        verdict = self._say(value, near, scale, event, is_threat=is_odd or is_struck)
        self._engine.observe(log - self._changes[here], log)
        self._values[:-1] = self._values[1:]
        self._values[-1] = value
        self._n += 1
        return verdict

    def _weigh(self, log: float, here: int, *, known: bool) -> float:
        """Log-odds that the hour is under attack, less the series' own bar."""
        foretold = self._engine.as_it_came()
        hour = self._engine.hour + 1
        at = self._hours[here] = week_hour(hour)
        shared, errors = self._shared, self._missed
        for k in range(len(errors)):
            missed = log - foretold[k]
            errors[k] = missed if missed == missed else 0.0
        gather(
            self._n, errors, shared.usual[season(hour), at], known, at, self._engine.around(),
            shared.evidence, (self._sums, self._rings), self._signs,
        )  # fmt: skip
        self._row[0] = self._signs
        trees = float(shared.model.trees.logits(self._row)[0])
        networks = shared.model.course.step(
            errors, known, at, self._engine.days_ahead(), self._signs, self._course, self._room
        )
        self._raw = raw = joined(trees, networks)
        self._errors[here], self._scales[here] = errors[0], math.exp(self._signs[_SCALE])
        self._day_errors[here] = errors[1] if known else np.nan
        self._changes[here] = 0.0
        return raw - self._bar

    def _remember(self, odds: float, here: int, *, known: bool, is_struck: bool) -> None:
        """Keep an hour's log-odds: for the intervals, and as what was of late."""
        least = self._shared.model.threshold if is_struck else SURE
        self._odds[here] = odds - least if known else -1.0
        if known:
            self._late = later(odds, self._late)

    def intervals(self) -> tuple[tuple[int, int], ...]:
        """Intervals under attack within the detection window: first hour and the one behind."""
        n = min(self._n, WINDOW_HOURS)
        order = (self._n - n + np.arange(n)) % _RING
        first = self._engine.hour - n + 1
        return tuple((first + a, first + b) for a, b in find_intervals(self._odds[order]))

    def _read(self, value: float) -> tuple[float, str]:
        """The value's logarithm on the level of the series, and what is odd about it."""
        if not math.isfinite(value):
            return math.nan, "missing"
        if value == 0 and self._floor:
            value = self._floor
        if value <= 0:
            return math.nan, "not_positive"
        log = math.log(value) - self._offset
        away = log - self._engine.raw()[0]
        usual = _WILD_SCALES * self._scales[(self._n - 1) % _RING] if self._n else 0.0
        if abs(away) < max(_WILD, usual):
            self._wild.clear()
            return log, ""
        self._wild.append(away)
        if len(self._wild) < _SETTLED_HOURS:
            return math.nan, "jump"
        last = self._wild[-_SETTLED_HOURS:]
        if max(last) - min(last) > _SETTLED_SPREAD * 2:
            return math.nan, "jump"
        self._offset += float(np.median(last))
        self._wild.clear()
        return math.log(value) - self._offset, "unit_change"

    def _follow(self, *, is_threat: bool, is_sure: bool) -> None:
        """Open, keep or close a suspected attack; clean its hours once there is enough for it."""
        if self._since >= 0 and self._n - self._since >= N_STARTS:
            self._since, self._is_sure = -1, False  # dated anew where it is still flagged
        if is_threat:
            if self._since < 0:
                self._since = self._n - begun(self._n, 2, self._sums)
            if is_sure and not self._is_sure:
                self._is_sure = True
                self._clean_all()
            self._quiet = 0
        elif self._since >= 0:
            self._quiet += 1
            if self._quiet >= HOLD:
                for ago in range(1, self._quiet):  # the hours without a flag are put back
                    self._clean(ago, 0.0)
                self._since, self._quiet, self._is_sure = -1, 0, False

    def _clean_all(self) -> None:
        """Take what a suspected attack put on top out of what the forecast sees."""
        for ago in range(self._n - self._since, 0, -1):
            place = (self._n - ago) % _RING
            self._clean(ago, self._errors[place] + self._echo(place))

    def _clean(self, ago: int, change: float) -> None:
        """Say by how much a past hour was changed, and let the forecast see it without that."""
        place = (self._n - ago) % _RING
        log = self._engine.log_at(ago - 1) + self._changes[place]
        self._engine.replace(ago - 1, log - change)
        self._changes[place], self._last_change = change, self._n

    def _echo(self, here: int) -> float:
        """By how much the changes in its lags would have moved an hour's forecast."""
        if self._n - self._last_change > ECHO_HOURS:
            return 0.0
        lags = (here - _LAGS) % _RING
        return float(self._shared.answer[self._hours[here], 1:] @ self._changes[lags])

    def _say(
        self, value: float, log: float, scale: float, event: str, *, is_threat: bool
    ) -> HourVerdict:
        hour = self._engine.hour + 1
        log += self._offset
        ahead = self._n - self._since if self._is_sure else 0
        wide = self._shared.weights.spreads[0] * scale * math.sqrt(1 + ahead)
        forecast = math.exp(log)
        deviation = value / forecast - 1 if math.isfinite(value) else math.nan
        benchmark = self._typical(hour)
        inside = is_threat and self._since >= 0
        return HourVerdict(
            hour, value, forecast, math.exp(log - wide), math.exp(log + wide), benchmark,
            value / benchmark if benchmark > 0 else math.nan, deviation,
            _chance(self._raw, event),
            severity(deviation, is_threat=is_threat), is_threat, event,
            hour - self._n + self._since if inside else -1, self._guess() if inside else None,
            self._test() if inside else None,
        )  # fmt: skip

    def _typical(self, hour: int) -> float:
        if self._benchmark is None:
            return math.nan
        return self._benchmark.get_benchmark_for_hour(hour, self._values, hour - _CONTEXT)

    def _guess(self) -> Guess:
        seen = look(
            self._n, int(self._hours[self._n % _RING]), self._shared.answer,
            (self._sums, self._rings), self._signs, self._since,
        )  # fmt: skip
        return self._shared.model.templates.guess(seen, self._room[1][1:])

    def _test(self) -> Test | None:
        n = self._n - self._since + 1
        order = (self._since + np.arange(n)) % _RING
        before = min(self._since, _RING - N_STARTS - 1, WINDOW_HOURS)
        earlier = (self._since - before + np.arange(before)) % _RING
        return compare(self._day_errors[order], self._day_errors[earlier])


def _chance(log_odds: float, event: str) -> float:
    return 1.0 if event in {"not_positive", "jump"} else 1 / (1 + math.exp(-log_odds))


def watch(shared: Shared, values: Floats, start: int, context: int) -> Sequence[HourVerdict]:
    """Judge a whole series in one call: the same steps, hour after hour.

    Args:
        shared: The model.
        values: One per hour.
        start: First hour, since 1970, at which the hour begins.
        context: Hours at the beginning that are history: no verdict is given for them.

    Returns:
        One verdict per hour from `context` on.
    """
    detector = RealTimeDetector(shared)
    detector.initialise(values[:context], start)
    return [detector.step(float(value)) for value in values[context:]]
