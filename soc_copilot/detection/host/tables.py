"""Tables of fixed size for what is known of files, names and streams, and what is done to a row.

All functions are compiled; a full table forgets what was not seen for longest.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

# chosen: sizes of the lists that each stream has
_WAYS: Final = 8  # places a key may take
_FOLDERS: Final = 32  # with harm
_EXTENSIONS: Final = 32  # with harm; and written in place
_KNOWN: Final = 48  # extensions met
_FUNNELS: Final = 4  # new extensions followed
_MOUTH: Final = 8  # old extensions counted for each of them
_NOTES: Final = 8  # names of small new files followed
_ACTORS: Final = 16
EMPTIES: Final = 16  # files emptied that may be written anew at once

BREADTH_S: Final = 600.0  # chosen: folders, formats, notes and funnels are remembered so long
_MIN_HARM: Final = 0.1  # chosen: less marks no folder

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
TAMPERED: Final = 12
N_COUNTS: Final = 13

# Flags of a file.
WAS_THERE: Final = 1
GONE: Final = 2
HARMED: Final = 4
NOISE: Final = 8  # a new file that is unreadable, counted
IS_GOOD: Final = 16  # counted as readable work
NEW_FOLDER: Final = 32
WRITTEN: Final = 64
EMPTIED: Final = 128
IS_REWRITTEN: Final = 256
IS_RENAMED: Final = 512
STAYED_EMPTY: Final = 1024  # emptied for good: counted as harm


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
    counts: Doubles  # (n, N_COUNTS)
    folders: Keys
    folders_at: Doubles
    extensions: Keys
    extensions_at: Doubles
    rewritten: Keys
    rewritten_at: Doubles
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
    empties: Keys  # (n, EMPTIES): files
    empties_at: Doubles
    empty_folders: Keys
    empty_due: Doubles  # when the first of them is settled


def empty_files(n: int) -> Files:
    """Nothing known of n files."""
    return Files(
        np.zeros(n, np.uint64), np.full(n, -np.inf), np.zeros(n, np.int32), np.full(n, np.nan),
        np.full(n, np.nan, np.float32), np.full(n, -np.inf), np.zeros(n, np.uint64),
        np.zeros(n, np.uint8),
    )  # fmt: skip


def empty_twins(n: int) -> Twins:
    """Nothing known of n names."""
    return Twins(
        np.zeros(n, np.uint64), np.full(n, -np.inf), np.zeros(n, np.float32),
        np.zeros(n, np.uint64), np.zeros(n, np.uint8),
    )  # fmt: skip


def empty_streams(n: int) -> Streams:
    """Nothing known of n streams."""

    def keys(*more: int) -> Keys:
        return np.zeros((n, *more), np.uint64)

    def times(k: int) -> Doubles:
        return np.full((n, k), -np.inf)

    return Streams(
        np.full(n, np.nan), np.zeros((n, N_COUNTS)),
        keys(_FOLDERS), times(_FOLDERS), keys(_EXTENSIONS), times(_EXTENSIONS),
        keys(_EXTENSIONS), times(_EXTENSIONS),
        keys(_KNOWN), times(_KNOWN), keys(_FUNNELS), times(_FUNNELS), keys(_FUNNELS, _MOUTH),
        keys(_NOTES), times(_NOTES), keys(_NOTES), np.zeros((n, _NOTES), np.int32),
        keys(_ACTORS), np.zeros((n, _ACTORS), np.int32),
        keys(EMPTIES), times(EMPTIES), keys(EMPTIES), np.full(n, np.inf),
    )  # fmt: skip


@compiled
def mix(key: np.uint64, more: np.uint64) -> np.uint64:
    """One well spread key of two; never 0."""
    h = key ^ (more * np.uint64(0x9E3779B97F4A7C15))
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h if h != np.uint64(0) else np.uint64(1)


@compiled
def look(keys: Keys, key: np.uint64) -> int:
    """Place of a key in a table, -1 when it is not there."""
    bucket = int(key & np.uint64(len(keys) - 1)) & ~(_WAYS - 1)
    for i in range(bucket, bucket + _WAYS):
        if keys[i] == key:
            return i
    return -1


@compiled
def place_for(keys: Keys, at: Doubles, key: np.uint64) -> int:
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
def remember(keys: Keys, at: Doubles, key: np.uint64, now: float) -> bool:
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
def n_since(at: Doubles, then: float) -> int:
    """How many of these times are not before another."""
    n = 0
    for i in range(len(at)):
        n += at[i] >= then
    return n


@compiled
def new_file(
    files: Files, key: np.uint64, now: float, flags: int, ext: np.uint64, form: int
) -> int:
    """Begin to remember a file; returns its place."""
    i = place_for(files.key, files.seen, key)
    files.key[i] = key
    renew_file(files, i, now, flags, ext, form)
    return i


@compiled
def renew_file(files: Files, i: int, now: float, flags: int, ext: np.uint64, form: int) -> None:
    """Another file has the name of the one remembered at this place."""
    files.seen[i] = now
    files.flags[i] = flags
    files.size[i] = np.nan
    files.entropy[i] = np.nan
    files.written[i] = -np.inf
    files.extension[i] = ext
    files.format[i] = form


@compiled
def put_twin(
    twins: Twins, key: np.uint64, now: float, share: float, ext: np.uint64, form: int
) -> None:
    """Remember a file by a name that another may have."""
    i = look(twins.key, key)
    if i < 0:
        i = place_for(twins.key, twins.at, key)
    twins.key[i] = key
    twins.at[i] = now
    twins.share[i] = share
    twins.extension[i] = ext
    twins.format[i] = form


@compiled
def add_harm(
    streams: Streams, s: int, kind: int, weight: float, folder: np.uint64, ext: np.uint64,
    now: float,
) -> None:  # fmt: skip
    """A file was harmed: count it in every span, and where."""
    streams.counts[s, kind] += weight
    streams.counts[s, HARM] += weight
    streams.counts[s, HARM_FAST] += weight
    streams.counts[s, HARM_SLOW] += weight
    if weight >= _MIN_HARM:
        remember(streams.folders[s], streams.folders_at[s], folder, now)
        remember(streams.extensions[s], streams.extensions_at[s], ext, now)


@compiled
def add_rewritten(streams: Streams, s: int, ext: np.uint64, now: float) -> None:
    """A file of this extension was written in place and can still be read."""
    remember(streams.rewritten[s], streams.rewritten_at[s], ext, now)


@compiled
def add_funnel(streams: Streams, s: int, new: np.uint64, old: np.uint64, now: float) -> None:
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
def widest_funnel(streams: Streams, s: int, now: float) -> int:
    """Most extensions that became one."""
    most = 0
    for i in range(_FUNNELS):
        if streams.funnels_at[s, i] >= now - BREADTH_S:
            n = 0
            for j in range(_MOUTH):
                n += streams.mouths[s, i, j] != np.uint64(0)
            most = max(most, n)
    return most


@compiled
def add_note(
    streams: Streams, s: int, name: np.uint64, size: float, folder: np.uint64, now: float
) -> None:
    """A small new file was dropped."""
    key = mix(name, np.uint64(size))
    for i in range(_NOTES):
        if streams.notes[s, i] == key and streams.notes_at[s, i] >= now - BREADTH_S:
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
def most_notes(streams: Streams, s: int, now: float) -> int:
    """Most folders in which one small file was dropped."""
    most = 0
    for i in range(_NOTES):
        if streams.notes_at[s, i] >= now - BREADTH_S:
            most = max(most, streams.note_counts[s, i])
    return most


@compiled
def novelty(streams: Streams, s: int, actor: np.uint64) -> float:
    """How little is known of who acts, (0, 1]; 0 where nobody is named. Counts the event."""
    if actor == np.uint64(0):
        return 0.0
    rarest = 0
    for i in range(_ACTORS):
        if streams.actors[s, i] == actor:
            streams.actor_counts[s, i] += 1
            return float(1.0 / streams.actor_counts[s, i])
        if streams.actor_counts[s, i] < streams.actor_counts[s, rarest]:
            rarest = i
    streams.actors[s, rarest] = actor
    streams.actor_counts[s, rarest] = 1
    return 1.0


@compiled
def met(streams: Streams, s: int, ext: np.uint64, now: float) -> None:
    """Files that were there have this extension."""
    if ext != np.uint64(0):
        remember(streams.known[s], streams.known_at[s], ext, now)


@compiled
def is_known(streams: Streams, s: int, ext: np.uint64) -> bool:
    """True when files that were there have this extension."""
    found = False
    for i in range(_KNOWN):
        found |= streams.known[s, i] == ext
    return found
