"""What the web detector told in the last quarter of an hour, in memory that stays small. No Qt."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.web import WebCount, WebRequest, WebStanding

COLUMN_S: Final = 10  # chosen: 90 points across a plot
N_COLUMNS: Final = 91  # a quarter of an hour, and the column that is not over yet
SPAN_S: Final = (N_COLUMNS - 1) * COLUMN_S
MOST_IN_COLUMN: Final = 256  # chosen: addresses, and as many paths, of ten seconds
MOST_NAMES: Final = 1_024  # chosen: of a quarter of an hour; summed up in about a millisecond
KEPT_SHARE: Final = 0.75  # chosen: of the names, when there are too many: those with the most
SURE_NAMES: Final = int(MOST_NAMES * KEPT_SHARE)  # as many or more: there may have been others
MOST_REQUESTS: Final = 500  # chosen: the last ones in full, about 2 MB at worst
REQUESTS: Final = "requests"

Series = npt.NDArray[np.float64]


Key = tuple[str, str]
"""(name, class)."""


class _Tally:
    """Threats by name over the columns kept; of too many names those with the most stay."""

    def __init__(self) -> None:
        self._columns: dict[int, dict[Key, int]] = {}
        self._sums: dict[Key, int] = {}

    def add(self, place: int, counts: Iterable[WebCount]) -> None:
        column = self._columns.setdefault(place, {})
        for count in counts:
            key = (count.name, count.kind)
            column[key] = column.get(key, 0) + count.n_threats
            self._sums[key] = self._sums.get(key, 0) + count.n_threats
        if len(column) > MOST_IN_COLUMN:
            self._take_off(_prune(column, MOST_IN_COLUMN))
        if len(self._sums) > MOST_NAMES:
            _prune(self._sums, MOST_NAMES)

    def forget(self, place: int) -> None:
        """A column fell out of the quarter of an hour."""
        self._take_off(self._columns.pop(place, {}))

    def _take_off(self, counts: dict[Key, int]) -> None:
        for key, count in counts.items():
            left = self._sums.get(key, 0) - count
            if left > 0:
                self._sums[key] = left
            else:  # below zero when the sum was dropped meanwhile and began again
                self._sums.pop(key, None)

    def totals(self) -> tuple[WebCount, ...]:
        """By name, the most first, each with the class that it mostly has."""
        sums: dict[str, int] = {}
        most: dict[str, tuple[int, str]] = {}
        for (name, kind), count in self._sums.items():
            sums[name] = sums.get(name, 0) + count
            most[name] = min(most.get(name, (0, "")), (-count, kind))
        ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0]))
        return tuple(WebCount(name, count, most[name][1]) for name, count in ordered)


def _prune(counts: dict[Key, int], most: int) -> dict[Key, int]:
    """Drop the names with the fewest threats; returns what was dropped."""
    ordered = sorted(counts, key=lambda key: -counts[key])
    return {key: counts.pop(key) for key in ordered[int(most * KEPT_SHARE) :]}


@dataclass(slots=True)
class _Column:
    """Ten seconds."""

    n_requests: int = 0
    n_threats: int = 0
    classes: "Counter[str]" = field(default_factory=Counter)


class WebHistory:
    """Counts by class, path and address, and the last threats. Not thread-safe: GUI thread only."""

    def __init__(self) -> None:
        self._columns: dict[int, _Column] = {}
        self._targets, self._attackers = _Tally(), _Tally()
        self._requests: deque[WebRequest] = deque(maxlen=MOST_REQUESTS)
        self._head = 0
        self.since_s: float | None = None  # when the first request was told of
        self.n_told = 0  # grows with every batch: what is shown may be out of date

    @property
    def head(self) -> int:
        """The present column: seconds since 1970 divided by `COLUMN_S`."""
        return self._head

    @property
    def n_requests(self) -> int:
        """Scored in the last quarter of an hour."""
        return sum(column.n_requests for column in self._columns.values())

    @property
    def n_threats(self) -> int:
        """Of these, that reached the threshold."""
        return sum(column.n_threats for column in self._columns.values())

    def advance(self, now_s: float) -> None:
        """Move on to a time; what falls out of the quarter of an hour is forgotten."""
        head = int(now_s) // COLUMN_S
        if head <= self._head:
            return
        self._head = head
        for old in [one for one in self._columns if one <= head - N_COLUMNS]:
            del self._columns[old]
            self._targets.forget(old)
            self._attackers.forget(old)

    def take(self, standings: Iterable[WebStanding], stored_s: float) -> None:
        """Note what was told of a batch that was stored at a time."""
        self.advance(stored_s)
        place = int(stored_s) // COLUMN_S
        for standing in standings:
            self.n_told += 1
            self.since_s = stored_s if self.since_s is None else self.since_s
            self._requests.extend(sorted(standing.requests, key=lambda one: one.at))
            if place <= self._head - N_COLUMNS:
                continue
            column = self._columns.setdefault(place, _Column())
            column.n_requests += standing.n_requests
            column.n_threats += standing.n_threats
            for count in standing.classes:
                column.classes[count.name] += count.n_threats
            self._targets.add(place, standing.targets)
            self._attackers.add(place, standing.attackers)

    def series(self, kinds: Iterable[str] | None = None) -> tuple[Series, Series]:
        """Time and number of each column since the first request, oldest first.

        Args:
            kinds: Threats of these classes together; all requests when None.

        Returns:
            Seconds since 1970 and counts, float64, at most `N_COLUMNS` of each.
        """
        first = self._head - N_COLUMNS + 1
        if self.since_s is not None:
            first = max(first, int(self.since_s) // COLUMN_S)
        places = range(first, self._head + 1)
        wanted = None if kinds is None else frozenset(kinds)
        counts = [self._count(place, wanted) for place in places]
        seconds = np.array(places, np.float64) * COLUMN_S
        return seconds, np.array(counts, np.float64)

    def classes(self) -> tuple[WebCount, ...]:
        """Threats by class, the most first."""
        found: Counter[str] = Counter()
        for column in self._columns.values():
            found.update(column.classes)
        ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
        return tuple(WebCount(name, count, name) for name, count in ordered)

    def targets(self) -> tuple[WebCount, ...]:
        """Threats by path, the most first."""
        return self._targets.totals()

    def attackers(self) -> tuple[WebCount, ...]:
        """Threats by address, the most first."""
        return self._attackers.totals()

    def requests(self, *, attacker: str = "", target: str = "") -> tuple[WebRequest, ...]:
        """The last threats told in full, newest first; of a selection where one is given."""
        return tuple(
            one
            for one in reversed(self._requests)
            if (not attacker or one.address == attacker) and (not target or one.path == target)
        )

    def _count(self, place: int, kinds: frozenset[str] | None) -> int:
        column = self._columns.get(place)
        if column is None:
            return 0
        if kinds is None:
            return column.n_requests
        return sum(count for name, count in column.classes.items() if name in kinds)
