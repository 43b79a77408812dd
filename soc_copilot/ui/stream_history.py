"""Scores of streams over the last quarter of an hour, in memory that does not grow. No Qt."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.streams import StreamEvent, StreamScore

COLUMN_S: Final = 5  # chosen: the usual time between two batches
N_COLUMNS: Final = 181  # a quarter of an hour, and the column that is not over yet
SPAN_S: Final = (N_COLUMNS - 1) * COLUMN_S
MOST_STREAMS: Final = 1_024  # chosen: about 1 MB; the one silent for longest makes room
MOST_EVENTS: Final = 20  # chosen: last events of a stream that are kept

Floats = npt.NDArray[np.float32]
StreamKey = tuple[str, str]
"""(detector, stream)."""


@dataclass(slots=True)
class StreamRecord:
    """What is known of a stream.

    Attributes:
        latest: Of its last batch.
        latest_s: When that was stored, seconds since 1970.
        top: The highest of the last quarter of an hour.
        top_s: When that was stored.
        events: Its last events, oldest first.
        n_events: Since the window was opened.
        is_silent: There was no event in the last quarter of an hour.
    """

    latest: StreamScore
    latest_s: float
    top: StreamScore
    top_s: float
    cells: Floats
    events: "deque[StreamEvent]" = field(default_factory=lambda: deque(maxlen=MOST_EVENTS))
    n_events: int = 0
    is_silent: bool = False


class StreamHistory:
    """The highest score of each stream in each of the last `N_COLUMNS` columns.

    A column in which a stream had no event reads as NaN. Not thread-safe: GUI thread only.
    """

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._records: OrderedDict[StreamKey, StreamRecord] = OrderedDict()
        self._head = 0  # the present column, counted from 1970 on
        self.n_put_away = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def head(self) -> int:
        """The present column: seconds since 1970 divided by `COLUMN_S`."""
        return self._head

    def records(self, detector: str) -> dict[str, StreamRecord]:
        """Streams of a detector by name, the one silent for longest first."""
        return {key[1]: record for key, record in self._records.items() if key[0] == detector}

    def cells(self, record: StreamRecord) -> Floats:
        """Highest scores, shape (`N_COLUMNS`,), oldest first; the last one is of `head`."""
        first = (self._head + 1) % N_COLUMNS
        return np.concatenate([record.cells[first:], record.cells[:first]])

    def advance(self, now_s: float) -> None:
        """Move on to a time; what falls out of the quarter of an hour is forgotten."""
        column = int(now_s) // COLUMN_S
        step = column - self._head
        if step <= 0:
            return
        places = np.arange(column - min(step, N_COLUMNS) + 1, column + 1) % N_COLUMNS
        for record in self._records.values():
            record.cells[places] = np.nan
            if now_s - record.top_s >= SPAN_S:
                record.top, record.top_s = record.latest, record.latest_s
                record.is_silent = now_s - record.latest_s >= SPAN_S
        self._head = column

    def take(self, streams: Iterable[StreamScore], stored_s: float) -> None:
        """Note how streams were judged in a batch that was stored at a time."""
        self.advance(stored_s)
        column = int(stored_s) // COLUMN_S
        for judged in streams:
            record = self._record(judged, stored_s)
            record.latest, record.latest_s = judged, max(stored_s, record.latest_s)
            record.n_events += judged.n_events
            record.is_silent = False
            record.events.extend(judged.events)
            if judged.score >= record.top.score or stored_s - record.top_s >= SPAN_S:
                record.top, record.top_s = judged, stored_s
            if column > self._head - N_COLUMNS:
                place = column % N_COLUMNS
                record.cells[place] = np.fmax(record.cells[place], np.float32(judged.score))

    def _record(self, judged: StreamScore, stored_s: float) -> StreamRecord:
        key = judged.detector, judged.stream
        record = self._records.get(key)
        if record is None:
            if len(self._records) >= self._most:
                self._records.popitem(last=False)
                self.n_put_away += 1
            cells = np.full(N_COLUMNS, np.nan, np.float32)
            record = self._records[key] = StreamRecord(judged, stored_s, judged, stored_s, cells)
        self._records.move_to_end(key)
        return record
