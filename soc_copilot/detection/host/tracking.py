"""State per file and per stream, moved on event by event: what became of what was there.

One compiled loop makes the features of single events and of whole batches, so that how events
are grouped cannot change them. Tables have a fixed size; what was not seen for longest goes.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host import outcomes
from soc_copilot.detection.host import tables as t
from soc_copilot.detection.host.activity import ActivityColumns, Names
from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.host.features import FADE_S, N_FEATURES
from soc_copilot.detection.host.features import Feature as F  # noqa: N817 - one line for each of its names
from soc_copilot.detection.host.noise import letters, surely_noise, unlike_text, unreadable
from soc_copilot.detection.host.outcomes import Name
from soc_copilot.detection.host.tables import Files, Streams, Twins
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

# chosen: sizes of the tables
N_STREAMS: Final = 16_384
N_FILES: Final = 1 << 17
_TWINS_SHARE: Final = 4  # a place for a name in so many files
_MIN_TWINS: Final = 8

# chosen: spans in seconds
_FAST: Final = 10.0
_SLOW: Final = 1_800.0
_RECREATED_S: Final = 30.0
_NOTED: Final = 2.0  # chosen: weighed files touched from which a note in every folder counts
_BACK_S: Final = 3_600.0  # a clock that goes back further was set; less is late news

# `Operation`, in numbers that compile.
_CREATE: Final = 0
_WRITE: Final = 1
_RENAME: Final = 2
_DELETE: Final = 3
_OTHER: Final = 5

_EPOCH_S: Final = 1e8  # times before 1973 count from a recording's start
_NOON_H: Final = 14.0  # chosen: middle of a working day


def _spans() -> Doubles:
    spans = np.full(t.N_COUNTS, FADE_S)
    spans[[t.EVENTS, t.HARM_FAST]] = _FAST
    spans[t.HARM_SLOW] = _SLOW
    return spans


_SPANS: Final = _spans()


class Rows(NamedTuple):
    """Events as the loop takes them, one row each."""

    slot: npt.NDArray[np.int64]  # row of the stream
    stream: Keys
    actor: Keys
    time: Doubles
    operation: npt.NDArray[np.uint8]
    path: Names
    target: Names
    size: Doubles
    previous_size: Doubles
    entropy: Doubles
    previous_entropy: Doubles
    is_folder: npt.NDArray[np.bool_]
    head_bytes: float  # of a file's content that was sampled


class Event(NamedTuple):
    """One of them, in numbers alone: handing over arrays would cost more than the work."""

    slot: int
    stream: np.uint64
    operation: int
    now: float
    size: float
    previous_size: float
    entropy: float
    previous_entropy: float
    head_bytes: float


class Told(NamedTuple):
    """What one event tells of its file."""

    share: float  # unreadable
    rise: float  # of entropy, bits per byte / 8
    change: float  # of size
    after: float  # closeness of a rename to the last writing
    is_new: bool  # it took an extension not met before


@compiled
def _pass_time(streams: Streams, s: int, time: float) -> tuple[float, float]:
    """Let a stream's counters fade; returns the time that counts, and the pause before it."""
    last = streams.last[s]
    if last - time > _BACK_S:
        last = time  # the clock was set
    pause = 0.0 if np.isnan(last) else max(time - last, 0.0)
    now = time if np.isnan(last) else max(time, last)
    streams.last[s] = now
    for k in range(t.N_COUNTS):
        streams.counts[s, k] *= np.exp(-pause / _SPANS[k])
    streams.counts[s, t.EVENTS] += 1.0
    return now, pause


