"""Rich text as Outlook keeps it: packed, and often a web page in disguise.

Packing is that of Microsoft's MS-OXRTFCP, the page within that of MS-OXRTFEX. Of other rich text
only its letters are read.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Final

MAX_BYTES: Final = 4 << 20  # chosen: of a text, unpacked
_HEADER_BYTES: Final = 16
_PACKED, _PLAIN = b"LZFu", b"MELA"
_RING: Final = 4_096
# What the packer takes to have been written before, as the specification gives it.
_BEFORE: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
# A word with its number, a letter by its code, a sign, the braces, and letters.
_TOKEN: Final = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}]+)"
)
_SIGNS: Final = {b"~": "\u00a0", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\"}
_WORDS: Final = {
    b"par": "\n", b"line": "\n", b"tab": "\t", b"lquote": "\u2018", b"rquote": "\u2019",
    b"ldblquote": "\u201c", b"rdblquote": "\u201d", b"bullet": "\u2022", b"endash": "\u2013",
    b"emdash": "\u2014",
}  # fmt: skip
# Groups that hold no text of the message.
_UNREAD: Final = frozenset(
    {
        b"fonttbl",
        b"colortbl",
        b"stylesheet",
        b"info",
        b"pict",
        b"object",
        b"generator",
        b"themedata",
    }
)


class RtfError(ValueError):
    """It is not packed as it says."""


def inflate(packed: bytes) -> bytes:
    """Rich text unpacked, at most `MAX_BYTES`.

    Raises:
        RtfError: It is cut off or not packed this way.
    """
    if len(packed) < _HEADER_BYTES:
        raise RtfError("It is shorter than its header.")
    size, kind = int.from_bytes(packed[4:8], "little"), packed[8:12]
    if kind == _PLAIN:
        return packed[_HEADER_BYTES : _HEADER_BYTES + min(size, MAX_BYTES)]
    if kind != _PACKED:
        raise RtfError("It is packed in an unknown way.")
    return _unpacked(packed, min(size, MAX_BYTES))


def _unpacked(packed: bytes, size: int) -> bytes:
    """Copies out of the last 4,096 bytes, and bytes as they are; flags say which, lowest first."""
    ring = bytearray(_BEFORE.ljust(_RING, b"\0"))
    at_ring, found, at = len(_BEFORE), bytearray(), _HEADER_BYTES
    while at < len(packed) and len(found) < size:
        flags = packed[at]
        at += 1
        for bit in range(8):
            if at >= len(packed):
                break
            if flags >> bit & 1:
                pair = int.from_bytes(packed[at : at + 2], "big")
                at += 2
                start, n = pair >> 4, (pair & 15) + 2
                if start == at_ring:
                    return bytes(found[:size])  # the mark of the end
            else:
                start, n = -1, 1
            for _ in range(n):
                byte = ring[start] if start >= 0 else packed[at]
                start = (start + 1) % _RING if start >= 0 else start
                ring[at_ring] = byte
                at_ring = (at_ring + 1) % _RING
                found.append(byte)
            at += start < 0
    return bytes(found[:size])


def code_page(number: int) -> str:
    """A Windows code page as Python calls it; "" for one that it does not know."""
    name = {20127: "ascii", 28591: "latin-1", 65001: "utf-8"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def html_in(rich: bytes) -> str:
    """The web page that the rich text was made of; "" where it was made of none."""
    return _Reader(rich, is_page=True).text() if b"\\fromhtml" in rich[:4_096] else ""


def text_in(rich: bytes) -> str:
    """The letters of rich text."""
    return _Reader(rich, is_page=False).text() if rich.startswith(b"{\\rtf") else ""


class _Reader:
    """Goes through rich text once.

    A group is left out where it holds no text; of a page, what stands between `htmlrtf` and
    `htmlrtf0` is for readers of rich text alone, and `htmltag` groups hold its tags.
    """

    def __init__(self, rich: bytes, *, is_page: bool) -> None:
        self._rich = rich
        self._is_page = is_page
        self._encoding = _encoding_of(rich)
        self._is_off = False  # of a page: for readers of rich text alone
        self._is_unread = False  # the group holds no text
        self._is_first = False  # at a group's beginning
        self._stack: list[tuple[bool, bool]] = []
        self._n_skip = 0  # letters that stand in for one that was told by number

    def text(self) -> str:
        """What is there to be read."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        bytes_told = bytearray()  # letters by code, which may be two bytes each
        for token in _TOKEN.finditer(self._rich):
            word, number, code, sign, brace, letters = token.groups()
            if code is not None:
                if self._n_skip:
                    self._n_skip -= 1
                elif self._is_read:
                    bytes_told.append(int(code, 16))
                continue
            if bytes_told:
                yield bytes_told.decode(self._encoding, "replace")
                bytes_told.clear()
            if brace is not None:
                self._brace(brace)
            elif word is not None:
                yield self._word(word, number)
            elif sign is not None:
                yield self._sign(sign)
            elif self._is_read:
                yield self._letters(letters)
        if bytes_told:
            yield bytes_told.decode(self._encoding, "replace")

    @property
    def _is_read(self) -> bool:
        return not (self._is_unread or (self._is_page and self._is_off))

    def _brace(self, brace: bytes) -> None:
        if brace == b"{":
            self._stack.append((self._is_unread, self._is_off))
            self._is_first = True
        elif self._stack:
            self._is_unread, self._is_off = self._stack.pop()

    def _sign(self, sign: bytes) -> str:
        if sign == b"*" and self._is_first:
            self._is_unread = True  # unless the word after it is known
            return ""
        self._is_first = False
        return _SIGNS.get(sign, "") if self._is_read else ""

    def _word(self, word: bytes, number: bytes | None) -> str:
        is_first, self._is_first = self._is_first or self._is_unread, False
        if word == b"htmltag" and is_first and self._is_page:
            self._is_unread = False
            return ""
        if word == b"htmlrtf":
            self._is_off = number != b"0"
            return ""
        if word in _UNREAD:
            self._is_unread = True
            return ""
        if not self._is_read:
            return ""
        if word == b"u" and number is not None:
            self._n_skip = 1
            return _letter(int(number))
        return _WORDS.get(word, "")

    def _letters(self, letters: bytes) -> str:
        self._is_first = False
        letters = letters.translate(None, b"\r\n")  # line ends in rich text say nothing
        if self._n_skip and letters:
            self._n_skip, letters = 0, letters[1:]
        return letters.decode(self._encoding, "replace")


def _letter(number: int) -> str:
    """A letter by its number, which is written with a sign; halves of pairs are left out."""
    code = number % 0x10000
    return "" if 0xD800 <= code < 0xE000 else chr(code)


def _encoding_of(rich: bytes) -> str:
    found = re.search(rb"\\ansicpg(\d{1,5})", rich[:4_096])
    return (code_page(int(found.group(1))) if found else "") or "cp1252"
