"""How old the oldest unread byte of a file is, from when the file was seen to grow."""

from collections import deque

UNKNOWN = -1.0  # the oldest unread byte is older than what was watched
_SAMPLES_KEPT = 128  # chosen: a day behind is told to ten minutes, an hour to half a minute


class LagWatch:
    """Remembers at which time a file first reached which size.

    Args:
        size: The file's size when it began to be watched; how old those bytes are is
            not known.
    """

    def __init__(self, size: int) -> None:
        self._old_size = size
        self._grown: deque[tuple[int, float]] = deque()

    def look(self, position: int, size: int, now_s: float) -> None:
        """The file has this size now and is read up to this position."""
        last = self._grown[-1][0] if self._grown else self._old_size
        if size > last:
            self._grown.append((size, now_s))
            if len(self._grown) > _SAMPLES_KEPT:
                self._thin_out()
        while self._grown and self._grown[0][0] <= position:
            self._grown.popleft()

    def age_s(self, position: int, size: int, now_s: float) -> float:
        """Seconds since the first byte after `position` was seen; 0 when there is none."""
        if position >= size:
            return 0.0
        if position < self._old_size or not self._grown:
            return UNKNOWN
        return max(now_s - self._grown[0][1], 0.0)

    def _thin_out(self) -> None:
        # Of two neighbours the earlier time stands for both sizes: never younger than true.
        pairs = list(self._grown)
        self._grown = deque((pairs[n + 1][0], pairs[n][1]) for n in range(0, len(pairs) - 1, 2))
        if len(pairs) % 2:
            self._grown.append(pairs[-1])
