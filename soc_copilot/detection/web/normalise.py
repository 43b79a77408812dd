"""Request texts undone of their disguises: whole batches at once, as bytes in one buffer.

Attackers hide a payload by encoding it, so the model reads the text after these steps:
"+" to space, percent-decoding (three rounds, `%uXXXX` too), base64 words decoded (three deep)
and put behind the text, HTML and JavaScript escapes and UTF-7, comments to a space, the last
three once more for what came to light, strings in pieces and values of repeated parameters put
together behind the text, overlong and full-width UTF-8 to the ASCII it stands for, lower case,
runs of white space to one space.
Steps that harmless clients do not need leave a mark on the bytes they made, and the model
sees the mark. Every step is bounded by the length of the text, so no input takes long.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.web import rejoin

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

PAD: Final = 8  # zero bytes after each text: longer than any n-gram, so that none spans two texts
PERCENT_ROUNDS: Final = 3  # chosen: `%25252e` is the deepest seen in payload lists
_ESCAPE_ROUNDS: Final = 2  # chosen: as in `&amp;lt;` and `&#37;3c`
_JOIN_AROUND: Final = 256  # chosen: bytes shown again before and after joined pieces

# Marks: how a byte came to be. 0 is as sent, or one plain percent-decoding, which means nothing.
MARK_DOUBLE: Final = 1  # decoded more than once, or from %uXXXX
MARK_ESCAPE: Final = 2  # from an HTML or JavaScript escape
MARK_OVERLONG: Final = 3  # from overlong or full-width UTF-8, or from UTF-7
MARK_BASE64: Final = 4  # from a base64 word
MARK_COMMENT: Final = 5  # stands for a comment
MARK_JOINED: Final = 6  # put together from pieces
MARK_REPEATED: Final = 7  # put together from one parameter sent several times
N_MARKS: Final = 8
MARK_WORDS: Final = {
    MARK_DOUBLE: "percent-encoded more than once",
    MARK_ESCAPE: "HTML or JavaScript escapes",
    MARK_OVERLONG: "overlong or full-width UTF-8, or UTF-7",
    MARK_BASE64: "base64",
    MARK_COMMENT: "comments",
    MARK_JOINED: "strings put together from pieces",
    MARK_REPEATED: "one parameter sent several times",
}
PERCENT: Final = "percent-encoding"

NUL: Final = 1  # what a NUL byte becomes: 0 is padding
CONTROL: Final = 2  # any other control character
BEYOND: Final = 0x80  # any byte outside ASCII
SEPARATOR: Final = 3  # before a decoded base64 word

HEX: Final = np.full(256, 255, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    HEX[_digit] = int(chr(_digit), 16)

BASE64: Final = np.full(256, 255, np.uint8)
for _value, _char in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):
    BASE64[_char] = _value
BASE64[ord("-")], BASE64[ord("_")] = 62, 63

_BASE64_MEMBER: Final = BASE64 < 64

PRINTABLE: Final = np.zeros(256, bool)
PRINTABLE[32:127] = True
PRINTABLE[[9, 10, 13]] = True


def _folding() -> Bytes:
    table = np.arange(256, dtype=np.uint8)
    table[:32] = CONTROL
    table[127] = CONTROL
    table[128:] = BEYOND
    for char in b"\t\n\v\f\r":
        table[char] = 32
    table[ord("A") : ord("Z") + 1] += 32
    table[0] = NUL
    table[SEPARATOR] = SEPARATOR
    return table


FOLD: Final = _folding()


@dataclass(slots=True)
class Texts:
    """Texts one after another in one buffer, each followed by `PAD` zero bytes.

    Attributes:
        data: All bytes.
        starts: Index in `data` of each text's first byte, shape (n_texts,).
        lengths: Bytes of each text without the padding, shape (n_texts,).
        marks: For each byte of `data`, how it came to be; None while all are 0.
        origin: For each byte of `data`, the index of the raw byte it came from, counted
            from the start of its own raw text; None unless asked for.
        steps: What was undone so far in each text, in order, as words; kept only beside
            `origin`.
    """

    data: Bytes
    starts: Ints
    lengths: Ints
    marks: Bytes | None = None
    origin: Ints | None = None
    steps: list[list[str]] = field(default_factory=list)

    @property
    def n_texts(self) -> int:
        """How many texts there are."""
        return len(self.starts)

    def text(self, i: int) -> bytes:
        """The bytes of one text."""
        start = int(self.starts[i])
        return self.data[start : start + int(self.lengths[i])].tobytes()


def pack(texts: Sequence[bytes], *, traced: bool = False) -> Texts:
    """Texts laid out in one buffer, nothing changed yet.

    Args:
        texts: Raw texts.
        traced: True to remember where each byte came from.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = (bytes(PAD).join(texts) + bytes(PAD)) if texts else b""
    return pack_joined(joined, lengths, traced=traced)


