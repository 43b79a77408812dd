"""What the web detector told in the last quarter of an hour, in memory that stays small. No Qt."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.web import WebCount, WebRequest, WebStanding

COLUMN_S: Final = 10  # chosen: 90 points across a plot
N_COLUMNS: Final = 91  # a quarter of an hour, and the column that is not over yet
SPAN_S: Final = (N_COLUMNS - 1) * COLUMN_S
MOST_NAMES: Final = 512  # chosen: addresses, and as many paths, of one column; later ones are lost
MOST_REQUESTS: Final = 500  # chosen: the last ones in full, about 2 MB at worst
REQUESTS: Final = "requests"

Series = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Column:
    """Ten seconds."""

    n_requests: int = 0
    n_threats: int = 0
    classes: "Counter[str]" = field(default_factory=Counter)
    targets: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    attackers: "Counter[tuple[str, str]]" = field(default_factory=Counter)


class WebHistory:
    """Counts by class, path and address, and the last threats. Not thread-safe: GUI thread only."""

    def __init__(self) -> None:
        self._columns: OrderedDict[int, _Column] = OrderedDict()
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
            _add(column.targets, standing.targets)
            _add(column.attackers, standing.attackers)

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
        return tuple(WebCount(name, count, name) for name, count in _ordered(found))

    def targets(self) -> tuple[WebCount, ...]:
        """Threats by path, the most first."""
        return _totals([column.targets for column in self._columns.values()])

    def attackers(self) -> tuple[WebCount, ...]:
        """Threats by address, the most first."""
        return _totals([column.attackers for column in self._columns.values()])

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


def _add(counter: "Counter[tuple[str, str]]", counts: Iterable[WebCount]) -> None:
    for count in counts:
        key = (count.name, count.kind)
        if key in counter or len(counter) < MOST_NAMES:
            counter[key] += count.n_threats


def _ordered(counter: "Counter[str]") -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda one: (-one[1], one[0]))


def _totals(parts: "Iterable[Counter[tuple[str, str]]]") -> tuple[WebCount, ...]:
    sums: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    for part in parts:
        for (name, kind), count in part.items():
            sums[name] += count
            kinds.setdefault(name, Counter())[kind] += count
    return tuple(
        WebCount(name, count, _ordered(kinds[name])[0][0]) for name, count in _ordered(sums)
    )
