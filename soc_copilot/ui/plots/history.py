"""Numbers per second of the last two hours, in arrays that never grow."""

from typing import Final

import numpy as np
import numpy.typing as npt

SPAN_S: Final = 7_200  # chosen: seconds kept; what the brush on the Overview can reach
MAX_SERIES: Final = 128  # chosen: about 3.7 MB; later series are counted, not kept

Series = npt.NDArray[np.float32]


class History:
    """Ring buffers over one clock of whole seconds. Not thread-safe: GUI thread only.

    A second that nobody wrote reads as NaN, which plots draw as a gap.
    """

    def __init__(self, span_s: int = SPAN_S, max_series: int = MAX_SERIES) -> None:
        self._n, self._max = span_s, max_series
        self._head: int | None = None
        self._series: dict[str, Series] = {}
        self.n_refused = 0

    @property
    def head(self) -> int | None:
        """The latest second written or advanced to, None before the first."""
        return self._head

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the series, in the order of their first value."""
        return tuple(self._series)

    def advance(self, second: int) -> None:
        """Move on to a second; everything that falls out of the span is forgotten."""
        if self._head is None:
            self._head = second
            return
        step = second - self._head
        if step <= 0:
            return
        if step >= self._n:
            for ring in self._series.values():
                ring.fill(np.nan)
        else:
            places = np.arange(self._head + 1, second + 1) % self._n
            for ring in self._series.values():
                ring[places] = np.nan
        self._head = second

    def put(self, key: str, second: int, value: float) -> None:
        """Set one second's value; one older than the span is dropped."""
        if (ring := self._ring(key, second)) is not None:
            ring[second % self._n] = value

    def add(self, key: str, second: int, value: float) -> None:
        """Add to one second's value, which counts as 0 when it was a gap."""
        if (ring := self._ring(key, second)) is not None:
            place = second % self._n
            ring[place] = value if np.isnan(ring[place]) else ring[place] + value

    def window(self, key: str, start_s: int, end_s: int) -> tuple[npt.NDArray[np.int64], Series]:
        """The seconds from `start_s` to `end_s`, both included, as far as they are kept.

        Returns:
            Seconds, int64, rising; and values, float32, NaN where nothing was written.
            Both are copies.
        """
        head = self._head
        if head is None or key not in self._series:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        first, last = max(start_s, head - self._n + 1), min(end_s, head)
        seconds = np.arange(first, last + 1, dtype=np.int64)
        return seconds, self._series[key][seconds % self._n]

    def latest(self, key: str, last_s: int) -> Series:
        """The values of the last so many seconds, the present one included."""
        if self._head is None:
            return np.empty(0, np.float32)
        return self.window(key, self._head - last_s + 1, self._head)[1]

    def _ring(self, key: str, second: int) -> Series | None:
        self.advance(second)
        if self._head is None or second <= self._head - self._n:
            return None
        ring = self._series.get(key)
        if ring is None:
            if len(self._series) >= self._max:
                self.n_refused += 1
                return None
            ring = self._series[key] = np.full(self._n, np.nan, np.float32)
        return ring


def reduce_points(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], n_pixels: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """At most two points per pixel: the lowest and the highest of each pixel's share.

    Args:
        x: Rising, shape (n,).
        y: Shape (n,); NaN is passed over within a pixel that has other values.
        n_pixels: Width of the plot.
    """
    n = len(x)
    if n_pixels < 1 or n <= 2 * n_pixels:
        return x, y
    per = -(-n // n_pixels)
    blocks = np.pad(y, (0, -n % per), constant_values=np.nan).reshape(-1, per)
    gaps = np.isnan(blocks)
    low = np.where(gaps, np.inf, blocks).argmin(axis=1)
    high = np.where(gaps, -np.inf, blocks).argmax(axis=1)
    base = np.arange(len(blocks)) * per
    places = np.sort(np.stack([base + low, base + high], axis=1), axis=1).ravel()
    return x[places], y[places]
