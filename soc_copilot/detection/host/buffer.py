"""The last events of each stream with their features: a sliding window, filled once per event.

Many streams share a few arrays, a row each; a stream's window is a ring in its row. What goes
in was computed when the event arrived and is never computed again.
"""

import math
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.deeds import Deed, Deeds
from soc_copilot.detection.host.features import N_FEATURES
from soc_copilot.detection.host.formats import key_of
from soc_copilot.detection.host.streams import StreamTable
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
EventRow = tuple[Any, ...]  # of a canonical frame (`reading.SCHEMA`)

WINDOW: Final = 64  # contract: events of a stream that are kept
N_STREAMS: Final = 4_096  # chosen: with full windows some 200 MB
MAX_BYTES: Final = 2 * 1024**2  # contract: of one stream
_TEXT_CHARS: Final = 1_000  # chosen: of each text kept, so that any 64 events stay below MAX_BYTES
_FEW: Final = 512  # chosen: rows up to which Python is faster than Polars, measured
_TEXTS: Final = ("event_id", "stream", "path", "target", "user", "process")


@dataclass(frozen=True, slots=True)
class BufferMetrics:
    """How full a window is.

    Attributes:
        n_events: Held now.
        n_total: Added since the stream is known; those not held have left the window.
        size_bytes: Of the window, texts included.
        oldest_s, newest_s: Since the event was added; NaN in an empty window.
    """

    n_events: int
    n_total: int
    size_bytes: int
    oldest_s: float
    newest_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """A copy of a stream's last events, oldest first.

    Attributes:
        features: float32, shape (n, 30).
        scores: float32, shape (n,).
        deeds: What each of them did.
        weights: float32, as in `Deeds`.
        path_of: Where an event's file was after it, by the event's place.
        event_of: The event itself.
    """

    features: Floats
    scores: Floats
    deeds: npt.NDArray[np.uint8]
    weights: Floats
    path_of: Callable[[int], str]
    event_of: Callable[[int], HostEvent]

    def __len__(self) -> int:
        return len(self.deeds)


class Prepared(NamedTuple):
    """Which of many events stay in windows, by stream and in order of arrival.

    Attributes:
        rows: Of the events.
        streams: Row of each one's stream.
        ranks: Its number among the events of its stream.
        touched: Rows of the streams.
        lengths: Events of each of those.
        events: As tuples.
    """

    rows: Rows
    streams: Rows
    ranks: Rows
    touched: Rows
    lengths: Rows
    events: npt.NDArray[np.object_]


class _Rings:
    """The arrays behind windows."""

    def __init__(self, n_streams: int, size: int) -> None:
        self.size = size
        self.features: Floats = np.zeros((n_streams, size, N_FEATURES), np.float32)
        self.scores: Floats = np.zeros((n_streams, size), np.float32)
        self.deeds = np.zeros((n_streams, size), np.uint8)
        self.weights: Floats = np.zeros((n_streams, size), np.float32)
        self.added: Doubles = np.zeros((n_streams, size))  # monotonic seconds
        self.events = np.empty((n_streams, size), object)
        self.totals: Rows = np.zeros(n_streams, np.int64)

    def add(
        self, stream: int, event: HostEvent, features: Floats, score: float, deed: int,
        weight: float, now_s: float,
    ) -> None:  # fmt: skip
        place = int(self.totals[stream]) % self.size
        self.features[stream, place] = features
        self.scores[stream, place] = score
        self.deeds[stream, place] = deed
        self.weights[stream, place] = weight
        self.added[stream, place] = now_s
        self.events[stream, place] = event
        self.totals[stream] += 1

    def extend(self, ready: "Prepared", features: Floats, scores: Floats, deeds: Deeds,
               now_s: float) -> None:  # fmt: skip
        rows, at = ready.rows, ready.streams
        places = (self.totals[at] + ready.ranks) % self.size
        self.features[at, places] = features[rows]
        self.scores[at, places] = scores[rows]
        self.deeds[at, places] = deeds.kinds[rows]
        self.weights[at, places] = deeds.weights[rows]
        self.added[at, places] = now_s
        self.events[at, places] = ready.events
        self.totals[ready.touched] += ready.lengths

    def clear(self, streams: Rows) -> None:
        self.totals[streams] = 0
        self.events[streams] = None

    def places(self, stream: int, count: int | None) -> Rows:
        """Places of the last events, oldest first."""
        total = int(self.totals[stream])
        held = min(total, self.size)
        n = held if count is None else min(max(count, 0), held)
        return np.arange(total - n, total) % self.size


