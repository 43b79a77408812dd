"""Which row of the tables belongs to which stream; those idle for longest are put away.

A stream that comes to a full table drives out an eighth of all: those used longest ago, by the
order of events. When that happens depends on the events alone and never on their batches.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.domain.errors import DetectorError

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

PUT_AWAY: Final = 8  # chosen: an eighth at a time, so that a flood of streams costs little
_NO_KEY: Final = np.uint64(0)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # standard: 2^64 / golden ratio
_ROOM: Final = 4  # chosen: places per stream in the hash table


class StreamTable:
    """Rows of streams, by the 64-bit hash of their names.

    Args:
        capacity: Streams at a time.

    Attributes:
        keys: Of the stream in each row, 0 in a free one; uint64, shape (capacity,).
        n_put_away: Streams that had to make room so far.

    Thread:
        One at a time.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise DetectorError(f"A table of {capacity} streams has no room. Give at least 1.")
        n_places = 1 << (_ROOM * capacity - 1).bit_length()
        self.keys: Keys = np.zeros(capacity, np.uint64)
        self.n_put_away = 0
        self._places: Keys = np.zeros(n_places, np.uint64)
        self._rows: Rows = np.zeros(n_places, np.int64)
        self._used: Rows = np.full(capacity, -1, np.int64)  # number of a row's latest event
        self._free: Rows = np.arange(capacity - 1, -1, -1, dtype=np.int64)
        self._n_free = np.array([capacity], np.int64)
        self._n_events = 0

    def __len__(self) -> int:
        return self.capacity - int(self._n_free[0])

    @property
    def capacity(self) -> int:
        """Streams that can be known at a time."""
        return len(self.keys)

    def seat(self, keys: Keys) -> tuple[Rows, Rows]:
        """Rows for the first events of a batch, as far as there is room.

        Args:
            keys: Stream of each event, in the order of arrival.

        Returns:
            The row of each of the first events, at least one when there are any; ask again
            for the rest after working these off. And the places among them at which a row was
            given to a stream that was not known: clear whatever is kept there before.
        """
        rows, fresh = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
        n_rows, n_fresh = self._seat(keys, rows, fresh)
        if not n_rows and len(keys):
            self._make_room()
            n_rows, n_fresh = self._seat(keys, rows, fresh)
        self._n_events += n_rows
        return rows[:n_rows], fresh[:n_fresh]

    def find(self, key: int) -> int:
        """The row of a stream, -1 when it is not known."""
        return int(_find(self._places, self._rows, np.uint64(key)))

    def by_use(self) -> Rows:
        """Rows that are taken, the one idle for longest first."""
        taken = np.flatnonzero(self._used >= 0)
        return taken[np.argsort(self._used[taken])]

    def _seat(self, keys: Keys, rows: Rows, fresh: Rows) -> tuple[int, int]:
        n_rows, n_fresh = _seat(
            keys, self._places, self._rows, self.keys, self._used, self._free, self._n_free,
            self._n_events, rows, fresh,
        )  # fmt: skip
        return int(n_rows), int(n_fresh)

    def _make_room(self) -> None:
        n = max(self.capacity // PUT_AWAY, 1)
        idle = self.by_use()[:n]
        self.keys[idle] = _NO_KEY
        self._used[idle] = -1
        self._free[:n] = idle[::-1]
        self._n_free[0] = n
        self.n_put_away += n
        self._places[:] = _NO_KEY
        _fill(self._places, self._rows, self.keys)


@compiled
def _find(places: Keys, rows: Rows, key: np.uint64) -> int:
    at = _place(places, key)
    return rows[at] if places[at] == key else -1


@compiled
def _place(places: Keys, key: np.uint64) -> int:
    """Where a key is, or would be put."""
    mask = np.uint64(len(places) - 1)
    at = (key * _SPREAD) >> np.uint64(20)
    while True:
        place = int(at & mask)
        if places[place] == key or places[place] == _NO_KEY:
            return place
        at += np.uint64(1)


@compiled
def _fill(places: Keys, rows: Rows, keys: Keys) -> None:
    for row in range(len(keys)):
        if keys[row] != _NO_KEY:
            place = _place(places, keys[row])
            places[place] = keys[row]
            rows[place] = row


@compiled
def _seat(
    keys: Keys, places: Keys, table: Rows, owners: Keys, used: Rows, free: Rows, n_free: Rows,
    n_before: int, rows: Rows, fresh: Rows,
) -> tuple[int, int]:  # fmt: skip
    n_fresh = 0
    for i in range(len(keys)):
        key = keys[i] if keys[i] != _NO_KEY else np.uint64(1)
        place = _place(places, key)
        if places[place] == key:
            row = table[place]
        else:
            if n_free[0] == 0:
                return i, n_fresh
            n_free[0] -= 1
            row = free[n_free[0]]
            places[place] = key
            table[place] = row
            owners[row] = key
            fresh[n_fresh] = i
            n_fresh += 1
        used[row] = n_before + i
        rows[i] = row
    return len(keys), n_fresh
