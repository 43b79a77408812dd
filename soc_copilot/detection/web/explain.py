"""Why a text scored as it did: which bytes, what they say, how they were hidden."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.web.model import STRETCH, WebNet, forward_parts, grams
from soc_copilot.detection.web.normalise import (
    BEYOND,
    MARK_BASE64,
    MARK_WORDS,
    Texts,
    normalise,
    pack,
)
from soc_copilot.domain.findings import Highlight

_MAX_PARTS: Final = 3  # chosen: highlighted parts of one text
_MAX_BYTES: Final = 65_536  # chosen: of a text that is explained
_WORD_CHARS: Final = 60  # chosen: of a part shown in words
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
        hidden_by: How the text was disguised, in words.
        special_share: Share of characters that are neither letters, digits nor spaces, in
            the strongest part.
    """

    parts: tuple[Part, ...]
    hidden_by: tuple[str, ...]
    special_share: float


def explain(net: WebNet, text: str) -> Explanation:
    """Explain one text; costs about a millisecond, more for long ones."""
    raw = text.encode("utf-8", "replace")[:_MAX_BYTES]
    texts = normalise(pack([raw], traced=True))
    read = texts.text(0)
    if not read:
        return Explanation((), (), 0.0)
    weights = _per_byte(net, texts)
    spans = _strongest(weights)
    total = float(np.maximum(weights, 0).sum()) or 1.0
    parts = tuple(
        Part(
            highlight=_highlight(texts, raw, start, end),
            words=_words(read[start:end]),
            share=min(float(weights[start:end].sum()) / total, 1.0),
        )
        for start, end in spans
    )
    marks = set() if texts.marks is None else set(np.unique(texts.marks).tolist())
    hidden = tuple(words for mark, words in MARK_WORDS.items() if mark in marks)
    best = read[spans[0][0] : spans[0][1]] if spans else b""
    special = sum(not (chr(b).isalnum() or b == 32) for b in best)
    return Explanation(parts, hidden, special / len(best) if best else 0.0)


def _per_byte(net: WebNet, texts: Texts) -> npt.NDArray[np.float64]:
    """How much each byte of the normalised text speaks for an attack.

    The network is linear in the n-grams' vectors up to its hidden units, so gradient times
    vector is each n-gram's share; it is spread evenly over the n-gram's bytes.
    """
    found = grams(texts, net.shape)
    with torch.enable_grad():
        sums, logit = forward_parts(net, found)
        (slopes,) = torch.autograd.grad(logit.sum(), sums)
    rows = torch.from_numpy(found.rows).long()
    stretch = torch.arange(len(rows)) // STRETCH
    vectors = net.table.weight.detach().cpu()[rows]
    shares = (vectors * slopes.cpu()[stretch][:, None, :]).sum(2).double().numpy()
    n_bytes = len(rows)
    spread = np.zeros(n_bytes + 1)
    for column, size in enumerate(net.shape.sizes):
        each = shares[:, column] / size
        np.add.at(spread, np.arange(n_bytes), each)
        np.add.at(spread, np.minimum(np.arange(n_bytes) + size, n_bytes), -each)
    return np.cumsum(spread)[:n_bytes]


def _strongest(weights: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Up to three ranges with the largest sums, strongest first."""
    left = weights - 0.05 * float(weights.max(initial=0.0))  # a gap of weak bytes ends a part
    spans: list[tuple[int, int]] = []
    best = 0.0
    for _ in range(_MAX_PARTS):
        start, end, total = _largest_range(left)
        if total <= 0 or total < 0.4 * best:
            break
        best = max(best, total)
        spans.append((start, end))
        left[start:end] = -np.inf
    return spans


def _largest_range(weights: npt.NDArray[np.float64]) -> tuple[int, int, float]:
    """The contiguous range with the largest sum (Kadane), as [start, end) and the sum."""
    finite = np.where(np.isfinite(weights), weights, -1e9)
    sums = np.concatenate([[0.0], np.cumsum(finite)])
    gains = sums - np.minimum.accumulate(sums)
    end = int(np.argmax(gains))
    if gains[end] <= 0:
        return 0, 0, 0.0
    start = int(np.argmin(sums[: end + 1]))
    return start, end, float(gains[end])


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
    shown = "".join(chr(b) if 32 <= b < 127 else "\N{MIDDLE DOT}" for b in read if b != BEYOND)
    shown = shown.strip()
    return shown if len(shown) <= _WORD_CHARS else shown[: _WORD_CHARS - 1] + "…"
