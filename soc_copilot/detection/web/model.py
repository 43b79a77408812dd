"""The network: hashed n-grams of four views, summed over short stretches, the strongest kept.

A text is cut into stretches of `STRETCH` bytes. Every n-gram that begins in a stretch is
looked up in one table (an embedding bag: no loop, no tokeniser), the vectors of a stretch
are added up, each stretch is read together with its two neighbours, and each hidden unit
keeps its highest value over the text. So a payload counts the same wherever it stands and
however long the harmless text around it is; the work grows with the length alone.

What an n-gram is made of depends on its view (see `VIEWS`): bytes as they are, bytes with
letters or digits made alike, or runs: words, numbers and single signs. The views that forget
letters and digits are what carries over to payloads never met.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from soc_copilot.detection.web.normalise import N_MARKS, PAD, Texts

Floats32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint32]

STRETCH: Final = 16  # bytes, chosen by measurement
ROLL: Final = np.uint32(0x01000193)  # FNV's prime
# First letter of a view: what its n-grams are made of. The number behind it: how many.
VIEWS: Final = {
    "e": "bytes",
    "d": "bytes, all digits alike",
    "s": "bytes, all letters alike and all digits alike",
    "w": "runs: words as they are, all numbers alike, single signs",
    "k": "runs: all words alike, all numbers alike, single signs",
    "f": "a word and the kinds of the runs behind it",
}
_OF_RUNS: Final = "wkf"
_LETTER, _DIGIT = ord("a"), ord("0")


def _alike(*, letters: bool) -> npt.NDArray[np.uint8]:
    table = np.arange(256, dtype=np.uint8)
    table[_DIGIT : _DIGIT + 10] = _DIGIT
    if letters:
        table[_LETTER : _LETTER + 26] = _LETTER
    return table


DIGITS_ALIKE: Final = _alike(letters=False)
KINDS_ALIKE: Final = _alike(letters=True)
# Each place in a word has its own odd factor, so that a word's hash is one sum.
PLACES: Final = np.random.default_rng(5).integers(0, 1 << 31, 64).astype(np.uint32) * 2 + 1


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        views: Of n-grams, as "e3": a letter of `VIEWS` and a length of at most `PAD`, shorter
            ones of a letter first. "e1" must be there: it is exact and sees marks.
        bits: The table holds 2**bits hashed rows behind the exact ones.
        width: Numbers per n-gram.
        hidden: Hidden units per stretch.
        n_classes: Attack classes told apart.
    """

    views: tuple[str, ...] = ("e1", "e2", "e3", "d4", "w1", "w3", "k4", "k7", "f4")
    bits: int = 17
    width: int = 24
    hidden: int = 96
    n_classes: int = 1

    @property
    def of_bytes(self) -> tuple[str, ...]:
        """The views with an n-gram at every byte."""
        return tuple(view for view in self.views if view[0] not in _OF_RUNS)

    @property
    def of_runs(self) -> tuple[str, ...]:
        """The views with an n-gram at every run."""
        return tuple(view for view in self.views if view[0] in _OF_RUNS)


@dataclass(frozen=True, slots=True)
class Grams:
    """Table rows of every n-gram of a few texts.

    Attributes:
        rows: int32, shape (n_views_of_bytes, n_bytes): one column per byte of text.
        bags: int32, shape (n_stretches,): where each stretch begins in `rows` (second axis).
        per_text: int64, shape (n_texts,): stretches of each text, at least 1.
        run_rows: int32, shape (n_views_of_runs, n_runs): one column per run.
        run_bags: int32, shape (n_stretches,): where each stretch begins in `run_rows`.
        run_starts: int64, shape (n_runs,): column of `rows` that each run begins at.
    """

    rows: npt.NDArray[np.int32]
    bags: npt.NDArray[np.int32]
    per_text: npt.NDArray[np.int64]
    run_rows: npt.NDArray[np.int32]
    run_bags: npt.NDArray[np.int32]
    run_starts: npt.NDArray[np.int64]


EXACT_ROWS: Final = 256 * N_MARKS


