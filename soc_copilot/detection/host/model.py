"""The sequence model: two layers of minimal gated recurrent units over a stream's events.

A unit's gate z and candidate c come from the event alone, not from the unit's past, so
h_t = (1 - z_t) h_{t-1} + z_t c_t is linear in h: many events of one stream are taken in at
once, by a scan over pairs (1 - z, z c). Only products of numbers in [0, 1] and sums of
numbers in (-1, 1) are formed, never a quotient, so nothing over- or underflows harmfully.

Two forms of the same network: `HostNet` (torch: training, and batches on any device) and
`CompiledNet` (the processor: rows in order of arrival, one by one, in machine code). Every
layer ends in x / sqrt(1 + x^2): only operations that every device rounds alike, and bounded, so
that features beyond all that was learned from do not raise the score beyond all bounds.

Source:
    Feng et al., Were RNNs all we needed?, 2024 (minGRU); Blelloch, Prefix sums and their
    applications, 1990 (scan); Carlile et al., Improving deep learning by inverse square root
    linear units, 2017 (the gate).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

_RADIX: Final = 16  # rows that one step of the scan puts together, measured: 8 to 64 are alike
_HALF: Final = np.float32(0.5)
_ONE: Final = np.float32(1)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        n_features: Numbers per event.
        width: Units per layer.
        layers: Recurrent layers.
        limit: Normalised features are cut to [-limit, limit].
    """

    n_features: int = 30
    width: int = 32
    layers: int = 2
    limit: float = 4.0


