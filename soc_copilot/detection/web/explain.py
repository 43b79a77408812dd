"""Why a text scored as it did: which bytes, what they say, how they were hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.web.fast import Fast
from soc_copilot.detection.web.loops import strongest_ranges
from soc_copilot.detection.web.normalise import (
    BEYOND,
    MARK_BASE64,
    MARK_DOUBLE,
    MARK_WORDS,
    PERCENT,
    Texts,
)
from soc_copilot.domain.findings import Highlight

Floats = npt.NDArray[np.float64]

_MAX_PARTS: Final = 3  # chosen: highlighted parts of one text
_GAP: Final = 0.05  # chosen: of the strongest byte; weaker ones end a part
_LEAST: Final = 0.4  # chosen: of the strongest part's sum; weaker parts are left out
_MAX_BYTES: Final = 65_536  # chosen: of a text that is explained
_WORD_CHARS: Final = 60  # chosen: of a part shown in words
_PLAIN: Final = bytes(b for b in range(256) if b == 32 or chr(b).isalnum())
_SHOWN: Final = bytes(b if 32 <= b < 127 else ord("\N{MIDDLE DOT}") for b in range(256))
_UNSHOWN: Final = bytes([BEYOND])
_BASE64_CHARS: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="
)


@dataclass(frozen=True, slots=True)
class Part:
    """A suspicious part of a text.

    Attributes:
        highlight: Characters [start, end) of the raw text.
        words: What it says once decoded, lower case, printable ASCII.
        share: Of all that speaks for an attack, in [0, 1].
    """

    highlight: Highlight
    words: str
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one text is suspicious.

    Attributes:
        parts: Strongest first; empty when nothing speaks for an attack.
        hidden_by: How the text was disguised, in words, in the order it was undone.
        special_share: Share of characters that are neither letters, digits nor spaces, in
            the strongest part.
        decoding: Every step that was needed to read the text, in order; some more than once.
    """

    parts: tuple[Part, ...]
    hidden_by: tuple[str, ...]
    special_share: float
    decoding: tuple[str, ...] = ()


def explain(fast: Fast, texts: Sequence[str]) -> list[Explanation]:
    """Explain texts; costs about 0.3 milliseconds each, more for long ones.

    Args:
        fast: The network.
        texts: As they were sent.
    """
    raws = [text.encode("utf-8", "replace")[:_MAX_BYTES] for text in texts]
    return [
        _explain(raw, read, weights)
        for raw, (read, weights) in zip(raws, fast.weigh(raws), strict=True)
    ]


def _explain(raw: bytes, texts: Texts, weights: Floats) -> Explanation:
    read, steps = texts.text(0), tuple(texts.steps[0])
    if not read:
        return Explanation((), (), 0.0, steps)
    spans = [_without_delimiters(read, start, end) for start, end in _strongest(weights)]
    total = float(np.maximum(weights, 0).sum()) or 1.0
    parts = tuple(
        Part(
            highlight=_highlight(texts, raw, start, end),
            words=_words(read[start:end]),
            share=min(float(weights[start:end].sum()) / total, 1.0),
        )
        for start, end in spans
    )
    best = read[spans[0][0] : spans[0][1]] if spans else b""
    special = len(best.translate(None, _PLAIN)) / len(best) if best else 0.0
    return Explanation(parts, _disguises(texts), special, steps)


def _disguises(texts: Texts) -> tuple[str, ...]:
    """What was undone that harmless clients do not need, each once, in order."""
    marks = set() if texts.marks is None else set(texts.marks.tobytes())
    twice = MARK_WORDS[MARK_DOUBLE] if MARK_DOUBLE in marks else ""
    seen = [twice if step == PERCENT else step for step in texts.steps[0]]
    return tuple(dict.fromkeys(step for step in seen if step))


def _strongest(weights: Floats) -> list[tuple[int, int]]:
    """Up to three ranges with the largest sums, strongest first."""
    spans = np.empty((_MAX_PARTS, 2), np.int64)
    n = strongest_ranges(weights, _GAP, _LEAST, spans)
    return [(start, end) for start, end in spans[:n].tolist()]


def _without_delimiters(read: bytes, start: int, end: int) -> tuple[int, int]:
    """The range less what only separates values at its ends, unless nothing would be left."""
    part = read[start:end]
    if not part.strip(b"=&? "):
        return start, end
    return end - len(part.lstrip(b"=&? ")), start + len(part.rstrip(b"=&? "))


def _highlight(texts: Texts, raw: bytes, start: int, end: int) -> Highlight:
    """Where bytes [start, end) of the normalised text stood, in characters of the raw text."""
    origin = texts.origin
    if origin is None:
        raise ValueError("Texts were packed without traced=True.")
    marks = texts.marks
    if marks is not None and (marks[start:end] == MARK_BASE64).any():
        coded = np.flatnonzero(marks[start:end] == MARK_BASE64) + start
        first = last = int(origin[coded[0]])
        while last < len(raw) and raw[last] in _BASE64_CHARS:
            last += 1
        last = max(last, first + 1)
    else:
        first = int(origin[start])
        # Up to where the next byte began, so that a whole %27 is marked.
        last = int(origin[end]) if end < int(texts.lengths[0]) else len(raw)
        if last <= first:  # what follows comes from elsewhere: a decoded word
            last = int(origin[end - 1]) + 1
    return (_chars(raw, first), _chars(raw, last))


def _chars(raw: bytes, n_bytes: int) -> int:
    return len(raw[:n_bytes].decode("utf-8", "ignore"))


def _words(read: bytes) -> str:
    shown = read.translate(_SHOWN, _UNSHOWN).decode("latin-1").strip()
    return shown if len(shown) <= _WORD_CHARS else shown[: _WORD_CHARS - 1] + "…"
