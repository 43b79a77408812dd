r"""What a file's bytes are in: told from its first bytes, and turned into UTF-8 line by line.

Lines are split on bytes before anything is decoded. That is right for UTF-16, where a line end
is two bytes at an even offset, and for every encoding in which the byte 0x0A is never part of
another character; others are refused.
"""

import codecs
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.errors import SourceError

AUTO: Final = "auto"
TELLING_BYTES: Final = 1_024  # chosen: more than this is never waited for to tell an encoding

_UTF8: Final = "utf-8"
_UTF16: Final = {"utf-16-le": "<u2", "utf-16-be": ">u2"}
_BOMS: Final = (
    (codecs.BOM_UTF8, _UTF8),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SURE_BYTES: Final = 16  # chosen: fewer first bytes need their line end to look right, too
# Text that other codecs than plain ones take for an escape, a shift or a line end.
_PROBES: Final = (b"\x1b$B", b"~{", b"+AAo-", b"\\n", b"\\u000a", b"\x0e")
_PLANES: Final = 0x10  # standard: Unicode ends with plane 16
Units = npt.NDArray[np.unsignedinteger[Any]]
_Ends = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One encoding that lines can be split in.

    Attributes:
        name: Of Python's codec, in its usual spelling.
        unit: NumPy dtype of the smallest piece a character is made of: one byte or two.
    """

    name: str
    unit: np.dtype[np.unsignedinteger[Any]]

    @property
    def size(self) -> int:
        """Bytes of one unit: 1 or 2."""
        return self.unit.itemsize

    @property
    def newline(self) -> bytes:
        """The bytes of a line feed."""
        return "\n".encode(self.name)

    @property
    def carriage_return(self) -> bytes:
        """The bytes of a carriage return."""
        return "\r".encode(self.name)

    def aligned(self, n_bytes: int) -> int:
        """The largest number of bytes up to `n_bytes` that is whole units."""
        return n_bytes - n_bytes % self.size

    def find_newline(self, block: bytes, start: int, stop: int) -> int:
        """Where the first line feed begins in `block[start:stop]`; -1 when there is none."""
        if self.size == 1:
            return block.find(b"\n", start, stop)
        found = self._newlines(block, start, stop)
        return start + int(found[0]) * self.size if len(found) else -1

    def rfind_newline(self, block: bytes) -> int:
        """Where the last line feed begins in the block; -1 when there is none."""
        if self.size == 1:
            return block.rfind(b"\n")
        found = self._newlines(block, 0, len(block))
        return int(found[-1]) * self.size if len(found) else -1

    def units(self, block: bytes, start: int, stop: int) -> Units:
        """The whole units of `block[start:stop]`, not copied."""
        count = (stop - start) // self.size
        units: Units = np.frombuffer(block, self.unit, count, start)
        return units

    def _newlines(self, block: bytes, start: int, stop: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self.units(block, start, stop) == ord("\n"))

    def whole(self, data: bytes) -> bytes:
        """The bytes without a last character that is cut in its middle."""
        decoder = codecs.getincrementaldecoder(self.name)("backslashreplace")
        try:
            decoder.decode(data)
            pending = decoder.getstate()[0]
        except UnicodeError:
            return data
        return data[: len(data) - len(pending)]

    def text(self, data: bytes) -> str:
        r"""The bytes as text, `\xNN` for those that mean nothing."""
        return data.decode(self.name, "backslashreplace")

    def to_utf8(self, data: bytes, ends: _Ends) -> tuple[bytes, npt.NDArray[np.bool_] | None]:
        r"""Whole lines as UTF-8, as many as before, and which of them had undecodable bytes.

        Lines that are UTF-8 already stay as they are, invalid bytes included.

        Args:
            data: Lines, each with its line end.
            ends: Where each ends in `data`, bytes.

        Returns:
            The lines, each ended by b"\n"; a mark per line, None when all could be decoded.
        """
        if self.size == 1 and data.isascii():
            return data, None
        try:
            text = data.decode(self.name)
        except UnicodeError:
            return self._line_by_line(data, ends)
        if self.name == _UTF8:
            return data, None
        if text.count("\n") != len(ends):  # a stray first byte has swallowed a line end
            return self._line_by_line(data, ends)
        return text.encode(errors="backslashreplace"), None

    def _line_by_line(self, data: bytes, ends: _Ends) -> tuple[bytes, npt.NDArray[np.bool_]]:
        bad = np.zeros(len(ends), np.bool_)
        lines: list[bytes] = []
        start = 0
        for i, end in enumerate(ends.tolist()):
            line = data[start : end - self.size]
            start = end
            if self.size == 1 and line.isascii():
                lines.append(line)
                continue
            try:
                text = line.decode(self.name)
            except UnicodeError:
                bad[i] = True
                text = line.decode(self.name, "backslashreplace")
            lines.append(text.replace("\n", "\\x0a").encode(errors="backslashreplace"))
        if self.name == _UTF8:
            return data, bad
        lines.append(b"")
        return b"\n".join(lines), bad


@lru_cache(maxsize=64)
def get_encoding(name: str) -> Encoding:
    """The encoding of this name.

    Raises:
        SourceError: There is none, or lines cannot be split in it on bytes.
    """
    try:
        codec = codecs.lookup(name)
    except LookupError:
        raise SourceError(
            f'There is no text encoding "{name}". Set the source\'s encoding to auto or a name '
            "such as utf-8, utf-16-le, latin-1, cp1252 or shift_jis."
        ) from None
    if codec.name == "utf-8-sig":
        return get_encoding(_UTF8)
    if codec.name in _UTF16:
        return Encoding(codec.name, np.dtype(_UTF16[codec.name]))
    if not _keeps_ascii(codec.name):
        raise SourceError(
            f'Lines cannot be told apart in the encoding "{name}": it writes ASCII in other '
            "bytes or in more of them. Convert the file to UTF-8, or set the source's encoding "
            "to what the file is really in."
        )
    return Encoding(codec.name, np.dtype(np.uint8))


def check_wanted(wanted: str) -> None:
    """Find out whether a source can be read in the encoding that its options ask for.

    Raises:
        SourceError: It cannot.
    """
    if wanted != AUTO and not _is_utf16_by_mark(wanted):
        get_encoding(wanted)


def _is_utf16_by_mark(wanted: str) -> bool:
    """True for UTF-16 without a byte order: the file's own mark gives it."""
    return wanted.lower().replace("_", "-") in {"utf-16", "utf16", "u16"}


def _keeps_ascii(name: str) -> bool:
    """True when each ASCII character is its own byte, alone and whatever came before it."""
    try:
        for byte in range(128):
            if bytes([byte]).decode(name) != chr(byte):
                return False
        for byte in range(128, 256):
            if "\n" in bytes([byte]).decode(name, "replace"):
                return False
        return all(_leaves_lines(probe, name) for probe in _PROBES)
    except (UnicodeError, LookupError):
        return False


def _leaves_lines(probe: bytes, name: str) -> bool:
    after = b"\nabc!"
    text = (probe + after).decode(name, "replace")
    return text.endswith(after.decode("ascii")) and text.count("\n") == 1


def tell(head: bytes, wanted: str, *, ended: bool = False) -> tuple[Encoding, int] | None:
    """The encoding of a file and the size of its byte order mark, from its first bytes.

    What it finds depends on the file's content alone, not on how much of it is there yet: it
    looks at the first line's bytes, or the first 1 KiB of it, and waits for them.

    Args:
        head: The file's first bytes, up to 1 KiB of them.
        wanted: What the source's options ask for.
        ended: Nothing will follow, or nobody waits for it.

    Returns:
        None while more bytes are needed.

    Raises:
        SourceError: It is UTF-32, or `wanted` cannot be used.
    """
    if wanted != AUTO and not _is_utf16_by_mark(wanted):
        encoding = get_encoding(wanted)
        bom = _bom_of(encoding)
        if not ended and len(head) < len(bom) and bom.startswith(head):
            return None
        return encoding, len(bom) if bom and head.startswith(bom) else 0
    if not ended and any(len(head) < len(bom) and bom.startswith(head) for bom, _ in _BOMS):
        return None
    if not ended and len(head) < 8 and _may_be_utf32(head):
        return None
    if len(head) >= 8 and _may_be_utf32(head):
        raise SourceError(
            "It begins with the byte order mark of UTF-32, which is not read. Convert it to "
            "UTF-8, or set the source's encoding to what it is really in."
        )
    for bom, name in _BOMS:
        if head.startswith(bom):
            return get_encoding(name), len(bom)
    first_line = head[: head.find(b"\n") + 1] or head
    if not ended and b"\n" not in head and len(head) < TELLING_BYTES:
        return None
    found = _utf16_by_zeros(first_line)
    return get_encoding(found or (_UTF8 if wanted == AUTO else "utf-16-le")), 0


def first_lines(head: bytes, wanted: str = AUTO) -> bytes:
    """The whole lines among a file's first bytes, as UTF-8; all of it when it holds none.

    Args:
        head: The first bytes, more than a line's worth.
        wanted: What the source's options ask for.

    Raises:
        SourceError: Lines cannot be split in what it is in.
    """
    told = tell(head[:TELLING_BYTES], wanted, ended=True)
    if told is None:
        return head
    encoding, mark = told
    head = head[mark : mark + encoding.aligned(len(head) - mark)]
    last = encoding.rfind_newline(head)
    text = head[: last + encoding.size] if last >= 0 else head + encoding.newline
    units = encoding.units(text, 0, len(text))
    ends = (np.flatnonzero(units == ord("\n")) + 1) * encoding.size
    return encoding.to_utf8(text, ends.astype(np.int64))[0]


def _may_be_utf32(head: bytes) -> bool:
    """True for the mark of UTF-32 and one character, as far as they are there.

    UTF-16 whose mark is followed by zeros, as in a file that was made long beforehand, begins
    in the same way, so that the mark alone says too little.
    """
    text, blank = head[4:8], bytes(4)
    if len(head) >= 2 and head[:4] == codecs.BOM_UTF32_LE[: len(head)]:
        return len(head) < 8 or (text != blank and text[3] == 0 and text[2] <= _PLANES)
    if head[:4] == codecs.BOM_UTF32_BE:
        return len(head) < 8 or (text != blank and text[0] == 0 and text[1] <= _PLANES)
    return False


def _bom_of(encoding: Encoding) -> bytes:
    """The byte order mark that a file in this encoding may begin with."""
    return next((bom for bom, name in _BOMS if name == encoding.name), b"")


def _utf16_by_zeros(head: bytes) -> str | None:
    """UTF-16 when every second byte, and no other, is zero for most of the characters."""
    block = np.frombuffer(head, np.uint8)
    zeros = [int((block[parity::2] == 0).sum()) for parity in (0, 1)]
    enough = len(block) // 2 / 2
    newline = head.find(b"\n")
    for high, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        at_line_end = newline >= 0 and newline % 2 != high
        fits_line_end = at_line_end and (high == 1 or head[newline - 1] == 0)
        is_sure = len(head) >= _SURE_BYTES or fits_line_end
        if zeros[high] > enough and zeros[1 - high] == 0 and is_sure:
            return name
    return None