class HostNet(nn.Module):
    """Logits that harm is being done, one per event, and each stream's state."""

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(shape.n_features))
        self.register_buffer("scale", torch.ones(shape.n_features))
        self.entry = nn.Linear(shape.n_features, shape.width)
        self.gates = nn.ModuleList(
            nn.Linear(shape.width, 2 * shape.width) for _ in range(shape.layers)
        )
        self.mix = nn.Linear(shape.width, shape.width)
        self.head = nn.Linear(shape.width, 1)
        for gate in self.gates:  # memories of a few to about a hundred events to begin with
            nn.init.uniform_(gate.bias[: shape.width], -5.0, -0.5)  # type: ignore[index]

    def initial(self, n_streams: int) -> Tensor:
        """The state of streams of which nothing was seen, shape (n_streams, layers, width)."""
        return self.mean.new_zeros(n_streams, self.shape.layers, self.shape.width)

    @override
    def forward(
        self, rows: Tensor, state: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Score several events of several streams.

        Args:
            rows: Features, float32, shape (n_streams, n_events, n_features), oldest first.
            state: Of each stream, shape (n_streams, layers, width).
            lengths: Events of each stream that count, int64, shape (n_streams,); all by default.

        Returns:
            Logits, shape (n_streams, n_events), 0 behind a stream's length; the new state.
        """
        n_streams, n_events = rows.shape[:2]
        if lengths is None:
            lengths = torch.full((n_streams,), n_events, device=rows.device)
        present = torch.arange(n_events, device=rows.device) < lengths[:, None]
        logits, state = self.packed(rows[present], lengths, state)
        return rows.new_zeros(n_streams, n_events).masked_scatter(present, logits), state

    def packed(self, rows: Tensor, lengths: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Score events without padding: all of the first stream, then of the second...

        Args:
            rows: Features, float32, shape (lengths.sum(), n_features).
            lengths: Events of each stream, int64, shape (n_streams,); 0 is allowed.
            state: Of each stream, shape (n_streams, layers, width).

        Returns:
            Logits, shape (lengths.sum(),), and the new state.
        """
        there = torch.nonzero(lengths).squeeze(1)
        last = torch.cumsum(lengths, 0)[there] - 1
        first = last - lengths[there] + 1
        bits, states = self._entry(rows), []
        for layer, gate in enumerate(self.gates):
            keep, new = self._gate(gate, bits)
            # A stream's first row starts from the stream's state and from nothing before it.
            new = new.index_add(0, first, keep[first] * state[there, layer])
            hidden = scan(keep.index_fill(0, first, 0.0), new)
            states.append(state[:, layer].index_copy(0, there, hidden[last]))
            bits = bits + hidden
        return self._exit(bits), torch.stack(states, 1)

    def step(self, rows: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Score one event of each stream: `forward` without the scan.

        Args:
            rows: Features, float32, shape (n_streams, n_features).
            state: Shape (n_streams, layers, width).

        Returns:
            Logits, shape (n_streams,), and the new state.
        """
        bits, states = self._entry(rows), []
        for layer, gate in enumerate(self.gates):
            keep, new = self._gate(gate, bits)
            states.append(torch.addcmul(new, keep, state[:, layer]))
            bits = bits + states[-1]
        return self._exit(bits), torch.stack(states, 1)

    def _entry(self, rows: Tensor) -> Tensor:
        limit = self.shape.limit
        normal = (rows - self.mean) * self.scale
        normal = torch.nan_to_num(normal, 0.0, limit, -limit).clamp(-limit, limit)
        return _squash(self.entry(normal))

    def _gate(self, gate: nn.Module, bits: Tensor) -> tuple[Tensor, Tensor]:
        both, width = _squash(gate(bits)), self.shape.width
        share = 0.5 + 0.5 * both[:, :width]
        return 1 - share, share * both[:, width:]

    def _exit(self, bits: Tensor) -> Tensor:
        logits: Tensor = self.head(_squash(self.mix(bits))).squeeze(1)
        return logits


def _squash(raw: Tensor) -> Tensor:
    return raw * torch.rsqrt(1 + raw * raw)


def scan(keep: Tensor, new: Tensor) -> Tensor:
    """h_t = keep_t h_{t-1} + new_t for all t, with h_{-1} = 0.

    Rows are put together by sixteens, the sixteens in turn, and so on: about N operations
    per unit in 16 log16(N) steps, each of them over many rows at once.

    Args:
        keep: In [0, 1], shape (n, width).
        new: Shape (n, width).

    Returns:
        h, shape (n, width).
    """
    n, width = keep.shape
    if n <= _RADIX:
        return torch.stack(_run(keep, new)) if n else new
    spare = -n % _RADIX
    if spare:
        keep = torch.cat([keep, keep.new_ones(spare, width)])
        new = torch.cat([new, new.new_zeros(spare, width)])
    keeps, news = keep.view(-1, _RADIX, width), new.view(-1, _RADIX, width)
    kept = [keeps[:, 0]]
    for at in range(1, _RADIX):
        kept.append(kept[-1] * keeps[:, at])
    within = _run(keeps.transpose(0, 1), news.transpose(0, 1))
    ends = scan(kept[-1], within[-1])
    before = torch.cat([ends.new_zeros(1, width), ends[:-1]])
    parts = [torch.addcmul(h, k, before) for h, k in zip(within, kept, strict=True)]
    return torch.stack(parts, 1).view(-1, width)[:n]


def _run(keep: Tensor, new: Tensor) -> list[Tensor]:
    """The recurrence along the first axis, step by step."""
    found = [new[0]]
    for at in range(1, len(new)):
        found.append(torch.addcmul(new[at], keep[at], found[-1]))
    return found


class CompiledNet:
    """The network for the processor: machine code that takes rows in order of arrival.

    Nothing is sorted or padded, and each row's numbers are added up in the same order
    whatever comes with it: the logits do not depend on how events are put into batches.

    Thread:
        Any, also several at once over states of their own.
    """

    def __init__(self, net: HostNet) -> None:
        def array(tensor: Tensor) -> Floats:
            found: Floats = np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)
            return found

        self.shape = net.shape
        weights = [gate.weight.T for gate in net.gates]
        biases = [gate.bias for gate in net.gates]
        self._weights = (
            array(net.mean),
            array(net.scale),
            array(net.entry.weight.T),
            array(net.entry.bias),
            array(torch.stack(weights)),  # type: ignore[arg-type]
            array(torch.stack(biases)),  # type: ignore[arg-type]
            array(net.mix.weight.T),
            array(net.mix.bias),
            array(net.head.weight[0]),
            array(net.head.bias),
        )
        self._limit = np.float32(net.shape.limit)

    def initial(self, n_streams: int) -> Floats:
        """The state of streams of which nothing was seen, shape (n_streams, layers, width)."""
        return np.zeros((n_streams, self.shape.layers, self.shape.width), np.float32)

    def advance(self, rows: Floats, streams: Indices, state: Floats) -> Floats:
        """Score events and carry their streams' states on.

        Args:
            rows: Features, float32, C order, shape (n, n_features), in order of arrival.
            streams: Row of `state` of each event, int64, shape (n,); not checked.
            state: float32, C order, shape (n_streams, layers, width); changed in place.

        Returns:
            Logits, float32, shape (n,).
        """
        logits = np.empty(len(rows), np.float32)
        _walk(rows, streams, state, logits, self._limit, self._weights)
        return logits


@compiled
def _add(total: Floats, factor: np.float32, row: Floats) -> None:
    for j in range(len(total)):
        total[j] += factor * row[j]


@compiled
def _squash_in_place(raw: Floats) -> None:
    for j in range(len(raw)):
        raw[j] = raw[j] / math.sqrt(_ONE + raw[j] * raw[j])


@compiled
def _turn(both: Floats, state: Floats, bits: Floats) -> None:
    """One layer's state from its gates and candidates, put on top of what came in."""
    width = len(state)
    _squash_in_place(both)
    for j in range(width):
        share = _HALF + _HALF * both[j]
        state[j] = (_ONE - share) * state[j] + share * both[width + j]
        bits[j] += state[j]


@compiled
def _walk(
    rows: Floats,
    streams: Indices,
    state: Floats,
    logits: Floats,
    limit: np.float32,
    weights: tuple[Floats, ...],
) -> None:
    mean, scale, entry, entry_bias, gates, gate_bias, mix, mix_bias, head, head_bias = weights
    layers, width = state.shape[1], state.shape[2]
    bits, both = np.empty(width, np.float32), np.empty(2 * width, np.float32)
    for row in range(len(rows)):
        bits[:] = entry_bias
        for i in range(len(mean)):
            value = (rows[row, i] - mean[i]) * scale[i]
            if value == value:  # a number
                _add(bits, min(max(value, -limit), limit), entry[i])
        _squash_in_place(bits)
        for layer in range(layers):
            both[:] = gate_bias[layer]
            for i in range(width):
                _add(both, bits[i], gates[layer, i])
            _turn(both, state[streams[row], layer], bits)
        both[:width] = mix_bias
        for i in range(width):
            _add(both[:width], bits[i], mix[i])
        _squash_in_place(both[:width])
        logit = head_bias[0]
        for j in range(width):
            logit += both[j] * head[j]
        logits[row] = logit


def from_tensors(tensors: Mapping[str, Tensor], shape: Shape) -> HostNet:
    """The network with stored weights, ready to score."""
    net = HostNet(shape)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return net.eval()