def pack_joined(joined: bytes, lengths: Ints, *, traced: bool = False) -> Texts:
    """Like `pack`, for texts already joined, each with `PAD` zero bytes behind it."""
    starts = np.zeros(len(lengths), np.int64)
    np.cumsum(lengths[:-1] + PAD, out=starts[1:])
    data = np.frombuffer(joined, np.uint8).copy()
    if not traced:
        return Texts(data, starts, lengths)
    origin = np.arange(len(data), dtype=np.int64) - np.repeat(starts, lengths + PAD)
    return Texts(data, starts, lengths, None, origin, [[] for _ in lengths])


def normalise(texts: Texts) -> Texts:
    """The texts as the model reads them. Works in place; use the returned object only."""
    data = texts.data
    data[data == ord("+")] = 32
    _percent_rounds(texts, again=False)
    revealed = _reveal_base64(texts)
    for _ in range(_ESCAPE_ROUNDS):
        rows = _escaped_rows(texts)
        _rewrite(texts, rows, _unescape)
        if not (rows or revealed):
            break
        _percent_rounds(texts, again=True)
    _join_pieces(texts)
    _overlong(texts)
    _fold(texts)
    return texts


def _join_pieces(texts: Texts) -> None:
    """Put what programs make of texts in pieces behind them, see `rejoin`."""
    end = max(len(texts.data) - PAD, 0)
    places = rejoin.pieced(texts.data, end)
    cut = np.unique(np.searchsorted(texts.starts, places, side="right") - 1)
    repeated = rejoin.repeated(texts.data, texts.starts, end)
    found: dict[int, list[_Piece]] = {}
    for rows, again in ((cut, _joined_again), (repeated, _merged_again)):
        for row in rows.tolist():
            pieces = again(texts.text(row))
            if pieces:
                found.setdefault(row, [(0, int(texts.lengths[row]), None, 0)]).extend(pieces)
    _rewrite(texts, list(found), lambda row, _raw: found[row])


def _joined_again(raw: bytes) -> list["_Piece"]:
    """A text's surroundings of what is in pieces once more, joined."""
    edits = rejoin.joined(raw)
    if not edits:
        return []
    done = max(edits[0][0] - _JOIN_AROUND, 0)
    pieces: list[_Piece] = [(done, done, bytes([SEPARATOR]), MARK_JOINED)]
    for start, end, new in edits:
        pieces.append((max(done, start - _JOIN_AROUND), start, None, 0))
        pieces.append((start, start, new, MARK_JOINED))
        done = end
    pieces.append((done, min(done + _JOIN_AROUND, len(raw)), None, 0))
    return pieces


def _merged_again(raw: bytes) -> list["_Piece"]:
    """The values of each parameter that was sent several times, with commas between them."""
    pieces: list[_Piece] = []
    for spans in rejoin.merged(raw):
        for i, (start, end) in enumerate(spans):
            between = b"," if i else bytes([SEPARATOR])
            pieces += [(start, start, between, MARK_REPEATED), (start, end, None, 0)]
    return pieces


def _percent_rounds(texts: Texts, *, again: bool) -> bool:
    """Percent-decoding until nothing is left to decode; False when there was nothing at all."""
    for i in range(PERCENT_ROUNDS):
        if not _percent(texts, again=again or i > 0):
            return i > 0
    return True