class StreamBuffer:
    """The window of one stream.

    Thread:
        Any; calls exclude each other.
    """

    def __init__(
        self, size: int = WINDOW, *, clock: Clock = SYSTEM_CLOCK, of: "_Seat | None" = None
    ) -> None:
        """A window of its own.

        Args:
            size: Events that it holds.
            clock: For the age of events.
            of: Where a window among others lies; for `StreamBuffers`.
        """
        if size < 1:
            raise DetectorError(f"A window of {size} events holds nothing. Give at least 1.")
        self._clock = clock
        self._seat = of or _Seat(_Rings(1, size), threading.RLock(), 0, lambda: True)

    @property
    def size(self) -> int:
        """Events that fit in."""
        return self._seat.rings.size

    def add_event(
        self, event: HostEvent, features: Floats, score: float = math.nan,
        deed: Deed = Deed.NONE, weight: float = 0.0,
    ) -> None:  # fmt: skip
        """Put an event in; when the window is full the oldest leaves. Takes constant time.

        Args:
            event: The event; texts are cut to 1,000 characters.
            features: Computed when it arrived, shape (30,); copied.
            score: In [0, 1]; NaN when not known.
            deed: What it did.
            weight: How much, in files.

        Raises:
            DetectorError: The number of features is not 30.
        """
        if np.shape(features) != (N_FEATURES,):
            raise DetectorError(
                f"An event has {N_FEATURES} features; these have the shape {np.shape(features)}."
            )
        seat = self._seat
        with seat.lock:
            if seat.is_taken():
                seat.rings.add(
                    seat.row, bounded(event), features, score, deed, weight,
                    self._clock.monotonic_s(),
                )  # fmt: skip

    def get_sequence(self, length: int | None = None) -> Floats:
        """Features of the last events.

        Args:
            length: How many at most; the whole window by default.

        Returns:
            A copy, float32, shape (n, 30), oldest first.
        """
        with self._seat.lock:
            places = self._places(length)
            found: Floats = self._seat.rings.features[self._seat.row, places]
            return found

    def get_events(self, count: int | None = None) -> list[HostEvent]:
        """The last events, at most `count` of them, oldest first."""
        with self._seat.lock:
            held = self._seat.rings.events[self._seat.row, self._places(count)]
        return [as_event(event) for event in held]

    def is_ready(self, min_events: int = 1) -> bool:
        """True when it holds so many events."""
        with self._seat.lock:
            return len(self._places(None)) >= min_events

    def window(self) -> Window:
        """A copy of what explanations need."""
        seat = self._seat
        with seat.lock:
            places, rings = self._places(None), seat.rings
            events = rings.events[seat.row, places]
            return Window(
                rings.features[seat.row, places],
                rings.scores[seat.row, places],
                rings.deeds[seat.row, places],
                rings.weights[seat.row, places],
                lambda at: path_after(events[at]),
                lambda at: as_event(events[at]),
            )

    def metrics(self) -> BufferMetrics:
        """How full it is, and how old."""
        seat = self._seat
        with seat.lock:
            places, rings = self._places(None), seat.rings
            added = rings.added[seat.row, places]
            events = rings.events[seat.row, places]
            n_total = int(rings.totals[seat.row]) if seat.is_taken() else 0
        now_s = self._clock.monotonic_s()
        ages = (now_s - added[0], now_s - added[-1]) if len(added) else (math.nan, math.nan)
        size = rings.size * _PLACE_BYTES + sum(_size(event) for event in events)
        return BufferMetrics(len(places), n_total, size, float(ages[0]), float(ages[1]))

    def _places(self, count: int | None) -> Rows:
        seat = self._seat
        return seat.rings.places(seat.row, count if seat.is_taken() else 0)


@dataclass(frozen=True, slots=True)
class _Seat:
    """Where a stream's window lies, and whether that row is still its own."""

    rings: _Rings
    lock: AbstractContextManager[Any]
    row: int
    is_taken: Callable[[], bool]


