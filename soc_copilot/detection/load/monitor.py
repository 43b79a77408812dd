"""How the load detector itself is doing: time per hour, memory against its limit, drift."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.detection.load.forecast import Drift
from soc_copilot.domain.load import Standing

MEMORY_LIMIT_BYTES: Final = 1024**3  # source: the aim of the first of its kind, 1 GB
_KEPT: Final = 10_000  # chosen: hours whose times are in memory, 80 KB
_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Performance:
    """A reading.

    Attributes:
        n_hours: Measured since the start.
        p50_us, p95_us, p99_us: Time per hour over the latest hours; 0 before any.
        hours_per_s: As many hours as go into a second at the mean of those.
        memory_bytes: Of the process now; 0 where the platform does not say.
        memory_limit_bytes: What it should stay under.
        drift: Of the forecast; None before there is a week of errors.
    """

    n_hours: int
    p50_us: float
    p95_us: float
    p99_us: float
    hours_per_s: float
    memory_bytes: int
    memory_limit_bytes: int
    drift: Drift | None = None

    @property
    def is_over_memory(self) -> bool:
        """Whether the process has more memory than it should."""
        return self.memory_bytes > self.memory_limit_bytes

    def standing(self) -> Standing:
        """The same in plain numbers, as it is shown."""
        known = asdict(self.drift) if self.drift is not None else {}
        return Standing(
            p50_us=self.p50_us, p95_us=self.p95_us, p99_us=self.p99_us,
            hours_per_s=self.hours_per_s, memory_bytes=self.memory_bytes,
            memory_limit_bytes=self.memory_limit_bytes, **known,
        )  # fmt: skip


class PerformanceMonitor:
    """Times hours and reads memory; constant room."""

    def __init__(
        self,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
        clock: Callable[[], float] = time.perf_counter,
        memory: Callable[[], int] | None = None,
    ) -> None:
        """Begin with nothing measured.

        Args:
            memory_limit_bytes: What the process should stay under.
            clock: Seconds that only rise.
            memory: Bytes of the process now; asks the system by default.
        """
        self._limit, self._clock = memory_limit_bytes, clock
        self._memory = memory or memory_bytes
        self._times = np.zeros(_KEPT)
        self._n = 0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Time one hour."""
        began = self._clock()
        yield
        self._times[self._n % _KEPT] = self._clock() - began
        self._n += 1

    def latest_us(self, n: int) -> list[int]:
        """Times of the latest hours in whole microseconds, oldest first; for `resume`."""
        kept = min(self._n, n, _KEPT)
        places = np.arange(self._n - kept, self._n) % _KEPT
        return np.rint(self._times[places] * 1e6).astype(np.int64).tolist()  # type: ignore[no-any-return]  # integers

    def resume(self, times_us: Iterable[int]) -> None:
        """Begin with times that were measured before."""
        found = np.array(list(times_us), np.float64)[-_KEPT:] / 1e6
        self._times[: len(found)], self._n = found, len(found)

    def read(self, drift: Drift | None = None) -> Performance:
        """The figures now, over the latest hours."""
        latest = self._times[: min(self._n, _KEPT)]
        if len(latest):
            p50, p95, p99 = (float(v) * 1e6 for v in np.percentile(latest, (50, 95, 99)))
            rate = 1 / max(float(latest.mean()), 1e-9)
        else:
            p50 = p95 = p99 = rate = 0.0
        return Performance(self._n, p50, p95, p99, rate, self._memory(), self._limit, drift)


def memory_bytes() -> int:
    """Memory of this process now; its peak where only that is known; 0 where nothing is."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS
