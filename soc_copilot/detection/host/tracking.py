"""State per file and per stream, moved on event by event: what became of what was there.

One compiled loop makes the features of single events and of whole batches, so that how events
are grouped cannot change them. Tables have a fixed size; what was not seen for longest goes.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.activity import ActivityColumns, Names
from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.host.features import N_FEATURES
from soc_copilot.detection.host.features import Feature as F
from soc_copilot.detection.host.formats import Format
from soc_copilot.detection.host.noise import unreadable
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

# chosen: sizes of the tables
N_STREAMS: Final = 16_384
N_FILES: Final = 1 << 17
N_TWINS: Final = 1 << 15
_WAYS: Final = 8  # places a key may take
_FOLDERS: Final = 32  # with harm, remembered per stream
_EXTENSIONS: Final = 32
_KNOWN: Final = 48  # extensions met, per stream
_FUNNELS: Final = 4  # new extensions followed, per stream
_MOUTH: Final = 8  # old extensions counted for each of them
_NOTES: Final = 8  # names of small new files followed, per stream
_ACTORS: Final = 16

# chosen: spans in seconds
_FAST: Final = 10.0
_MIDDLE: Final = 120.0
_SLOW: Final = 1_800.0
_BREADTH_S: Final = 600.0  # folders, formats, notes and funnels are remembered so long
_TWIN_S: Final = 900.0  # between an unreadable file and the end of the one it has its name from
_GHOST_S: Final = 60.0  # between the end of a file and an unreadable one of its name
_RECREATED_S: Final = 30.0
_BACK_S: Final = 3_600.0  # a clock that goes back further was set; less is late news

_MIN_TOLD: Final = 0.2  # unreadable share from which a content counts as changed to noise
_ZEROED_BITS: Final = 0.2  # bits per byte: one value throughout, but for a few bytes
_ZEROED_BYTES: Final = 256
_NOTE_BYTES: Final = (64.0, 65_536.0)
_PASS_S: Final = 60.0  # chosen: writing and deleting within it is wiping

# Counters of a stream; the place of each in `Streams.counts`.
EVENTS: Final = 0
OVERWRITTEN: Final = 1
REPLACED: Final = 2
WIPED: Final = 3
REWRITTEN: Final = 4
RENAMED: Final = 5
DELETED: Final = 6
HARM_FAST: Final = 7
HARM_SLOW: Final = 8
GOOD: Final = 9
KEPT: Final = 10
HARM: Final = 11
N_COUNTS: Final = 12
_IS_FAST: Final = (EVENTS, HARM_FAST)
_IS_SLOW: Final = (HARM_SLOW,)

# Flags of a file.
_WAS_THERE: Final = 1
_GONE: Final = 2
_HARMED: Final = 4
_NOISE: Final = 8  # a new file that is unreadable, counted
_GOOD: Final = 16  # counted as readable work
_NEW_FOLDER: Final = 32
_WRITTEN: Final = 64
_EMPTIED: Final = 128
_REWRITTEN: Final = 256
_RENAMED: Final = 512

_UNKNOWN: Final = int(Format.UNKNOWN)
_RENAME: Final = 2
_DELETE: Final = 3
_CREATE: Final = 0
_WRITE: Final = 1
_OTHER: Final = 5

# How much the loss of a file weighs that becomes noise, by what its name promised: chosen so that
# formats which are close to noise by themselves say little.
_LOSS: Final = np.array([0.7, 0.7, 1.0, 0.9, 0.8, 0.5, 0.2, 0.1, 0.2])
# How much a copy says by its own extension: known packers and tools of the owner say less.
_COPY: Final = np.array([1.0, 1.0, 0.9, 0.6, 0.5, 0.6, 0.25, 0.5, 0.5])
_PROMISES: Final = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])


class Files(NamedTuple):
    """What is known of files, by hash of stream and path."""

    key: Keys
    seen: Doubles
    flags: npt.NDArray[np.int32]
    size: Doubles
    entropy: Floats
    written: Doubles  # when last
    extension: Keys  # when first met
    format: npt.NDArray[np.uint8]


class Twins(NamedTuple):
    """Unreadable new files, by the names they may have taken, and files that went."""

    key: Keys
    at: Doubles
    share: Floats  # unreadable share of the copy; for one that went, the weight of its loss
    extension: Keys
    format: npt.NDArray[np.uint8]


class Streams(NamedTuple):
    """What is known of streams, a row each."""

    last: Doubles
    n_events: npt.NDArray[np.int64]
    counts: Doubles  # (n, N_COUNTS)
    folders: Keys
    folders_at: Doubles
    extensions: Keys
    extensions_at: Doubles
    known: Keys
    known_at: Doubles
    funnels: Keys
    funnels_at: Doubles
    mouths: Keys  # (n, _FUNNELS, _MOUTH)
    notes: Keys  # (n, _NOTES): name and size
    notes_at: Doubles
    note_folders: Keys  # (n, _NOTES): the last folder
    note_counts: npt.NDArray[np.int32]
    actors: Keys
    actor_counts: npt.NDArray[np.int32]


def _files(n: int) -> Files:
    return Files(
        np.zeros(n, np.uint64), np.full(n, -np.inf), np.zeros(n, np.int32), np.full(n, np.nan),
        np.full(n, np.nan, np.float32), np.full(n, -np.inf), np.zeros(n, np.uint64),
        np.zeros(n, np.uint8),
    )  # fmt: skip


def _twins(n: int) -> Twins:
    return Twins(
        np.zeros(n, np.uint64), np.full(n, -np.inf), np.zeros(n, np.float32),
        np.zeros(n, np.uint64), np.zeros(n, np.uint8),
    )  # fmt: skip


def _streams(n: int) -> Streams:
    def keys(*more: int) -> Keys:
        return np.zeros((n, *more), np.uint64)

    def times(k: int) -> Doubles:
        return np.full((n, k), -np.inf)

    return Streams(
        np.full(n, np.nan), np.zeros(n, np.int64), np.zeros((n, N_COUNTS)),
        keys(_FOLDERS), times(_FOLDERS), keys(_EXTENSIONS), times(_EXTENSIONS),
        keys(_KNOWN), times(_KNOWN), keys(_FUNNELS), times(_FUNNELS), keys(_FUNNELS, _MOUTH),
        keys(_NOTES), times(_NOTES), keys(_NOTES), np.zeros((n, _NOTES), np.int32),
        keys(_ACTORS), np.zeros((n, _ACTORS), np.int32),
    )  # fmt: skip


def _faded() -> Doubles:
    spans = np.full(N_COUNTS, _MIDDLE)
    spans[list(_IS_FAST)] = _FAST
    spans[list(_IS_SLOW)] = _SLOW
    return spans


_SPANS: Final = _faded()


@compiled
def _mix(key: np.uint64, more: np.uint64) -> np.uint64:
    """One well spread key of two; never 0."""
    h = key ^ (more * np.uint64(0x9E3779B97F4A7C15))
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h if h != np.uint64(0) else np.uint64(1)


@compiled
def _look(keys: Keys, key: np.uint64) -> int:
    """Place of a key in a table, -1 when it is not there."""
    bucket = int(key & np.uint64(len(keys) - 1)) & ~(_WAYS - 1)
    for i in range(bucket, bucket + _WAYS):
        if keys[i] == key:
            return i
    return -1


@compiled
def _place(keys: Keys, at: Doubles, key: np.uint64) -> int:
    """A place for a key that is not there: a free one, or the one not seen for longest."""
    bucket = int(key & np.uint64(len(keys) - 1)) & ~(_WAYS - 1)
    oldest = bucket
    for i in range(bucket, bucket + _WAYS):
        if keys[i] == np.uint64(0):
            return i
        if at[i] < at[oldest]:
            oldest = i
    return oldest


@compiled
def _remember(keys: Keys, at: Doubles, key: np.uint64, now: float) -> bool:
    """Note a key in a short list; True when it was not there."""
    oldest = 0
    for i in range(len(keys)):
        if keys[i] == key:
            at[i] = now
            return False
        if at[i] < at[oldest]:
            oldest = i
    keys[oldest] = key
    at[oldest] = now
    return True


@compiled
def _since(at: Doubles, then: float) -> int:
    n = 0
    for i in range(len(at)):
        n += at[i] >= then
    return n


@compiled
def _new_file(
    files: Files, key: np.uint64, now: float, flags: int, ext: np.uint64, form: int
) -> int:
    i = _place(files.key, files.seen, key)
    files.key[i] = key
    files.seen[i] = now
    files.flags[i] = flags
    files.size[i] = np.nan
    files.entropy[i] = np.nan
    files.written[i] = -np.inf
    files.extension[i] = ext
    files.format[i] = form
    return i


@compiled
def _put_twin(
    twins: Twins, key: np.uint64, now: float, share: float, ext: np.uint64, form: int
) -> None:
    i = _look(twins.key, key)
    if i < 0:
        i = _place(twins.key, twins.at, key)
    twins.key[i] = key
    twins.at[i] = now
    twins.share[i] = share
    twins.extension[i] = ext
    twins.format[i] = form


@compiled
def _add_harm(
    streams: Streams, s: int, kind: int, weight: float, folder: np.uint64, ext: np.uint64,
    now: float,
) -> None:  # fmt: skip
    streams.counts[s, kind] += weight
    streams.counts[s, HARM] += weight
    streams.counts[s, HARM_FAST] += weight
    streams.counts[s, HARM_SLOW] += weight
    if weight >= _MIN_TOLD:
        _remember(streams.folders[s], streams.folders_at[s], folder, now)
        _remember(streams.extensions[s], streams.extensions_at[s], ext, now)


@compiled
def _add_funnel(streams: Streams, s: int, new: np.uint64, old: np.uint64, now: float) -> None:
    """A file of one extension took another."""
    found = -1
    for i in range(_FUNNELS):
        if streams.funnels[s, i] == new:
            found = i
    if found < 0:
        found = int(np.argmin(streams.funnels_at[s]))
        streams.funnels[s, found] = new
        for j in range(_MOUTH):
            streams.mouths[s, found, j] = np.uint64(0)
    streams.funnels_at[s, found] = now
    old = old if old != np.uint64(0) else np.uint64(1)
    for j in range(_MOUTH):
        if streams.mouths[s, found, j] == old:
            return
        if streams.mouths[s, found, j] == np.uint64(0):
            streams.mouths[s, found, j] = old
            return


@compiled
def _widest(streams: Streams, s: int, now: float) -> int:
    """Most extensions that became one."""
    most = 0
    for i in range(_FUNNELS):
        if streams.funnels_at[s, i] >= now - _BREADTH_S:
            n = 0
            for j in range(_MOUTH):
                n += streams.mouths[s, i, j] != np.uint64(0)
            most = max(most, n)
    return most


@compiled
def _add_note(
    streams: Streams, s: int, name: np.uint64, size: float, folder: np.uint64, now: float
) -> None:
    """A small new file was dropped."""
    key = _mix(name, np.uint64(size))
    for i in range(_NOTES):
        if streams.notes[s, i] == key and streams.notes_at[s, i] >= now - _BREADTH_S:
            if streams.note_folders[s, i] != folder:
                streams.note_counts[s, i] += 1
                streams.note_folders[s, i] = folder
            streams.notes_at[s, i] = now
            return
    i = int(np.argmin(streams.notes_at[s]))
    streams.notes[s, i] = key
    streams.notes_at[s, i] = now
    streams.note_folders[s, i] = folder
    streams.note_counts[s, i] = 1


@compiled
def _most_notes(streams: Streams, s: int, now: float) -> int:
    most = 0
    for i in range(_NOTES):
        if streams.notes_at[s, i] >= now - _BREADTH_S:
            most = max(most, streams.note_counts[s, i])
    return most


@compiled
def _novelty(streams: Streams, s: int, actor: np.uint64) -> float:
    if actor == np.uint64(0):
        return 0.0
    rarest = 0
    for i in range(_ACTORS):
        if streams.actors[s, i] == actor:
            streams.actor_counts[s, i] += 1
            return 1.0 / streams.actor_counts[s, i]
        if streams.actor_counts[s, i] < streams.actor_counts[s, rarest]:
            rarest = i
    streams.actors[s, rarest] = actor
    streams.actor_counts[s, rarest] = 1
    return 1.0


@compiled
def _met(streams: Streams, s: int, ext: np.uint64, now: float) -> None:
    if ext != np.uint64(0):
        _remember(streams.known[s], streams.known_at[s], ext, now)


@compiled
def _is_known(streams: Streams, s: int, ext: np.uint64) -> bool:
    for i in range(_KNOWN):
        if streams.known[s, i] == ext:
            return True
    return False


@compiled
def _went_before(
    twins: Twins, stream: np.uint64, base: np.uint64, stem: np.uint64, now: float
) -> int:
    """Place of a file that went shortly before and has this name; -1 when there is none."""
    for name in (base, stem):
        i = _look(twins.key, _mix(stream ^ np.uint64(0x6705), name))
        if i >= 0 and now - twins.at[i] <= _GHOST_S and twins.share[i] > 0.0:
            return i
    return -1


@compiled
def _judge(
    files: Files, twins: Twins, streams: Streams, names: Names, row: int, f: int, s: int,
    stream: np.uint64, share: float, entropy: float, size: float, before: float,
    before_share: float, now: float,
) -> float:  # fmt: skip
    """What a content that was just seen means for its file; returns the harm it adds."""
    flags = files.flags[f]
    form = files.format[f]
    folder = names.folder[row]
    if flags & _WAS_THERE:
        if flags & _HARMED:
            return 0.0
        is_zeroed = entropy < _ZEROED_BITS and size >= _ZEROED_BYTES and not (before < 1.0)
        if share > _MIN_TOLD or is_zeroed:
            weight = _LOSS[form] * share * (1.0 - 0.7 * before_share) if not is_zeroed else 0.6
            kind = OVERWRITTEN if not is_zeroed else WIPED
            if flags & _EMPTIED:  # what was said of its emptying is said again by its new content
                streams.counts[s, WIPED] = max(streams.counts[s, WIPED] - 0.3, 0.0)
            files.flags[f] = (flags | _HARMED) & ~_EMPTIED
            _add_harm(streams, s, kind, weight, folder, files.extension[f], now)
            if flags & _RENAMED:
                _add_funnel(streams, s, names.extension[row], files.extension[f], now)
            return float(weight)
        if not flags & _REWRITTEN and size > 0.0:
            files.flags[f] = (flags | _REWRITTEN) & ~_EMPTIED
            streams.counts[s, REWRITTEN] += 1.0
            if flags & _EMPTIED:
                streams.counts[s, WIPED] = max(streams.counts[s, WIPED] - 0.3, 0.0)
        return 0.0
    if flags & _HARMED:
        return 0.0
    if share > _MIN_TOLD:
        return _judge_noise(files, twins, streams, names, row, f, s, stream, share, now)
    if not flags & _GOOD and size > 0.0:
        files.flags[f] = flags | _GOOD
        streams.counts[s, GOOD] += 1.0
        if _NOTE_BYTES[0] <= size <= _NOTE_BYTES[1]:
            _add_note(streams, s, names.name[row], size, folder, now)
    return 0.0


@compiled
def _judge_noise(
    files: Files, twins: Twins, streams: Streams, names: Names, row: int, f: int, s: int,
    stream: np.uint64, share: float, now: float,
) -> float:  # fmt: skip
    """A new file is unreadable: is it the copy of one that went, or may it become one?"""
    form = names.format[row]
    ghost = _went_before(twins, stream, names.base[row], names.stem[row], now)
    if ghost >= 0:
        weight = share * _COPY[form] * twins.share[ghost]
        files.flags[f] |= _HARMED
        twins.share[ghost] = 0.0
        streams.counts[s, DELETED] = max(streams.counts[s, DELETED] - 1.0, 0.0)
        _add_harm(streams, s, REPLACED, weight, names.folder[row], twins.extension[ghost], now)
        if form <= _UNKNOWN:
            _add_funnel(streams, s, names.extension[row], twins.extension[ghost], now)
        return float(weight)
    for name in (names.base[row], names.stem[row]):
        _put_twin(twins, _mix(stream, name), now, share, names.extension[row], form)
    if not files.flags[f] & _NOISE:
        files.flags[f] |= _NOISE
        streams.counts[s, KEPT] += share
    return 0.0


@compiled
def _deleted(
    files: Files, twins: Twins, streams: Streams, names: Names, row: int, f: int, s: int,
    stream: np.uint64, now: float,
) -> float:  # fmt: skip
    """A file went; returns the harm it adds."""
    flags = files.flags[f]
    files.flags[f] = flags | _GONE
    if not flags & _WAS_THERE or flags & _HARMED:
        return 0.0
    form = files.format[f]
    for name in (names.full[row], names.stem[row]):
        i = _look(twins.key, _mix(stream, name))
        if i < 0 or now - twins.at[i] > _TWIN_S or twins.share[i] <= 0.0:
            continue
        if twins.extension[i] == names.extension[row]:
            continue  # the file's own name: it is no copy
        copy = twins.format[i]
        weight = float(twins.share[i] * _COPY[copy] * max(_LOSS[form], 0.5))
        files.flags[f] |= _HARMED
        streams.counts[s, KEPT] = max(streams.counts[s, KEPT] - twins.share[i], 0.0)
        if copy <= _UNKNOWN:
            _add_funnel(streams, s, twins.extension[i], files.extension[f], now)
        _add_harm(streams, s, REPLACED, weight, names.folder[row], files.extension[f], now)
        return weight
    if flags & (_WRITTEN | _EMPTIED) and now - files.written[f] <= _PASS_S:
        files.flags[f] |= _HARMED
        _add_harm(streams, s, WIPED, 0.5, names.folder[row], files.extension[f], now)
        return 0.5
    streams.counts[s, DELETED] += 1.0
    loss = max(_LOSS[form], 0.5)
    _put_twin(twins, _mix(stream ^ np.uint64(0x6705), names.full[row]), now, loss,
              files.extension[f], form)  # fmt: skip
    _put_twin(twins, _mix(stream ^ np.uint64(0x6705), names.stem[row]), now, loss,
              files.extension[f], form)  # fmt: skip
    return 0.0


@compiled
def _renamed(
    files: Files, streams: Streams, path: Names, target: Names, row: int, f: int, s: int,
    stream: np.uint64, replaced_size: float, now: float, is_told: bool,
) -> tuple[int, bool]:  # fmt: skip
    """A file moved; returns its new place, and whether it took an extension new to the stream."""
    key = _mix(stream, target.full[row])
    over = _look(files.key, key)
    flags, ext, form = files.flags[f], files.extension[f], files.format[f]
    size, entropy, written = files.size[f], files.entropy[f], files.written[f]
    files.flags[f] = _GONE
    new_ext, new_form = target.extension[row], target.format[row]
    is_over = replaced_size >= 0.0
    over_size, over_entropy = replaced_size, np.float32(np.nan)
    if over >= 0 and not files.flags[over] & _GONE and files.flags[over] & _WAS_THERE:
        is_over = True
        over_size = files.size[over] if np.isnan(over_size) else over_size
        over_entropy = files.entropy[over]
    if not flags & _WAS_THERE and is_over:  # written to the side, put in another's place
        flags = (flags | _WAS_THERE) & ~(_NOISE | _GOOD)
        ext, form = new_ext, new_form
    elif not flags & _WAS_THERE:
        ext, form = new_ext, new_form
    if over < 0:
        over = _new_file(files, key, now, flags, ext, form)
    files.flags[over] = flags & ~_GONE
    files.seen[over] = now
    files.size[over], files.entropy[over], files.written[over] = size, entropy, written
    files.extension[over], files.format[over] = ext, form
    if not flags & _WAS_THERE or is_told:
        return over, False
    is_new = new_ext != ext and (new_form == _UNKNOWN) and not _is_known(streams, s, new_ext)
    return over, is_new


@compiled
def _copy_names(names: Names, row: int, source: Names, at: int) -> None:
    names.full[row], names.folder[row] = source.full[at], source.folder[at]
    names.name[row], names.base[row] = source.name[at], source.base[at]
    names.stem[row], names.extension[row] = source.stem[at], source.extension[at]
    names.format[row], names.depth[row] = source.format[at], source.depth[at]
    names.sensitive[row] = source.sensitive[at]


@compiled
def _advance(
    files: Files, twins: Twins, streams: Streams, slots: npt.NDArray[np.int64],
    time: Doubles, operation: npt.NDArray[np.uint8], path: Names, target: Names, size: Doubles,
    previous_size: Doubles, entropy: Doubles, previous_entropy: Doubles,
    is_folder: npt.NDArray[np.bool_], stream_keys: Keys, actor: Keys, head: float,
    spans: Doubles, out: Floats,
) -> None:  # fmt: skip
    """The loop over events."""
    for row in range(len(time)):
        s, stream, op = slots[row], stream_keys[row], operation[row]
        last = streams.last[s]
        now = time[row]
        if last - now > _BACK_S:
            last = now  # the clock was set
        pause = 0.0 if np.isnan(last) else max(now - last, 0.0)
        now = now if np.isnan(last) else max(now, last)
        streams.last[s] = now
        streams.n_events[s] += 1
        for k in range(N_COUNTS):
            streams.counts[s, k] *= np.exp(-pause / spans[k])
        streams.counts[s, EVENTS] += 1.0
        names = target if op == _RENAME else path
        x = out[row]
        share = rise = change = mismatch = after = 0.0
        is_new = False
        was_there = False
        if op == _OTHER or is_folder[row]:
            key = _mix(stream, names.full[row])
            if is_folder[row] and op == _CREATE and _look(files.key, key) < 0:
                _new_file(files, key, now, _NEW_FOLDER, np.uint64(0), 0)
        else:
            key = _mix(stream, path.full[row])
            f = _look(files.key, key)
            if f >= 0 and files.flags[f] & _GONE and op != _CREATE:
                f = -1 if op != _DELETE else f
            if f < 0 or (op == _CREATE and files.flags[f] & _GONE):
                is_back = (
                    f >= 0
                    and files.flags[f] & _WAS_THERE
                    and not files.flags[f] & _HARMED
                    and now - files.seen[f] < _RECREATED_S
                )
                parent = _look(files.key, _mix(stream, path.folder[row]))
                is_fresh = op == _CREATE or (
                    parent >= 0
                    and files.flags[parent] & _NEW_FOLDER
                    and now - files.seen[parent] < _PASS_S
                )
                there = _WAS_THERE if is_back or not is_fresh else 0
                if f >= 0:
                    files.flags[f] = there
                    files.seen[f] = now
                else:
                    f = _new_file(files, key, now, there, path.extension[row], path.format[row])
                    if there:
                        _met(streams, s, path.extension[row], now)
            was_there = files.flags[f] & _WAS_THERE != 0
            files.seen[f] = now
            before_size = previous_size[row] if previous_size[row] >= 0.0 else files.size[f]
            before_entropy = (
                previous_entropy[row] if previous_entropy[row] >= 0.0 else files.entropy[f]
            )
            if op == _DELETE:
                _deleted(files, twins, streams, path, row, f, s, stream, now)
            elif op == _RENAME:
                after = 1.0 / (1.0 + max(now - files.written[f], 0.0))
                f, is_new = _renamed(
                    files, streams, path, target, row, f, s, stream, previous_size[row], now,
                    files.flags[f] & _RENAMED != 0,
                )  # fmt: skip
                was_there = files.flags[f] & _WAS_THERE != 0
                if is_new:
                    files.flags[f] |= _RENAMED
                    streams.counts[s, RENAMED] += 1.0
                    _add_funnel(streams, s, target.extension[row], files.extension[f], now)
            seen_size = size[row]
            seen_entropy = entropy[row]
            if op == _RENAME:
                seen_size = seen_size if seen_size >= 0.0 else files.size[f]
                seen_entropy = seen_entropy if seen_entropy >= 0.0 else files.entropy[f]
            if op in (_WRITE, _CREATE, _RENAME) and seen_size >= 0.0:
                if op == _WRITE and was_there and seen_size == 0.0:
                    if not files.flags[f] & (_EMPTIED | _HARMED):
                        files.flags[f] |= _EMPTIED
                        streams.counts[s, WIPED] += 0.3
                elif seen_size > 0.0 and seen_entropy >= 0.0:
                    n = min(seen_size, head)
                    share = unreadable(seen_entropy, n)
                    before_share = 0.0
                    if before_entropy >= 0.0:
                        if was_there:
                            rise = (seen_entropy - before_entropy) / 8.0
                        if before_size > 0.0:
                            before_share = unreadable(before_entropy, min(before_size, head))
                    if before_size > 0.0:
                        change = min(max(np.log(seen_size / before_size), -1.0), 1.0)
                    mismatch = share * _PROMISES[names.format[row]]
                    if op != _RENAME or files.flags[f] & _WRITTEN or not was_there:
                        _judge(
                            files, twins, streams, names, row, f, s, stream, share,
                            seen_entropy, seen_size, before_entropy, before_share, now,
                        )  # fmt: skip
                    files.entropy[f] = seen_entropy
                files.size[f] = seen_size
            if op == _WRITE:
                files.flags[f] |= _WRITTEN
                files.written[f] = now
        counts = streams.counts[s]
        x[F.WRITE] = op == _WRITE
        x[F.RENAME] = op == _RENAME
        x[F.DELETE] = op == _DELETE
        x[F.PAUSE] = min(np.log10(1.0 + pause * 1e3) / 6.0, 1.5)
        x[F.RATE] = min(np.log1p(counts[EVENTS]) / 8.0, 2.0)
        x[F.UNREADABLE] = share
        x[F.ENTROPY_RISE] = rise
        x[F.SIZE_CHANGE] = change
        x[F.MISMATCH] = mismatch
        x[F.NEW_EXTENSION] = is_new
        x[F.EXTENSION_FUNNEL] = np.log2(1.0 + _widest(streams, s, now)) / 3.0
        x[F.WAS_THERE] = was_there
        x[F.RENAME_AFTER_WRITE] = after
        x[F.OVERWRITTEN] = np.log1p(counts[OVERWRITTEN])
        x[F.REPLACED] = np.log1p(counts[REPLACED])
        x[F.WIPED] = np.log1p(counts[WIPED])
        x[F.REWRITTEN] = np.log1p(counts[REWRITTEN])
        x[F.RENAMED] = np.log1p(counts[RENAMED])
        x[F.DELETED] = np.log1p(counts[DELETED])
        x[F.HARM_FAST] = np.log1p(counts[HARM_FAST])
        x[F.HARM_SLOW] = np.log1p(counts[HARM_SLOW])
        whole = counts[HARM] + counts[GOOD] + counts[KEPT] + counts[REWRITTEN]
        x[F.HARM_SHARE] = counts[HARM] / (whole + 1.0)
        then = now - _BREADTH_S
        x[F.HARM_FOLDERS] = np.log1p(_since(streams.folders_at[s], then))
        x[F.HARM_EXTENSIONS] = np.log1p(_since(streams.extensions_at[s], then))
        x[F.KEPT] = np.log1p(counts[KEPT])
        x[F.NOTES] = np.log1p(_most_notes(streams, s, now))
        x[F.SENSITIVE] = names.sensitive[row]
        x[F.DEPTH] = min(names.depth[row] / 16.0, 1.0)
        x[F.NOVELTY] = _novelty(streams, s, actor[row])
        hour = (now / 3_600.0) % 24.0 if now > 1e8 else 14.0
        apart = abs(hour - 14.0)
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
        self._files = _files(n_files)
        self._twins = _twins(max(n_files // 4, _WAYS))
        self._streams = _streams(n_streams)
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
        found = self.slots_of(c.stream) if slots is None else slots
        _advance(
            self._files, self._twins, self._streams, found, c.time, c.operation, c.path, c.target,
            c.size, c.previous_size, c.entropy, c.previous_entropy, c.is_folder, c.stream,
            c.actor, float(c.head_bytes), _SPANS, out,
        )  # fmt: skip
        return out

    def slots_of(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The row of each stream, given out to new ones; at most `n_streams` different keys."""
        different, inverse = np.unique(keys, return_inverse=True)
        rows = np.fromiter((self._slot(int(k)) for k in different), np.int64, len(different))
        found: npt.NDArray[np.int64] = rows[inverse]
        return found

    def clear(self, slots: npt.NDArray[np.int64]) -> None:
        """Forget the streams in these rows; for a caller that gives rows out itself."""
        columns: list[npt.NDArray[Any]] = list(self._streams)
        empty: list[npt.NDArray[Any]] = list(_EMPTY_STREAM)
        for column, value in zip(columns, empty, strict=True):
            column[slots] = value[0]

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
        for name, column in zip(Files._fields, self._files, strict=True):
            saved[f"files.{name}"] = column[used]
        for name, column in zip(Twins._fields, self._twins, strict=True):
            saved[f"twins.{name}"] = column[twins]
        for name, column in zip(Streams._fields, self._streams, strict=True):
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
            for at, table, prefix in (
                (saved["files_at"], self._files, "files"),
                (saved["twins_at"], self._twins, "twins"),
            ):
                for name, column in zip(table._fields, table, strict=True):
                    column[at.astype(np.int64)] = saved[f"{prefix}.{name}"]
            keys = [int(key) for key in saved["stream_keys"]]
            rows = np.array([self._slot(key) for key in keys], np.int64)
            for name, column in zip(Streams._fields, self._streams, strict=True):
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
            self._clear(slot)
        self._slots[key] = slot
        return slot

    def _clear(self, slot: int) -> None:
        empty = _EMPTY_STREAM
        for column, value in zip(self._streams, empty, strict=True):
            column[slot] = value[0]


_EMPTY_STREAM: Final = _streams(1)
