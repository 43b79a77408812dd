"""Outlook files (.msg) for tests: compound files (MS-CFB, version 3) with properties."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

SECTOR: Final = 512
MINI: Final = 64
CUTOFF: Final = 4_096  # smaller streams lie in the mini stream
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
Tree = Mapping[str, Any]  # names of streams (bytes) and storages (trees)


def compound_file(tree: Tree) -> bytes:
    """A compound file of these storages and streams."""
    return _Writer(tree).told()


def fixed_properties(values: Mapping[int, int], n_header: int = 32) -> bytes:
    """The stream of numbers and times, by property and kind (0x00390040: a time)."""
    told = bytes(n_header)
    for tag, value in values.items():
        told += struct.pack("<IIQ", tag, 6, value)
    return told


def text(value: str) -> bytes:
    """A text as properties of kind 001F have it."""
    return value.encode("utf-16-le")


def message(
    properties: Mapping[str, bytes],
    files: Sequence[Tree] = (),
    numbers: Mapping[int, int] | None = None,
    *,
    is_within: bool = False,
) -> Tree:
    """A message's storages: its properties by number and kind ("0037001F"), its attachments."""
    tree: dict[str, Any] = {f"__substg1.0_{name}": value for name, value in properties.items()}
    tree["__properties_version1.0"] = fixed_properties(numbers or {}, 24 if is_within else 32)
    for number, file in enumerate(files):
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": fixed_properties({}, 8),
            **file,
        }
    return tree


def attached(name: str, data: bytes, kind: str = "") -> Tree:
    """An attachment's storage."""
    return {
        "__substg1.0_3707001F": text(name),
        "__substg1.0_370E001F": text(kind),
        "__substg1.0_37010102": data,
    }


def within(inner: Tree) -> Tree:
    """The storage of an attached message."""
    return {"__substg1.0_3701000D": inner}


class _Writer:
    def __init__(self, tree: Tree) -> None:
        self._sectors: list[bytes] = []
        self._fat: list[int] = []
        self._mini = b""
        self._mini_fat: list[int] = []
        self._entries: list[list[Any]] = [["Root Entry", 5, FREE, FREE, FREE, 0, 0]]
        self._entries[0][4] = self._add(tree)

    def told(self) -> bytes:
        self._entries[0][5:] = [self._keep(self._mini) if self._mini else END, len(self._mini)]
        mini_fat = self._keep(b"".join(struct.pack("<I", one) for one in self._mini_fat))
        n_mini = -(-4 * len(self._mini_fat) // SECTOR)
        directory = self._keep(b"".join(map(self._entry, self._entries)))
        n_fat = 1
        while len(self._sectors) + n_fat > n_fat * SECTOR // 4:
            n_fat += 1
        places = [len(self._sectors) + at for at in range(n_fat)]
        fat = [*self._fat, *([FAT] * n_fat)]
        fat += [FREE] * (n_fat * SECTOR // 4 - len(fat))
        head = struct.pack(
            "<8s16sHHHHH6xIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), bytes(16), 0x3E, 3,
            0xFFFE, 9, 6, 0, n_fat, directory, 0, CUTOFF, mini_fat if n_mini else END, n_mini,
            END, 0,
        )  # fmt: skip
        head += b"".join(struct.pack("<I", one) for one in (places + [FREE] * 109)[:109])
        return b"".join([head, *self._sectors, *(struct.pack("<I", one) for one in fat)])

    def _keep(self, data: bytes) -> int:
        """Data in sectors of its own; returns the first."""
        if not data:
            return END
        first = len(self._sectors)
        pieces = [data[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(data), SECTOR)]
        self._sectors += pieces
        self._fat += [*range(first + 1, first + len(pieces)), END]
        return first

    def _keep_small(self, data: bytes) -> int:
        first = len(self._mini) // MINI
        n = -(-len(data) // MINI)
        self._mini += data.ljust(n * MINI, b"\0")
        self._mini_fat += [*range(first + 1, first + n), END]
        return first

    def _add(self, tree: Tree) -> int:
        """The entries of a storage, each the right neighbour of the one before, in their order."""
        names = sorted(tree, key=lambda name: (len(name), name.upper()))
        first, last = FREE, FREE
        for name in names:
            number = len(self._entries)
            value = tree[name]
            entry: list[Any] = [name, 2 if isinstance(value, bytes) else 1, FREE, FREE, FREE, 0, 0]
            self._entries.append(entry)
            if last == FREE:
                first = number
            else:
                self._entries[last][3] = number
            last = number
            if isinstance(value, bytes):
                keep = self._keep if len(value) >= CUTOFF else self._keep_small
                entry[5:] = [keep(value) if value else END, len(value)]
            else:
                entry[4] = self._add(value)
        return first

    def _entry(self, entry: list[Any]) -> bytes:
        name, kind, left, right, child, start, size = entry
        told = (name + "\0").encode("utf-16-le")
        return struct.pack(
            "<64sHBBIII16sI16xIQ", told, len(told), kind, 1, left, right, child, bytes(16), 0,
            start, size,
        )  # fmt: skip