def _set_marks(texts: Texts, places: Ints, mark: int) -> None:
    if texts.marks is None:
        texts.marks = np.zeros(len(texts.data), np.uint8)
    texts.marks[places] = mark


def _note(texts: Texts, places: Ints, step: str) -> None:
    """Remember a step that was done at `places`, for each text that has one of them."""
    if texts.origin is not None:
        for row in np.unique(np.searchsorted(texts.starts, places, side="right") - 1).tolist():
            texts.steps[row].append(step)


def _drop(texts: Texts, places: Ints) -> None:
    """Take bytes out; `places` sorted ascending, all within texts."""
    if not len(places):
        return
    keep = np.ones(len(texts.data), bool)
    keep[places] = False
    before = np.searchsorted(places, texts.starts)
    within = np.searchsorted(places, texts.starts + texts.lengths) - before
    texts.data = texts.data[keep]
    texts.starts = texts.starts - before
    texts.lengths = texts.lengths - within
    if texts.marks is not None:
        texts.marks = texts.marks[keep]
    if texts.origin is not None:
        texts.origin = texts.origin[keep]


def _percent(texts: Texts, *, again: bool) -> bool:
    """One round of percent-decoding; False when there was nothing to decode."""
    data = texts.data
    signs = np.flatnonzero(data[: max(len(data) - PAD, 0)] == ord("%"))
    if not len(signs):
        return False
    high, low = HEX[data[signs + 1]], HEX[data[signs + 2]]
    plain = (high < 16) & (low < 16)
    at = signs[(data[signs + 1] | 32) == ord("u")]
    # Read before anything is decoded: what stands behind it may be an escape itself.
    digits = HEX[data[at[:, None] + np.arange(2, 6)]]
    places = signs[plain]
    dropped = [places + 1, places + 2]
    data[places] = (high[plain] << 4) | low[plain]
    if again:
        # Addresses within addresses double-encode letters of other scripts: no disguise.
        _set_marks(texts, places[data[places] < BEYOND], MARK_DOUBLE)
    if len(at):
        at, digits = at[(digits < 16).all(1)], digits[(digits < 16).all(1)].astype(np.int64)
        codes = digits @ np.array([4096, 256, 16, 1])
        data[at] = _as_byte(codes)
        _set_marks(texts, at, MARK_DOUBLE)
        dropped += [at + i for i in range(1, 6)]
        places = np.concatenate([places, at])
    if not len(places):
        return False
    _note(texts, places, PERCENT)
    _drop(texts, np.sort(np.concatenate(dropped)))
    return True


def _as_byte(codes: Ints) -> Bytes:
    """Unicode code points as one byte each: ASCII, full-width as ASCII, the rest as BEYOND."""
    wide = (codes >= 0xFF01) & (codes <= 0xFF5E)
    plain = np.where(wide, codes - 0xFEE0, codes)
    return np.where(plain < 128, plain, BEYOND).astype(np.uint8)


_MIN_BASE64: Final = 12  # characters: nine bytes, so that chance hits are one in 6,000
_MAX_BASE64_WORDS: Final = 64  # tried per text, chosen: bounds the work on hostile input
_MAX_BASE64_CHARS: Final = 16_384  # decoded per word, chosen likewise
_BASE64_DEPTH: Final = 3  # chosen: words within words


def _reveal_base64(texts: Texts) -> bool:
    """Put what printable base64 words say behind their text, after a separator; False if none."""
    starts, ends = _base64_words(texts.data)
    if not len(starts):
        return False
    rows = np.searchsorted(texts.starts, starts, side="right") - 1
    found: dict[int, list[tuple[int, bytes]]] = {}
    tried: dict[int, int] = {}
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        tried[row] = tried.get(row, 0) + 1
        if tried[row] <= _MAX_BASE64_WORDS:
            word = texts.data[start : min(end, start + _MAX_BASE64_CHARS)].tobytes()
            decoded = _decode_base64(word) or _decode_base64(word.split(b"/")[0])
            if decoded:
                found.setdefault(row, []).append((start - int(texts.starts[row]), decoded))

    def appended(row: int, raw: bytes) -> list["_Piece"]:
        pieces: list[_Piece] = [(0, len(raw), None, 0)]
        for at, decoded in found[row]:
            pieces.append((at, at, bytes([SEPARATOR]) + decoded, MARK_BASE64))
        return pieces

    _rewrite(texts, list(found), appended)
    return bool(found)