@compiled
def _file_of(files: Files, streams: Streams, e: Event, name: Name) -> int:
    """The place of the event's file, made for one that was not met."""
    op = e.operation
    key = t.mix(e.stream, name.full)
    f = t.look(files.key, key)
    is_gone = f >= 0 and files.flags[f] & t.GONE != 0
    if f >= 0 and not (is_gone and op != _DELETE):
        return f
    is_back = (
        is_gone
        and op == _CREATE
        and files.flags[f] & t.WAS_THERE != 0
        and files.flags[f] & t.HARMED == 0
        and e.now - files.seen[f] < _RECREATED_S
    )
    parent = t.look(files.key, t.mix(e.stream, name.folder))
    is_fresh = op == _CREATE or (
        parent >= 0
        and files.flags[parent] & t.NEW_FOLDER != 0
        and e.now - files.seen[parent] < outcomes.PASS_S
    )
    there = t.WAS_THERE if is_back or not is_fresh else 0
    if is_back:
        files.flags[f] = there
        outcomes.came_back(streams, name, e.slot)
        return f
    if f < 0:
        f = t.new_file(files, key, e.now, there, name.extension, name.format)
    else:
        t.renew_file(files, f, e.now, there, name.extension, name.format)
    if there:
        t.met(streams, e.slot, name.extension, e.now)
    return f