def grams(texts: Texts, shape: Shape) -> Grams:
    """Hash every n-gram of normalised texts.

    The padding behind a text takes part, so that its end is seen, and so that a text's
    n-grams are the same whatever stands next to it.
    """
    lengths = np.maximum(texts.lengths, 1)  # an empty text is one byte of padding
    per_text = -(-lengths // STRETCH)
    first_byte = np.cumsum(lengths) - lengths
    keep = np.ones(len(texts.data), bool)
    ends = texts.starts + texts.lengths
    keep[ends[:, None] + np.arange(PAD)] = False
    keep[texts.starts] = True
    picked = np.flatnonzero(keep)
    rows = _of_bytes(texts, picked, shape)
    first_stretch = np.cumsum(per_text) - per_text
    within = np.arange(int(per_text.sum())) - np.repeat(first_stretch, per_text)
    bags = np.repeat(first_byte, per_text) + within * STRETCH
    run_rows, run_starts = _of_runs(texts, keep, first_byte - texts.starts, shape)
    run_bags = np.searchsorted(run_starts, bags)
    return Grams(
        rows, bags.astype(np.int32), per_text, run_rows, run_bags.astype(np.int32), run_starts
    )


def _of_bytes(texts: Texts, picked: npt.NDArray[np.int64], shape: Shape) -> Rows:
    """Rows of the n-grams that begin at each of the picked bytes."""
    views = shape.of_bytes
    rows = np.empty((len(views), len(picked)), np.int32)
    rolling: dict[str, _Rolling] = {}
    for row, view in zip(rows, views, strict=True):
        letter, size = view[0], int(view[1:])
        if view == "e1":
            row[:] = texts.data[picked]
            if texts.marks is not None:
                row += texts.marks[picked].astype(np.int32) * 256
            continue
        if letter not in rolling:
            rolling[letter] = _Rolling(_seen(texts.data, letter).astype(np.uint32))
        # The last bytes of the buffer are padding, so every n-gram of a text is whole.
        row[:] = _rows(rolling[letter].grown(size)[picked], view, shape)
    return rows


def _seen(data: npt.NDArray[np.uint8], letter: str) -> npt.NDArray[np.uint8]:
    if letter == "e":
        return data
    return (DIGITS_ALIKE if letter == "d" else KINDS_ALIKE)[data]


class _Rolling:
    """Hashes of n-grams that grow: each length is made from the one before."""

    def __init__(self, ones: Hashes) -> None:
        self._ones = self._hashes = ones
        self._size = 1

    def grown(self, size: int) -> Hashes:
        """Hashes of the n-grams of a length, the last `size - 1` left out; not to be changed.

        Args:
            size: Not less than the last time.
        """
        while self._size < size:
            self._hashes = self._hashes[:-1] * ROLL + self._ones[self._size :]
            self._size += 1
        return self._hashes


def _rows(mixed: Hashes, view: str, shape: Shape) -> Rows:
    """Table rows behind the exact ones for n-gram hashes; changes them in place."""
    mixed *= np.uint32(0x9E3779B1)
    mixed += np.uint32(zlib.crc32(view.encode()))
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    mixed >>= np.uint32(32 - shape.bits)
    rows: Rows = mixed.astype(np.int32) + EXACT_ROWS
    return rows


def _of_runs(
    texts: Texts, keep: npt.NDArray[np.bool_], shifts: npt.NDArray[np.int64], shape: Shape
) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Rows of the n-grams that begin at each run, and which column of bytes that is.

    Args:
        texts: Normalised.
        keep: Which bytes have a column.
        shifts: From byte to column, for each text.
        shape: Says the views.
    """
    views = shape.of_runs
    if not views:
        return np.empty((0, 0), np.int32), np.empty(0, np.int64)
    kinds = KINDS_ALIKE[texts.data]
    is_start = np.ones(len(kinds), bool)
    same = kinds[1:] == kinds[:-1]
    same &= (kinds[1:] == _LETTER) | (kinds[1:] == _DIGIT)
    np.logical_not(same, out=is_start[1:])
    starts = np.flatnonzero(is_start)
    kind_of = kinds[starts].astype(np.uint32)
    word_of = _words(texts.data, starts, kind_of)
    picked = np.flatnonzero(keep[starts])
    rows = np.empty((len(views), len(picked)), np.int32)
    rolling = {"w": _Rolling(word_of), "k": _Rolling(kind_of), "f": _Rolling(kind_of)}
    for row, view in zip(rows, views, strict=True):
        hashes = rolling[view[0]].grown(int(view[1:]))
        if view[0] == "f":
            hashes = word_of[picked] * np.uint32(0x85EBCA6B) + hashes[picked + 1]
        else:
            hashes = hashes[picked]
        row[:] = _rows(hashes, view, shape)
    starts = starts[picked]
    per_text = np.diff(np.searchsorted(starts, texts.starts), append=len(starts))
    return rows, starts + np.repeat(shifts, per_text)


def _words(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], kinds: Hashes) -> Hashes:
    """A hash of each run: of a word's letters, or of its kind."""
    lengths = np.diff(starts, append=len(data))
    within = np.arange(len(data), dtype=np.int32)
    within -= np.repeat(starts.astype(np.int32), lengths)
    np.minimum(within, len(PLACES) - 1, out=within)
    spread = PLACES[within]
    spread *= data
    words: Hashes = np.add.reduceat(spread, starts, dtype=np.uint32)
    return np.where(kinds == _LETTER, words, kinds)


class WebNet(nn.Module):
    """Logits from n-gram rows: one for "attack", `n_classes` for its class."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.table = nn.EmbeddingBag(
            EXACT_ROWS + (1 << shape.bits), shape.width, mode="sum", include_last_offset=False
        )
        nn.init.normal_(self.table.weight, std=0.05)
        self.stretch = nn.Linear(3 * shape.width, shape.hidden)
        self.mix = nn.Linear(shape.hidden, 32)
        self.attack = nn.Linear(32, 1)
        self.kind = nn.Linear(shape.hidden, shape.n_classes)
        self.forget = 0.0  # share of features left out, while training

    def sums(self, found: Grams) -> Tensor:
        """The added-up vectors of each stretch's n-grams, shape (n_stretches, width)."""
        device = self.table.weight.device
        total = torch.zeros(len(found.bags), self.shape.width, device=device)
        for part, starts in ((found.rows, found.bags), (found.run_rows, found.run_bags)):
            if not len(part):
                continue
            # One look-up for all views: while training, each makes slopes of the whole table.
            before = np.arange(len(part), dtype=np.int32)[:, None] * np.int32(part.shape[1])
            rows = torch.from_numpy(part.reshape(-1)).to(device)
            begins = torch.from_numpy((before + starts).reshape(-1)).to(device)
            by_view = self.look_up(rows, begins).view(len(part), len(starts), -1)
            total = total + by_view.sum(0)
        return total

    def look_up(self, rows: Tensor, begins: Tensor) -> Tensor:
        """Sums of the table's vectors from each beginning to the next."""
        found: Tensor = self.table(rows, begins)
        return found

    def pool(self, bits: Tensor, per_text: Tensor) -> Tensor:
        """The highest value of each hidden unit over each text's stretches."""
        first = torch.cumsum(per_text, 0) - per_text
        last = first + per_text - 1
        before = torch.roll(bits, 1, 0)
        after = torch.roll(bits, -1, 0)
        ends = torch.ones(len(bits), 1, dtype=bits.dtype, device=bits.device)
        starts = ends.clone()
        starts[first] = 0.0
        ends[last] = 0.0
        seen = torch.cat([before * starts, bits, after * ends], 1)
        hidden = self.stretch(seen)
        # The highest of the rectified values is the rectified highest one.
        highest = torch.segment_reduce(hidden, "max", lengths=per_text, axis=0, unsafe=True)
        return torch.relu(highest)

    def head(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Logits from pooled hidden units."""
        pooled = functional.dropout(pooled, self.forget, self.training)
        logit = self.attack(torch.relu(self.mix(pooled))).squeeze(1)
        return logit, self.kind(pooled)


def forward(net: WebNet, found: Grams) -> tuple[Tensor, Tensor]:
    """Logits of hashed texts: of shape (n_texts,), and (n_texts, n_classes) for the class."""
    per_text = torch.from_numpy(found.per_text).to(net.table.weight.device)
    return net.head(net.pool(net.sums(found), per_text))


def from_tensors(tensors: Mapping[str, Tensor], shape: Shape) -> WebNet:
    """The network with stored weights, ready to score."""
    net = WebNet(shape)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return net.eval()


@dataclass(frozen=True, slots=True)
class Layers:
    """The weights as NumPy arrays, for explanations.

    Attributes:
        table: Vectors of the n-grams.
        stretch, mix: Weight and bias of the two hidden layers.
        attack: Weights of the last layer.
    """

    table: Floats32
    stretch: tuple[Floats32, Floats32]
    mix: tuple[Floats32, Floats32]
    attack: Floats32

    @classmethod
    def of(cls, net: WebNet) -> "Layers":
        """Views of the network's weights; copies where it is on a GPU."""

        def array(tensor: Tensor) -> Floats32:
            found: Floats32 = tensor.detach().cpu().numpy()
            return found

        return cls(
            table=array(net.table.weight),
            stretch=(array(net.stretch.weight), array(net.stretch.bias)),
            mix=(array(net.mix.weight), array(net.mix.bias)),
            attack=array(net.attack.weight)[0],
        )
