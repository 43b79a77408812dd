"""The network's forward pass as one compiled loop over texts, for the CPU.

The same arithmetic as `normalise`, `model.grams` and `model.forward` (a test holds them
together), without their hundred small array steps, each of which costs microseconds however
short the text is, and without Python's lock.

Texts that hold more than plain or percent-encoded letters (base64 words, escapes, overlong
UTF-8) are normalised by `normalise` first.
"""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.web import model
from soc_copilot.detection.web import normalise as tables
from soc_copilot.detection.web.classes import OTHER
from soc_copilot.detection.web.loops import score_texts, weigh_text
from soc_copilot.detection.web.model import EXACT_ROWS, Layers, Shape, WebNet
from soc_copilot.detection.web.normalise import (
    MARK_DOUBLE,
    PAD,
    PERCENT,
    Texts,
    normalise,
    pack,
    pack_joined,
)

Floats = npt.NDArray[np.float32]
Kinds = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.float64]

_LETTERS: Final = "edswkf"  # in the order of their numbers in `loops`


class Fast:
    """A network's weights, ready for the compiled loop.

    Thread:
        Any; nothing is kept from call to call.
    """

    def __init__(self, net: WebNet, sure: float) -> None:
        """Copy the weights.

        Args:
            net: Trained.
            sure: A class less likely than this is "other".
        """
        layers = Layers.of(net)
        kind = [part.detach().cpu().numpy() for part in (net.kind.weight, net.kind.bias)]
        self._views = _views(net.shape)
        self._n_of_bytes = len(net.shape.of_bytes)
        self._tables = np.stack(
            [tables.FOLD, tables.HEX, tables.BASE64, model.DIGITS_ALIKE, model.KINDS_ALIKE]
        )
        self._places = model.PLACES.astype(np.int64)
        self._rows = np.array(layers.table, np.float32)
        # Transposed, so that the innermost loop runs over units that lie side by side.
        self._layers = tuple(
            np.array(part.T, np.float32, order="C")
            for part in (
                *layers.stretch,
                *layers.mix,
                layers.attack,
                net.attack.bias.detach().cpu().numpy(),
                *kind,
            )
        )
        self._sure = sure

    def score(self, texts: Sequence[bytes]) -> tuple[Floats, Kinds]:
        """Attack logits and class numbers of raw texts."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return self.score_joined(bytes(PAD).join([*texts, b""]), lengths)

    def score_joined(self, joined: bytes, lengths: Ints) -> tuple[Floats, Kinds]:
        """Like `score`, for texts joined as `pack_joined` takes them."""
        starts = np.zeros(len(lengths), np.int64)
        np.cumsum(lengths[:-1] + PAD, out=starts[1:])
        data = np.frombuffer(joined, np.uint8)
        logits, kinds, is_left = self._run(Texts(data, starts, lengths), is_raw=True)
        left = np.flatnonzero(is_left)
        if len(left):
            parts = [joined[starts[i] : starts[i] + lengths[i]] for i in left]
            packed = pack_joined(bytes(PAD).join([*parts, b""]), lengths[left])
            logits[left], kinds[left], _ = self._run(normalise(packed), is_raw=False)
        return logits, kinds

    def weigh(self, raws: Sequence[bytes]) -> list[tuple[Texts, Weights]]:
        """Each text as the network reads it, traced, and how its bytes speak for an attack.

        Returns:
            For each the normalised text alone, and float64 of shape (its bytes,), (1,) for an
            empty one: each byte's share of the logit.
        """
        found: list[tuple[Texts, Weights] | None] = [self._weigh_raw(raw) for raw in raws]
        left = [i for i, one in enumerate(found) if one is None]
        if left:
            read = normalise(pack([raws[i] for i in left], traced=True))
            for row, i in enumerate(left):
                found[i] = self._weigh_read(_alone(read, row))
        return [one for one in found if one is not None]

    def _weigh_raw(self, raw: bytes) -> tuple[Texts, Weights] | None:
        """None when normalising takes more steps than the loop knows."""
        n = len(raw)
        data = np.zeros(n + PAD, np.uint8)
        data[:n] = np.frombuffer(raw, np.uint8)
        marks, origin = np.zeros(n + PAD, np.uint8), np.arange(n + PAD)
        weights = np.zeros(max(n, 1))
        length, n_rounds = self._weigh(data, marks, origin, n, weights, is_raw=True)
        if length < 0:
            return None
        lengths = np.array([length])
        steps = [[PERCENT] * n_rounds]
        read = Texts(data, np.zeros(1, np.int64), lengths, marks, origin, steps)
        return read, weights[: max(length, 1)]

    def _weigh_read(self, read: Texts) -> tuple[Texts, Weights]:
        n = int(read.lengths[0])
        marks = np.zeros(n + PAD, np.uint8) if read.marks is None else read.marks
        weights = np.zeros(max(n, 1))
        self._weigh(read.data, marks, np.empty(0, np.int64), n, weights, is_raw=False)
        return read, weights

    def _weigh(
        self, data: Bytes, marks: Bytes, origin: Ints, n: int, weights: Weights, *, is_raw: bool
    ) -> tuple[int, int]:
        found: tuple[int, int] = weigh_text(
            data, marks, origin, n, is_raw, MARK_DOUBLE, self._views, self._n_of_bytes,
            EXACT_ROWS, self._tables, tables.PRINTABLE, self._places, self._rows, self._layers,
            weights,
        )  # fmt: skip
        return found

    def _run(self, texts: Texts, *, is_raw: bool) -> tuple[Floats, Kinds, Flags]:
        logits = np.empty(texts.n_texts, np.float32)
        kinds = np.empty(texts.n_texts, np.uint8)
        is_left = np.zeros(texts.n_texts, np.bool_)
        marks = texts.marks if texts.marks is not None else np.empty(0, np.uint8)
        # Read-only whatever it was: one type, so one compilation.
        data, marks = texts.data.view(), marks.view()
        data.flags.writeable = marks.flags.writeable = False
        score_texts(
            data, marks, texts.starts, texts.lengths, is_raw, MARK_DOUBLE, self._views,
            self._n_of_bytes, EXACT_ROWS, self._tables, tables.PRINTABLE, self._places, self._rows,
            self._layers, self._sure, OTHER, logits, kinds, is_left,
        )  # fmt: skip
        return logits, kinds, is_left


def _alone(texts: Texts, row: int) -> Texts:
    """One of several texts, with its padding."""
    start, n = int(texts.starts[row]), int(texts.lengths[row])
    own = slice(start, start + n + PAD)
    marks = None if texts.marks is None else texts.marks[own].copy()
    origin = None if texts.origin is None else texts.origin[own]
    lengths = np.array([n])
    return Texts(
        texts.data[own].copy(), np.zeros(1, np.int64), lengths, marks, origin, [texts.steps[row]]
    )


def _views(shape: Shape) -> Ints:
    """For each view its letter's number, its length, its salt and how far hashes are shifted."""
    found = [
        (_LETTERS.index(view[0]), int(view[1:]), zlib.crc32(view.encode()), 32 - shape.bits)
        for view in (*shape.of_bytes, *shape.of_runs)
    ]
    return np.array(found, np.int64).reshape(-1, 4)
