"""Events of a host in columns: what happened to which file, with names as hashes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.host.formats import (
    EXTENSION_FORMATS,
    EXTENSION_KEYS,
    PLACE_KEYS,
    PLACE_WEIGHTS,
    Format,
    key_of,
)

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

HEAD_BYTES: Final = 4_096  # standard: what recordings sample of a file for its entropy

_PRIME: Final = np.uint64(0x100000001B3)
_START: Final = np.uint64(0xCBF29CE484222325)
_NONE: Final = int(Format.NONE)
_UNKNOWN: Final = int(Format.UNKNOWN)
_MAX_EXTENSION: Final = 16  # chosen: longer "extensions" are none
_SLASH: Final = ord("/")
_BACKSLASH: Final = ord("\\")
_DOT: Final = ord(".")
_UPPER_A: Final = ord("A")
_UPPER_Z: Final = ord("Z")
_TO_LOWER: Final = 32


class Operation(IntEnum):
    """What was done."""

    CREATE = 0
    WRITE = 1
    RENAME = 2
    DELETE = 3
    ATTRIBUTES = 4
    OTHER = 5


@dataclass(frozen=True, slots=True)
class HostEvent:
    r"""One event.

    Attributes:
        event_id: Comes back with the prediction.
        timestamp: Seconds since 1970 UTC, or since a recording began.
        operation: What was done.
        path: To what; "/" or "\" between folders.
        target: Where a renamed one went.
        size: Bytes after the event; NaN when not known, as the next three.
        previous_size: Bytes before it.
        entropy: Of the content's head after the event, bits per byte, [0, 8].
        previous_entropy: Before it.
        is_folder: It is a folder.
        stream: Whose events belong together: a host, a user, a process or a folder tree.
        user: Account name; empty when not known.
        process: Program; empty when not known.
    """

    event_id: str
    timestamp: float
    operation: Operation
    path: str
    target: str = ""
    size: float = math.nan
    previous_size: float = math.nan
    entropy: float = math.nan
    previous_entropy: float = math.nan
    is_folder: bool = False
    stream: str = ""
    user: str = ""
    process: str = ""


class Names(NamedTuple):
    """Hashes of paths, one row each; 0 where a path has no such part.

    Attributes:
        full: Of the whole path.
        folder: Of the path of its folder.
        name: Of the name in the folder.
        base: Of the path without its last extension.
        stem: Of the path up to the name's first dot.
        extension: Of the last extension, in lower case.
        format: What the extension promises, a `Format`.
        depth: Folders above it.
        sensitive: Weight of the most sensitive part of the path, [0, 1].
    """

    full: Keys
    folder: Keys
    name: Keys
    base: Keys
    stem: Keys
    extension: Keys
    format: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.int32]
    sensitive: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ActivityColumns:
    """Events in columns of equal length.

    Attributes:
        time: Seconds, never NaN.
        operation: uint8, an `Operation`.
        path: Hashed.
        target: Hashed, of renamed ones.
        size: Bytes, NaN when not known; so the next three.
        stream: Hash of the stream's name.
        actor: Hash of user and process; 0 when not known.
        head_bytes: How much of a file's content was sampled for its entropy.
    """

    time: Doubles
    operation: npt.NDArray[np.uint8]
    path: Names
    target: Names
    size: Doubles
    previous_size: Doubles
    entropy: Doubles
    previous_entropy: Doubles
    is_folder: npt.NDArray[np.bool_]
    stream: Keys
    actor: Keys
    head_bytes: int = HEAD_BYTES

    def __len__(self) -> int:
        return len(self.time)


def from_events(events: Sequence[HostEvent], head_bytes: int = HEAD_BYTES) -> ActivityColumns:
    """Columns of a few events."""
    numbers = np.array(
        [(e.timestamp, e.size, e.previous_size, e.entropy, e.previous_entropy) for e in events],
        np.float64,
    ).reshape(len(events), 5)
    return ActivityColumns(
        time=np.nan_to_num(numbers[:, 0]),
        operation=np.array([e.operation for e in events], np.uint8),
        path=_hashed([e.path for e in events]),
        target=_hashed([e.target for e in events]),
        size=numbers[:, 1].copy(),
        previous_size=numbers[:, 2].copy(),
        entropy=numbers[:, 3].copy(),
        previous_entropy=numbers[:, 4].copy(),
        is_folder=np.array([e.is_folder for e in events], np.bool_),
        stream=np.array([key_of(e.stream) for e in events], np.uint64),
        actor=np.array(
            [key_of(f"{e.user}\0{e.process}") if e.user or e.process else 0 for e in events],
            np.uint64,
        ),
        head_bytes=head_bytes,
    )


def from_frame(frame: pl.DataFrame, head_bytes: int = HEAD_BYTES) -> ActivityColumns:
    """Columns of a canonical frame (see `reading`), without a loop over its rows."""

    def numbers(name: str) -> Doubles:
        column = frame[name]
        if column.dtype != pl.Float64 or column.null_count():
            column = column.cast(pl.Float64).fill_null(math.nan)
        return np.ascontiguousarray(column.to_numpy())

    folders = frame["is_folder"]
    if folders.null_count():
        folders = folders.fill_null(value=False)
    return ActivityColumns(
        time=np.nan_to_num(numbers("time")),
        operation=np.ascontiguousarray(frame["operation"].cast(pl.UInt8).to_numpy()),
        path=_describe(*_joined(frame["path"])),
        target=_describe(*_joined(frame["target"])),
        size=numbers("size"),
        previous_size=numbers("previous_size"),
        entropy=numbers("entropy"),
        previous_entropy=numbers("previous_entropy"),
        is_folder=np.ascontiguousarray(folders.to_numpy()),
        stream=_whole(*_joined(frame["stream"])),
        actor=_pairs(*_joined(frame["user"]), *_joined(frame["process"])),
        head_bytes=head_bytes,
    )


def _joined(texts: pl.Series) -> tuple[Bytes, Offsets]:
    """The texts' UTF-8 bytes one after the other, and where each begins and ends."""
    values = (texts.fill_null("") if texts.null_count() else texts).to_list()
    text = "".join(values)
    data = text.encode()
    sizes = map(len, values if len(data) == len(text) else map(str.encode, values))
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(sizes, np.int64, len(values)), out=offsets[1:])
    return np.frombuffer(data, np.uint8), offsets