def _base64_words(data: Bytes) -> tuple[Ints, Ints]:
    """Where runs of base64 letters begin and end that decode to printable text, at first."""
    member = _BASE64_MEMBER[data]  # padding is none, so runs end within their text
    edges = np.flatnonzero(member[1:] != member[:-1]) + 1
    if len(member) and member[0]:
        edges = np.concatenate([[0], edges])
    starts, ends = edges[::2], edges[1::2]
    # A slash may be the word's own or stand before it in a path: both are tried.
    slashes = np.flatnonzero(data == ord("/"))
    ends = np.concatenate([ends, ends[np.searchsorted(ends, slashes, side="right")]])
    starts = np.concatenate([starts, slashes + 1])
    long = ends - starts >= _MIN_BASE64
    starts, ends = starts[long], ends[long]
    for group in range(0, _MIN_BASE64, 4):
        a, b, c, d = (BASE64[data[starts + group + i]] for i in range(4))
        shown = (
            PRINTABLE[(a << 2) | (b >> 4)]
            & PRINTABLE[((b & 15) << 4) | (c >> 2)]
            & PRINTABLE[((c & 3) << 6) | d]
        )
        starts, ends = starts[shown], ends[shown]
    return starts, ends


def _decode_base64(word: bytes) -> bytes:
    """What a word says, or the word within the word; nothing when it is not printable."""
    decoded = _decode_once(word)
    for _ in range(_BASE64_DEPTH - 1):
        inner = decoded.rstrip(b"=")
        if len(inner) < _MIN_BASE64 or not _BASE64_MEMBER[np.frombuffer(inner, np.uint8)].all():
            break
        decoded = _decode_once(inner) or decoded
    return decoded


def _decode_once(word: bytes) -> bytes:
    usable = word[: len(word) - 1] if len(word) % 4 == 1 else word
    usable = usable.replace(b"-", b"+").replace(b"_", b"/")
    try:
        decoded = base64.b64decode(usable + b"=" * (-len(usable) % 4))
    except binascii.Error:
        return b""
    printable = int(PRINTABLE[np.frombuffer(decoded, np.uint8)].sum())
    return decoded if printable >= 0.95 * len(decoded) else b""


# A part of a rewritten text: raw bytes [start, end) kept as they are (None), or new bytes
# that stand for the raw ones from `start` on, with a mark.
_Piece = tuple[int, int, bytes | None, int]


def _rewrite(
    texts: Texts, rows: Sequence[int], rewrite: Callable[[int, bytes], list[_Piece]]
) -> None:
    """Rewrite a few texts, one by one, and lay the buffer out anew."""
    if not rows:
        return
    if texts.marks is None:
        texts.marks = np.zeros(len(texts.data), np.uint8)
    data, marks, origin = [], [], []
    lengths = texts.lengths.copy()
    done = 0
    for row in sorted(rows):
        start = int(texts.starts[row])
        end = start + int(texts.lengths[row])
        data.append(texts.data[done:start])
        marks.append(texts.marks[done:start])
        if texts.origin is not None:
            origin.append(texts.origin[done:start])
        n_bytes = 0
        pieces = rewrite(row, texts.data[start:end].tobytes())
        if texts.origin is not None:
            said = dict.fromkeys(MARK_WORDS[mark] for *_, mark in pieces if mark)
            texts.steps[row] += said
        for first, last, new, mark in pieces:
            kept = slice(start + first, start + last)
            part = texts.data[kept] if new is None else np.frombuffer(new, np.uint8)
            data.append(part)
            marks.append(texts.marks[kept] if new is None else np.full(len(part), mark, np.uint8))
            if texts.origin is not None:
                source = texts.origin[start + first]
                origin.append(texts.origin[kept] if new is None else np.full(len(part), source))
            n_bytes += len(part)
        lengths[row] = n_bytes
        done = end
    data.append(texts.data[done:])
    marks.append(texts.marks[done:])
    texts.data, texts.marks = np.concatenate(data), np.concatenate(marks)
    if texts.origin is not None:
        texts.origin = np.concatenate([*origin, texts.origin[done:]])
    texts.starts = np.zeros(len(lengths), np.int64)
    np.cumsum(lengths[:-1] + PAD, out=texts.starts[1:])
    texts.lengths = lengths