@compiled
def _take_content(
    files: Files, twins: Twins, streams: Streams, e: Event, name: Name, f: int,
    before_size: float, before_entropy: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Judge a content that was seen; returns unreadable share, rise of entropy, change of size."""
    was_there = files.flags[f] & t.WAS_THERE != 0
    share = unreadable(e.entropy, min(e.size, e.head_bytes))
    sure = surely_noise(e.entropy, min(e.size, e.head_bytes))
    lettered = letters(e.entropy, min(e.size, e.head_bytes))
    odd = unlike_text(e.entropy, min(e.size, e.head_bytes))
    before_share = rise = change = 0.0
    if before_entropy >= 0.0:
        if was_there:
            rise = (e.entropy - before_entropy) / 8.0
        if before_size > 0.0:
            before_share = unreadable(before_entropy, min(before_size, e.head_bytes))
    if before_size > 0.0:
        change = min(max(np.log(e.size / before_size), -1.0), 1.0)
    is_moved = e.operation == _RENAME and was_there
    if not is_moved or files.flags[f] & t.WRITTEN:
        outcomes.judge(
            files, twins, streams, name, f, e.slot, e.stream, share, sure, lettered, odd, e.entropy,
            e.size, before_entropy, before_share, e.now,
        )  # fmt: skip
    files.entropy[f] = e.entropy
    return share, rise, change


@compiled
def _content_before(files: Files, e: Event, f: int, target: Name) -> tuple[float, float]:
    """Size and entropy of what is changed or, by a rename, replaced; NaN when not known."""
    size, entropy = np.nan, np.nan
    if e.operation == _RENAME:
        f = t.look(files.key, t.mix(e.stream, target.full))
    if f >= 0 and not files.flags[f] & t.GONE:
        size, entropy = float(files.size[f]), float(files.entropy[f])
    if e.previous_size >= 0.0:
        size = e.previous_size
    if e.previous_entropy >= 0.0:
        entropy = e.previous_entropy
    return size, entropy


@compiled
def _follow(
    files: Files, twins: Twins, streams: Streams, e: Event, name: Name, target: Name
) -> Told:
    """Move the state of the event's file on."""
    s, op, now = e.slot, e.operation, e.now
    f = _file_of(files, streams, e, name)
    files.seen[f] = now
    was_there = files.flags[f] & t.WAS_THERE != 0
    before_size, before_entropy = _content_before(files, e, f, target)
    share = rise = change = after = 0.0
    is_new = False
    size, entropy = e.size, e.entropy
    if op == _DELETE:
        outcomes.deleted(files, twins, streams, name, f, s, e.stream, now)
    elif op == _RENAME:
        after = 1.0 / (1.0 + max(now - files.written[f], 0.0))
        f, is_new = outcomes.renamed(
            files, streams, name, target, f, s, e.stream, e.previous_size, now,
            files.flags[f] & t.IS_RENAMED != 0,
        )  # fmt: skip
        was_there = files.flags[f] & t.WAS_THERE != 0
        if is_new:
            files.flags[f] |= t.IS_RENAMED
            streams.counts[s, t.RENAMED] += 1.0
            t.add_funnel(streams, s, target.extension, files.extension[f], now)
        size = size if size >= 0.0 else files.size[f]
        entropy = entropy if entropy >= 0.0 else float(files.entropy[f])
        name = target
    if op in (_WRITE, _CREATE, _RENAME) and size >= 0.0:
        if op == _WRITE and was_there and size == 0.0:
            if not files.flags[f] & (t.EMPTIED | t.HARMED):
                outcomes.emptied(files, streams, name, f, s, now)
        elif size > 0.0 and entropy >= 0.0:
            seen = Event(
                s, e.stream, op, now, size, e.previous_size, entropy, e.previous_entropy,
                e.head_bytes,
            )  # fmt: skip
            share, rise, change = _take_content(
                files, twins, streams, seen, name, f, before_size, before_entropy
            )
        files.size[f] = size
    if op == _WRITE:
        files.flags[f] |= t.WRITTEN
        files.written[f] = now
    return Told(share, rise, change, after, is_new)


@compiled
def _fill(
    streams: Streams, s: int, op: int, told: Told, pause: float, now: float, x: Floats
) -> None:  # fmt: skip
    """Write the features that the counters and the event itself give."""
    counts = streams.counts[s]
    x[F.WRITE] = op == _WRITE
    x[F.RENAME] = op == _RENAME
    x[F.DELETE] = op == _DELETE
    x[F.PAUSE] = min(np.log10(1.0 + pause * 1e3) / 6.0, 1.5)
    x[F.RATE] = min(np.log1p(counts[t.EVENTS]) / 8.0, 2.0)
    x[F.UNREADABLE] = told.share
    x[F.ENTROPY_RISE] = told.rise
    x[F.SIZE_CHANGE] = told.change
    x[F.NEW_EXTENSION] = told.is_new
    x[F.EXTENSION_FUNNEL] = np.log2(1.0 + t.widest_funnel(streams, s, now)) / 3.0
    x[F.TAMPERED] = np.log1p(counts[t.TAMPERED])
    x[F.RENAME_AFTER_WRITE] = told.after
    x[F.OVERWRITTEN] = np.log1p(counts[t.OVERWRITTEN])
    x[F.REPLACED] = np.log1p(counts[t.REPLACED])
    x[F.WIPED] = np.log1p(counts[t.WIPED])
    x[F.REWRITTEN] = np.log1p(counts[t.REWRITTEN])
    x[F.RENAMED] = np.log1p(counts[t.RENAMED])
    x[F.DELETED] = np.log1p(counts[t.DELETED])
    x[F.HARM_FAST] = np.log1p(counts[t.HARM_FAST])
    x[F.HARM_SLOW] = np.log1p(counts[t.HARM_SLOW])
    whole = counts[t.HARM] + counts[t.GOOD] + counts[t.KEPT] + counts[t.REWRITTEN]
    x[F.HARM_SHARE] = counts[t.HARM] / (whole + 1.0)
    then = now - t.BREADTH_S
    x[F.REWRITTEN_FORMATS] = np.log1p(t.n_since(streams.rewritten_at[s], then))
    x[F.HARM_FOLDERS] = np.log1p(t.n_since(streams.folders_at[s], then))
    x[F.HARM_EXTENSIONS] = np.log1p(t.n_since(streams.extensions_at[s], then))
    x[F.KEPT] = np.log1p(counts[t.KEPT])
    # A note in every folder says nothing where nothing happens to the files.
    moved = counts[t.HARM] + counts[t.RENAMED] + 0.5 * (counts[t.DELETED] + counts[t.KEPT])
    x[F.NOTES] = np.log1p(t.most_notes(streams, s, now)) * min(moved / _NOTED, 1.0)


@compiled
def _name(n: Names, row: int) -> Name:
    return Name(
        n.full[row], n.folder[row], n.name[row], n.base[row], n.stem[row], n.extension[row],
        n.format[row], n.sensitive[row],
    )  # fmt: skip


@compiled
def _advance(files: Files, twins: Twins, streams: Streams, rows: Rows, out: Floats) -> None:
    """The loop over events."""
    slots, stream_keys, actors, times = rows.slot, rows.stream, rows.actor, rows.time
    operations, paths, targets = rows.operation, rows.path, rows.target
    sizes, previous_sizes = rows.size, rows.previous_size
    entropies, previous_entropies = rows.entropy, rows.previous_entropy
    nothing = Told(0.0, 0.0, 0.0, 0.0, False)
    for row in range(len(times)):
        s, op, stream = slots[row], operations[row], stream_keys[row]
        now, pause = _pass_time(streams, s, times[row])
        if now >= streams.empty_due[s]:
            outcomes.settle(files, streams, s, now)
        name, target = _name(paths, row), _name(targets, row)
        told = nothing
        if rows.is_folder[row]:
            key = t.mix(stream, name.full)
            if op == _CREATE and t.look(files.key, key) < 0:
                t.new_file(files, key, now, t.NEW_FOLDER, np.uint64(0), 0)
        elif op != _OTHER:
            e = Event(
                s, stream, op, now, sizes[row], previous_sizes[row], entropies[row],
                previous_entropies[row], rows.head_bytes,
            )  # fmt: skip
            told = _follow(files, twins, streams, e, name, target)
        x = out[row]
        _fill(streams, s, op, told, pause, now, x)
        x[F.SENSITIVE] = max(paths.sensitive[row], targets.sensitive[row])
        x[F.DEPTH] = min(paths.depth[row] / 16.0, 1.0)
        x[F.NOVELTY] = t.novelty(streams, s, actors[row])
        hour = (now / 3_600.0) % 24.0 if now > _EPOCH_S else _NOON_H
        apart = abs(hour - _NOON_H)
        x[F.HOUR] = min(apart, 24.0 - apart) / 12.0


class Tracker:
    """Keeps the state of many streams and turns events into features.

    Args:
        n_streams: Streams known at a time; the one idle for longest makes room.
        n_files: Files known at a time, a power of two.

    Thread:
        One at a time.
    """

    def __init__(self, n_streams: int = N_STREAMS, n_files: int = N_FILES) -> None:
        self._files = t.empty_files(n_files)
        self._twins = t.empty_twins(max(n_files // _TWINS_SHARE, _MIN_TWINS))
        self._streams = t.empty_streams(n_streams)
        self._slots: dict[int, int] = {}  # in the order of their last use
        self._free = list(range(n_streams - 1, -1, -1))
        self.n_put_away = 0

    def advance(
        self, columns: ActivityColumns, slots: npt.NDArray[np.int64] | None = None
    ) -> Floats:
        """Features of the next events.

        Args:
            columns: Events in the order in which they are known; times may go back.
            slots: What `slots_of` gave for `columns.stream`; asked for when None.

        Returns:
            float32, shape (n_events, 30), ranges as in `FEATURES`; never NaN.
        """
        out = np.zeros((len(columns), N_FEATURES), np.float32)
        if not len(columns):
            return out
        c = columns
        rows = Rows(
            self.slots_of(c.stream) if slots is None else slots, c.stream, c.actor, c.time,
            c.operation, c.path, c.target, c.size, c.previous_size, c.entropy,
            c.previous_entropy, c.is_folder, float(c.head_bytes),
        )  # fmt: skip
        _advance(self._files, self._twins, self._streams, rows, out)
        return out

    def slots_of(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The row of each stream, given out to new ones; at most `n_streams` different keys."""
        different, inverse = np.unique(keys, return_inverse=True)
        rows = np.fromiter((self._slot(int(k)) for k in different), np.int64, len(different))
        found: npt.NDArray[np.int64] = rows[inverse]
        return found

    def clear(self, slots: npt.NDArray[np.int64]) -> None:
        """Forget the streams in these rows; for a caller that gives rows out itself."""
        for column, empty in zip(_columns(self._streams), _columns(_EMPTY_STREAM), strict=True):
            column[slots] = empty[0]

    def adopt(self, keys: Keys, slots: npt.NDArray[np.int64]) -> None:
        """Take over which stream has which row, from a caller that gives rows out itself.

        Args:
            keys: Of all streams that are known, the one idle for longest first.
            slots: Their rows.
        """
        self._slots = dict(zip(keys.tolist(), slots.tolist(), strict=True))
        taken = set(self._slots.values())
        self._free = [row for row in range(self.capacity - 1, -1, -1) if row not in taken]

    @property
    def n_streams(self) -> int:
        """Streams known now."""
        return len(self._slots)

    @property
    def capacity(self) -> int:
        """Streams that can be known at a time."""
        return len(self._streams.last)

    def save(self) -> dict[str, npt.NDArray[np.generic]]:
        """The whole state, by name; arrays are copies."""
        keys = np.array(list(self._slots), np.uint64)
        rows = np.array(list(self._slots.values()), np.int64)
        used = np.flatnonzero(self._files.key)
        twins = np.flatnonzero(self._twins.key)
        saved: dict[str, npt.NDArray[np.generic]] = {
            "stream_keys": keys, "files_at": used, "twins_at": twins,
            "sizes": np.array([len(self._files.key), len(self._twins.key), self.capacity]),
        }  # fmt: skip
        for name, column in zip(Files._fields, _columns(self._files), strict=True):
            saved[f"files.{name}"] = column[used]
        for name, column in zip(Twins._fields, _columns(self._twins), strict=True):
            saved[f"twins.{name}"] = column[twins]
        for name, column in zip(Streams._fields, _columns(self._streams), strict=True):
            saved[f"streams.{name}"] = column[rows]
        return saved

    def load(self, saved: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take up a state that `save` gave, in place of the present one.

        Raises:
            DetectorError: It is none, or one of tables of another size.
        """
        sizes = [len(self._files.key), len(self._twins.key), self.capacity]
        try:
            if saved["sizes"].tolist() != sizes:
                raise DetectorError(
                    f"The state is of tables of the sizes {saved['sizes'].tolist()}, here they "
                    f"are {sizes}. The detector starts without it."
                )
            self.__init__(sizes[2], sizes[0])  # type: ignore[misc]  # all tables anew
            tables: tuple[tuple[npt.NDArray[Any], Files | Twins, str], ...] = (
                (saved["files_at"], self._files, "files"),
                (saved["twins_at"], self._twins, "twins"),
            )
            for at, table, prefix in tables:
                for name, column in zip(table._fields, _columns(table), strict=True):
                    column[at.astype(np.int64)] = saved[f"{prefix}.{name}"]
            keys = [int(key) for key in saved["stream_keys"]]
            rows = np.array([self._slot(key) for key in keys], np.int64)
            for name, column in zip(Streams._fields, _columns(self._streams), strict=True):
                column[rows] = saved[f"streams.{name}"]
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise DetectorError(
                f"The state is damaged ({type(error).__name__}: {error}). The detector starts "
                "without it."
            ) from error

    def _slot(self, key: int) -> int:
        slot = self._slots.pop(key, None)
        if slot is None:
            if not self._free:
                idle = next(iter(self._slots))
                self._free.append(self._slots.pop(idle))
                self.n_put_away += 1
            slot = self._free.pop()
            self.clear(np.array([slot]))
        self._slots[key] = slot
        return slot


def _columns(table: Files | Twins | Streams) -> list[npt.NDArray[Any]]:
    return list(table)


_EMPTY_STREAM: Final = t.empty_streams(1)
