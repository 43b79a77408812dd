"""The network: hashed byte n-grams, summed over short stretches, the strongest kept.

A text is cut into stretches of `STRETCH` bytes. Every n-gram that begins in a stretch is
looked up in one table (an embedding bag: no loop, no tokeniser), the vectors of a stretch
are added up, each stretch is read together with its two neighbours, and each hidden unit
keeps its highest value over the text. So a payload counts the same wherever it stands and
however long the harmless text around it is; the work grows with the length alone.
"""

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

STRETCH: Final = 16  # bytes, chosen by measurement
_MULTIPLIERS: Final = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        sizes: Lengths of the n-grams, ascending, at most `PAD`; size 1 is exact and sees marks.
        bits: The table holds 2**bits hashed rows behind the exact ones.
        width: Numbers per n-gram.
        hidden: Hidden units per stretch.
        n_classes: Attack classes told apart.
    """

    sizes: tuple[int, ...] = (1, 2, 3, 4, 5)
    bits: int = 16
    width: int = 24
    hidden: int = 64
    n_classes: int = 1


@dataclass(frozen=True, slots=True)
class Grams:
    """Table rows of every n-gram of a few texts.

    Attributes:
        rows: int32, shape (n_sizes, n_bytes): one column per byte of text.
        bags: int32, shape (n_stretches,): where each stretch begins in `rows` (second axis).
        per_text: int64, shape (n_texts,): stretches of each text, at least 1.
    """

    rows: npt.NDArray[np.int32]
    bags: npt.NDArray[np.int32]
    per_text: npt.NDArray[np.int64]


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
    rows = _hashes(texts, picked, shape)
    first_stretch = np.cumsum(per_text) - per_text
    within = np.arange(int(per_text.sum())) - np.repeat(first_stretch, per_text)
    bags = np.repeat(first_byte, per_text) + within * STRETCH
    return Grams(rows, bags.astype(np.int32), per_text)


def _hashes(texts: Texts, picked: npt.NDArray[np.int64], shape: Shape) -> npt.NDArray[np.int32]:
    data = texts.data.astype(np.uint32)
    rows = np.empty((len(shape.sizes), len(picked)), np.int32)
    rolling = data
    size = 1
    for row, wanted in zip(rows, shape.sizes, strict=True):
        while size < wanted:
            rolling = rolling[:-1] * np.uint32(0x01000193)
            rolling += data[size:]
            size += 1
        if wanted == 1:
            row[:] = data[picked]
            if texts.marks is not None:
                row += texts.marks[picked].astype(np.int32) * 256
            continue
        # The last bytes of the buffer are padding, so every n-gram of a text is whole.
        mixed = rolling[picked]
        mixed *= np.uint32(_MULTIPLIERS[wanted % 5])
        mixed ^= mixed >> np.uint32(15)
        mixed *= np.uint32(0x2C1B3C6D)
        mixed >>= np.uint32(32 - shape.bits)
        row[:] = mixed
        row += EXACT_ROWS
    return rows


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
        self.forget = 0.0  # share of n-grams and features left out, while training

    def sums(self, rows: Tensor, bags: Tensor) -> Tensor:
        """The added-up vectors of each stretch's n-grams, shape (n_stretches, width)."""
        weights: list[Tensor | None] = [None] * len(rows)
        if self.training and self.forget > 0:
            keep = torch.empty(rows.shape, device=rows.device).bernoulli_(1 - self.forget)
            weights = list(keep.div_(1 - self.forget))
        total: Tensor = self.table(rows[0], bags, weights[0])
        for row, weight in zip(rows[1:], weights[1:], strict=True):
            total = total + self.table(row, bags, weight)
        return total

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
        hidden = torch.relu(self.stretch(seen))
        return torch.segment_reduce(hidden, "max", lengths=per_text, axis=0, unsafe=True)

    def head(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Logits from pooled hidden units."""
        pooled = functional.dropout(pooled, self.forget, self.training)
        logit = self.attack(torch.relu(self.mix(pooled))).squeeze(1)
        return logit, self.kind(pooled)


def forward(net: WebNet, found: Grams) -> tuple[Tensor, Tensor]:
    """Logits of hashed texts: of shape (n_texts,), and (n_texts, n_classes) for the class."""
    device = net.table.weight.device
    rows, bags, per_text = (
        torch.from_numpy(part).to(device) for part in (found.rows, found.bags, found.per_text)
    )
    return net.head(net.pool(net.sums(rows, bags), per_text))


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