_NAMED: Final = {
    b"lt": 60, b"gt": 62, b"quot": 34, b"apos": 39, b"amp": 38, b"sol": 47, b"lpar": 40,
    b"rpar": 41, b"colon": 58, b"semi": 59, b"equals": 61, b"newline": 10, b"tab": 9,
    b"lbrace": 123, b"rbrace": 125, b"dollar": 36, b"period": 46, b"comma": 44, b"nbsp": 32,
}  # fmt: skip
_ESCAPES: Final = re.compile(
    rb"""
      &\#x0{0,7}(?P<hex>[0-9a-f]{1,6});?          # &#x3c;
    | &\#0{0,7}(?P<dec>[0-9]{1,7});?              # &#60;
    | &(?P<name>[a-z]{2,7});                      # &lt;
    | \\u(?P<uni>[0-9a-f]{4})                     # \u003c
    | \\u\{0{0,8}(?P<code>[0-9a-f]{1,6})\}         # \u{3c}
    | \\x(?P<byte>[0-9a-f]{2})                    # \x3c
    | \\(?P<plain>[/"])                           # JSON's \/ and \"
    | [ +](?P<utf7>A[A-H][A-Za-z0-9+/]{1,62})-?    # +ADw- and, "+" being a space by now, _ADw-
    | /\*(?P<version>!\d{0,5})?(?P<comment>[^*]{0,64})\*/   # SQL /* */ and MySQL /*!50000 x */
    """,
    re.VERBOSE | re.IGNORECASE,
)


_PLAIN_COMMENT: Final = re.compile(rb"[\w\s!#,.:-]*")


def _escaped_rows(texts: Texts) -> list[int]:
    """Which texts hold something that `_unescape` may change."""
    data = texts.data
    if len(data) <= PAD:
        return []
    first, second = data[:-1], data[1:]
    hits = [np.flatnonzero(first == ord("\\"))]
    hits.append(np.flatnonzero((first == ord("/")) & (second == ord("*"))))
    ands = np.flatnonzero(first == ord("&"))
    ends = data[np.minimum(ands[:, None] + np.arange(3, 9), len(data) - 1)] == ord(";")
    hits.append(ands[ends.any(1) | (second[ands] == ord("#"))])
    places = np.concatenate(hits)
    rows = np.searchsorted(texts.starts, places, side="right") - 1
    return sorted({int(row) for row in np.unique(rows)} | _utf7_rows(texts))


def _utf7_rows(texts: Texts) -> set[int]:
    """Texts with several words that may be ASCII in UTF-7: one is likely to be chance."""
    data = texts.data
    at = np.flatnonzero(data == ord("A"))
    at = at[(at > 0) & (at < len(data) - PAD)]
    sign, after = data[at - 1], data[at + 1]
    at = at[((sign == ord("+")) | (sign == 32)) & (after >= ord("A")) & (after <= ord("H"))]
    rows, counts = np.unique(
        np.searchsorted(texts.starts, at, side="right") - 1, return_counts=True
    )
    return {int(row) for row in rows[counts > 1]}


def _unescape(row: int, raw: bytes) -> list[_Piece]:
    pieces: list[_Piece] = []
    done = 0
    cuts = rejoin.cuts(raw) if b"/*" in raw else frozenset()
    meant = [(match, *_meaning(match, cuts)) for match in _ESCAPES.finditer(raw)]
    # One word that would be UTF-7 is chance.
    utf7 = sum(match.lastgroup == "utf7" and new is not None for match, new, _ in meant) > 1
    for match, new, mark in meant:
        if new is None or (match.lastgroup == "utf7" and not utf7):
            continue
        start, end = match.span()
        pieces.append((done, start, None, 0))
        pieces.append((start, end, new, mark))
        done = end
    pieces.append((done, len(raw), None, 0))
    return pieces


