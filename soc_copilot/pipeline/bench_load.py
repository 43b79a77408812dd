"""How fast the load detector is on this machine, on a series that we make ourselves."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.detector import RealTimeDetector, Shared
from soc_copilot.detection.load.monitor import PerformanceMonitor, memory_bytes
from soc_copilot.detection.load.saved import load
from soc_copilot.domain.paths import bundled

Floats = npt.NDArray[np.float64]

HISTORY_HOURS: Final = 24 * 7 * 60  # chosen: more than a year before the clock starts
MEASURED_HOURS: Final = 8_760
N_SERIES: Final = 100  # source: the aim
TEN_YEARS: Final = 87_660
_START: Final = 280_656  # a Monday's first hour in 2002, hours since 1970
_SERIES_HOURS: Final = 24 * 7 * 4  # chosen: history of each of many series


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What was measured.

    Attributes:
        hours_per_s: One at a time: forecast, evidence, verdict, typical day.
        p50_us, p99_us: Per hour, one at a time.
        batch_hours_per_s: The forecast alone over a history.
        memory_before: Of the process with the model loaded, bytes.
        memory_after: After `memory_hours` more hours of the same series.
        memory_hours: How many those were.
        series: How many series were watched side by side.
        series_bytes: Memory that each of them takes.
    """

    hours_per_s: float
    p50_us: float
    p99_us: float
    batch_hours_per_s: float
    memory_before: int
    memory_after: int
    memory_hours: int
    series: int
    series_bytes: int

    def to_json(self) -> dict[str, float | int]:
        """As a JSON object."""
        return asdict(self)


def made(n_hours: int, seed: int = 0) -> Floats:
    """A series with days, weeks and wandering weather."""
    rng = np.random.default_rng(seed)
    hours = np.arange(n_hours)
    day = 0.2 * np.sin(2 * np.pi * (hours % 24 - 8) / 24)
    week = np.where(hours // 24 % 7 >= 5, -0.1, 0.0)
    weather, moves = np.zeros(n_hours), 0.004 * rng.normal(size=n_hours)
    for at in range(1, n_hours):
        weather[at] = 0.98 * weather[at - 1] + moves[at]
    found: Floats = 1000 * np.exp(day + week + weather)
    return found


def bench_load(
    n_hours: int = MEASURED_HOURS,
    memory_hours: int = TEN_YEARS,
    n_series: int = N_SERIES,
    *,
    model: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> LoadFigures:
    """Measure.

    Args:
        n_hours: Hours that are timed one by one.
        memory_hours: Hours of one series between two looks at the memory.
        n_series: Series watched side by side.
        model: Model folder; the shipped one by default.
        say: Told what is being done.
    """
    shared = Shared(load(model or bundled("models") / "load"))
    say("one hour at a time")
    values = made(HISTORY_HOURS + n_hours)
    detector = RealTimeDetector(shared)
    detector.initialise(values[:HISTORY_HOURS], _START)
    monitor = PerformanceMonitor()
    for value in values[HISTORY_HOURS:]:
        with monitor.measure():
            detector.step(float(value))
    times = monitor.read()
    say("the forecast over a history")
    batch = _batch_rate(shared, values)
    say("memory over years")
    before = memory_bytes()
    for value in np.resize(values[HISTORY_HOURS:], memory_hours):
        detector.step(float(value))
    after = memory_bytes()
    say("many series")
    return LoadFigures(
        times.hours_per_s, times.p50_us, times.p99_us, batch, before, after, memory_hours,
        n_series, _series_bytes(shared, n_series),
    )  # fmt: skip


def _batch_rate(shared: Shared, values: Floats) -> float:
    from time import perf_counter

    from soc_copilot.detection.load.forecast import RollingForecastEngine

    engine = RollingForecastEngine(shared.weights)
    began = perf_counter()
    engine.initialise(values, _START)
    return len(values) / (perf_counter() - began)


def _series_bytes(shared: Shared, n_series: int) -> int:
    before, kept = memory_bytes(), []
    for seed in range(n_series):
        detector = RealTimeDetector(shared)
        detector.initialise(made(_SERIES_HOURS, seed), _START)
        kept.append(detector)
    return (memory_bytes() - before) // max(len(kept), 1)