class StreamBuffers:
    """Windows of many streams; those idle for longest are put away.

    Args:
        n_streams: Streams at a time.
        size: Events in each window.
        clock: For the age of events.

    Attributes:
        table: Which row belongs to which stream; other tables may go by it.

    Thread:
        Any; calls exclude each other.
    """

    def __init__(
        self, n_streams: int = N_STREAMS, size: int = WINDOW, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.table = StreamTable(n_streams)
        self._rings = _Rings(n_streams, size)
        self._names: dict[int, str] = {}  # by row
        self._lock = threading.RLock()
        self._clock = clock

    def __len__(self) -> int:
        return len(self.table)

    def add_event(self, event: HostEvent, features: Floats, score: float = math.nan) -> None:
        """Put an event into the window of its stream."""
        with self._lock:
            rows, fresh = self.table.seat(np.array([key_of(event.stream)], np.uint64))
            if len(fresh):
                self.clear(rows, [event.stream])
            self._view(int(rows[0])).add_event(event, features, score)

    def buffer(self, stream: str) -> StreamBuffer | None:
        """The window of a stream, None when it is not known (any more)."""
        with self._lock:
            row = self.table.find(key_of(stream))
            return self._view(row) if row >= 0 else None

    def streams(self) -> list[str]:
        """Names of the streams that are known, the one used last at the end."""
        with self._lock:
            return [self._names.get(row, "") for row in self.table.by_use().tolist()]

    def name(self, row: int) -> str:
        """Of the stream in a row."""
        return self._names.get(row, "")

    def clear(self, rows: Rows, names: Sequence[str]) -> None:
        """Empty windows that now belong to other streams.

        Args:
            rows: As `table.seat` gave them out.
            names: The streams' names.
        """
        with self._lock:
            self._rings.clear(rows)
            self._names.update(zip(rows.tolist(), names, strict=True))

    def push(
        self, row: int, event: HostEvent, features: Floats, score: float, deed: int, weight: float
    ) -> None:
        """Put an event into the window in a row."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            self._rings.add(row, bounded(event), features, score, deed, weight, now_s)

    def prepare(self, rows: Rows, frame: pl.DataFrame) -> "Prepared":
        """Sort out what of many events will stay in windows; changes nothing.

        Args:
            rows: Of each event's stream, shape (n,).
            frame: The events, canonical; only rows that stay in a window are read.
        """
        order = np.argsort(rows, kind="stable")
        sorted_rows = rows[order]
        first = np.flatnonzero(np.diff(sorted_rows, prepend=-1))
        lengths = np.diff(first, append=len(order))
        ranks = np.arange(len(order)) - np.repeat(first, lengths)
        stays = ranks >= np.repeat(lengths, lengths) - self._rings.size
        picked = order[stays]
        events = _event_rows(frame, picked)
        return Prepared(
            picked, sorted_rows[stays], ranks[stays], sorted_rows[first], lengths, events
        )

    def extend(self, ready: "Prepared", features: Floats, scores: Floats, deeds: Deeds) -> None:
        """Put many events into windows.

        Args:
            ready: What `prepare` made of them.
            features: Of all of them, shape (n, 30).
            scores: Shape (n,).
            deeds: What they did.
        """
        with self._lock:
            self._rings.extend(ready, features, scores, deeds, self._clock.monotonic_s())

    def at(self, row: int) -> StreamBuffer:
        """The window in a row."""
        with self._lock:
            return self._view(row)

    def _view(self, row: int) -> StreamBuffer:
        key = self.table.keys[row]
        seat = _Seat(self._rings, self._lock, row, lambda: bool(self.table.keys[row] == key))
        return StreamBuffer(self._rings.size, clock=self._clock, of=seat)


_PLACE_BYTES: Final = 4 * N_FEATURES + 4 + 1 + 4 + 8 + 8


def bounded(event: HostEvent) -> HostEvent:
    """The event, without the ends of far too long texts."""
    if (
        len(event.path) <= _TEXT_CHARS and len(event.target) <= _TEXT_CHARS
        and len(event.event_id) <= _TEXT_CHARS and len(event.stream) <= _TEXT_CHARS
        and len(event.user) <= _TEXT_CHARS and len(event.process) <= _TEXT_CHARS
    ):  # fmt: skip
        return event
    return replace(event, **{name: getattr(event, name)[:_TEXT_CHARS] for name in _TEXTS})


def as_event(held: HostEvent | EventRow) -> HostEvent:
    """An event as it was put in, from either form."""
    if isinstance(held, HostEvent):
        return held
    name, stream, time, operation, path, target, a, b, c, d, is_folder, user, process = held
    return HostEvent(
        name, time, Operation(operation), path, target, a, b, c, d, is_folder, stream, user, process
    )


def path_after(held: HostEvent | EventRow) -> str:
    """Where an event's file was after it."""
    if isinstance(held, HostEvent):
        return held.target or held.path
    return str(held[5] or held[4])


def _event_rows(frame: pl.DataFrame, rows: Rows) -> npt.NDArray[np.object_]:
    is_few = frame.height <= _FEW  # Polars' planner would take longer than the work
    if not is_few and 2 * len(rows) < frame.height:
        frame, rows = frame[rows.astype(np.uint32)], np.arange(len(rows))
    if not is_few:
        longest = frame.select(pl.col(*_TEXTS).str.len_bytes().max()).row(0)
        if max(n or 0 for n in longest) > _TEXT_CHARS:
            frame = frame.with_columns(pl.col(*_TEXTS).str.head(_TEXT_CHARS))
    held = np.empty(frame.height, object)
    # By column: twice as fast as `rows()`.
    held[:] = list(zip(*(column.to_list() for column in frame.iter_columns()), strict=True))
    if is_few:
        for row in rows.tolist():
            if max(len(value) for value in held[row] if isinstance(value, str)) > _TEXT_CHARS:
                held[row] = _cut(held[row])
    return held[rows]


def _cut(row: EventRow) -> EventRow:
    return tuple(value[:_TEXT_CHARS] if isinstance(value, str) else value for value in row)


def _size(held: HostEvent | EventRow) -> int:
    if isinstance(held, HostEvent):
        texts = [getattr(held, name) for name in _TEXTS]
        return sys.getsizeof(held) + 5 * sys.getsizeof(0.0) + sum(map(sys.getsizeof, texts))
    return sys.getsizeof(held) + sum(map(sys.getsizeof, held))