def _meaning(match: re.Match[bytes], cuts: frozenset[int]) -> tuple[bytes | None, int]:
    """What an escape stands for and its mark; None to leave it."""
    kind, found = match.lastgroup, match[match.lastgroup or 0]
    if kind == "comment":
        if match.start() in cuts:
            return b"", MARK_COMMENT
        # MySQL runs what a versioned comment holds, and a page shows what SQL takes for a
        # comment; one of plain words counts as a space.
        held = match["version"] or not _PLAIN_COMMENT.fullmatch(found)
        return (b" " + found + b" " if held else b" "), MARK_COMMENT
    if kind == "plain":
        return found, 0
    if kind == "utf7":
        return _from_utf7(found), MARK_OVERLONG
    if kind == "name":
        code = _NAMED.get(found.lower(), -1)
        return (bytes([code]), MARK_ESCAPE) if code >= 0 else (None, 0)
    code = int(found, 10 if kind == "dec" else 16)
    byte = code - 0xFEE0 if 0xFF01 <= code <= 0xFF5E else min(code, BEYOND)
    # JSON writers escape what is not ASCII: no disguise, so no mark.
    return bytes([byte]), MARK_ESCAPE if byte < BEYOND else 0


def _from_utf7(word: bytes) -> bytes | None:
    """The ASCII that a UTF-7 word stands for; None unless it begins with a special sign."""
    try:
        wide = base64.b64decode(word + b"A" * (-len(word) % 4))
    except binascii.Error:
        return None
    n_chars = len(word) * 6 // 16
    high, low = wide[: 2 * n_chars : 2], wide[1 : 2 * n_chars : 2]
    if any(high) or not low or chr(low[0]).isalnum():
        return None
    return low if bool(PRINTABLE[np.frombuffer(low, np.uint8)].all()) else None


def _overlong(texts: Texts) -> None:
    """Overlong two-byte (`%c0%af`) and full-width forms, and curly quotes, to plain ASCII."""
    data = texts.data
    if len(data) <= PAD:
        return
    at = np.flatnonzero((data == 0xC0) | (data == 0xC1))
    after = data[at + 1]
    odd = np.isin(after, np.frombuffer(b"\x2e\x2f\x5c", np.uint8))
    at, after = at[(after >> 6 == 2) | odd], after[(after >> 6 == 2) | odd]
    data[at] = ((data[at] & 1) << 6) | (after & 0x3F)
    wide = np.flatnonzero((data[:-2] == 0xEF) | (data[:-2] == 0xE2))
    middle, last = data[wide + 1], data[wide + 2]
    lead = (data[wide] & 0x0F).astype(np.int64) << 12
    codes = lead | ((middle & 0x3F).astype(np.int64) << 6) | (last & 0x3F)
    full = (codes >= 0xFF01) & (codes <= 0xFF5E)
    # U+2018 to U+201D: databases that map to the nearest letter take them for ' and ".
    curly = (codes >= 0x2018) & (codes <= 0x201D)
    meant = (middle >> 6 == 2) & (last >> 6 == 2) & (full | curly)
    plain = np.where(full, codes - 0xFEE0, np.where(codes < 0x201C, 0x27, 0x22))
    full, wide = full[meant], wide[meant]
    data[wide] = plain[meant].astype(np.uint8)
    if len(at) or full.any():
        places = np.concatenate([at, wide[full]])
        _set_marks(texts, places, MARK_OVERLONG)
        _note(texts, places, MARK_WORDS[MARK_OVERLONG])
    _drop(texts, np.sort(np.concatenate([at + 1, wide + 1, wide + 2])))


def _fold(texts: Texts) -> None:
    """Lower case, one byte for all that is not ASCII, single spaces."""
    padding = _padding(texts)
    data = FOLD[texts.data]
    data[padding] = 0
    texts.data = data
    spaces = data == 32
    _drop(texts, np.flatnonzero(spaces[1:] & spaces[:-1]) + 1)


def _padding(texts: Texts) -> Ints:
    ends = texts.starts + texts.lengths
    return (ends[:, None] + np.arange(PAD)).ravel()