def _hashed(texts: Sequence[str]) -> Names:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return _describe(np.frombuffer(b"".join(encoded), np.uint8), offsets)


@compiled
def _whole(data: Bytes, offsets: Offsets) -> Keys:
    n = len(offsets) - 1
    found = np.empty(n, np.uint64)
    for i in range(n):
        h = _START
        for at in range(offsets[i], offsets[i + 1]):
            h = (h ^ np.uint64(data[at])) * _PRIME
        found[i] = h
    return found


@compiled
def _pairs(first: Bytes, first_at: Offsets, second: Bytes, second_at: Offsets) -> Keys:
    """Of two texts with a zero between them; 0 where both are empty."""
    n = len(first_at) - 1
    found = np.zeros(n, np.uint64)
    for i in range(n):
        if first_at[i] == first_at[i + 1] and second_at[i] == second_at[i + 1]:
            continue
        h = _START
        for at in range(first_at[i], first_at[i + 1]):
            h = (h ^ np.uint64(first[at])) * _PRIME
        h *= _PRIME  # the zero
        for at in range(second_at[i], second_at[i + 1]):
            h = (h ^ np.uint64(second[at])) * _PRIME
        found[i] = h
    return found


@compiled
def _find(keys: Keys, key: np.uint64) -> int:
    """Place of a key in sorted ones, -1 when it is not there."""
    at = int(np.searchsorted(keys, key))
    return at if at < len(keys) and keys[at] == key else -1


@compiled
def _describe(data: Bytes, offsets: Offsets) -> Names:
    """Take paths apart, each byte looked at once."""
    n = len(offsets) - 1
    full, folder = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    name, base = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    stem, extension = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    form = np.zeros(n, np.uint8)
    depth = np.zeros(n, np.int32)
    sensitive = np.zeros(n, np.float32)
    for i in range(n):
        begin, end = offsets[i], offsets[i + 1]
        if begin == end:
            continue
        h = part = ext = _START
        at_base = at_stem = at_folder = np.uint64(0)
        n_part = n_ext = 0
        for at in range(begin, end + 1):
            b = data[at] if at < end else np.uint8(_SLASH)
            if b in (_SLASH, _BACKSLASH):
                if n_part:
                    place = _find(PLACE_KEYS, part)
                    if place >= 0:
                        sensitive[i] = max(sensitive[i], PLACE_WEIGHTS[place])
                if at == end:
                    break
                at_folder, at_base, at_stem = h, np.uint64(0), np.uint64(0)
                part, ext, n_part, n_ext = _START, _START, 0, 0
                depth[i] += 1
            else:
                low = b + np.uint8(_TO_LOWER) if _UPPER_A <= b <= _UPPER_Z else b
                if b == _DOT and n_part:
                    at_base, ext, n_ext = h, _START, 0
                    if at_stem == 0:
                        at_stem = h
                else:
                    ext = (ext ^ np.uint64(low)) * _PRIME
                    n_ext += 1
                part = (part ^ np.uint64(low)) * _PRIME
                n_part += 1
            h = (h ^ np.uint64(b)) * _PRIME
        full[i], folder[i], name[i] = h, at_folder, part
        has_ext = at_base != 0 and 0 < n_ext <= _MAX_EXTENSION
        base[i] = at_base if has_ext else h
        stem[i] = at_stem if at_stem != 0 else h
        if has_ext:
            extension[i] = ext
            kind = _find(EXTENSION_KEYS, ext)
            form[i] = EXTENSION_FORMATS[kind] if kind >= 0 else _UNKNOWN
    return Names(full, folder, name, base, stem, extension, form, depth, sensitive)
