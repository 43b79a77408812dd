"""The forecast's network: an LSTM over what each hour brought, and a head for each horizon.

It corrects a linear base (`base.py`) and says how far off it may be: the head gives a shift, in
units of the base's usual error, and the scale of a Laplace distribution around it.

Source:
    Hochreiter and Schmidhuber, Long short-term memory, 1997.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from typing_extensions import override

# Chosen: the log of the scale is kept within these, so that no hour counts without bounds.
LOG_SCALE: Final = (-3.0, 3.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        n_inputs: Numbers per hour that the LSTM reads.
        n_rows: Numbers per forecast beside its state, for each horizon.
        width: Units of the LSTM.
        head: Units of the head's first layer.
    """

    n_inputs: int
    n_rows: tuple[int, ...]
    width: int = 48
    head: int = 64


class LoadNet(nn.Module):
    """Shift and log scale of the forecasts from each hour."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.lstm = nn.LSTM(shape.n_inputs, shape.width, batch_first=True)
        self.entries = nn.ModuleList(nn.Linear(shape.width + n, shape.head) for n in shape.n_rows)
        self.middles = nn.ModuleList(nn.Linear(shape.head, shape.head // 2) for _ in shape.n_rows)
        self.exits = nn.ModuleList(nn.Linear(shape.head // 2, 2) for _ in shape.n_rows)
        for layer in self.exits:
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    @override
    def forward(
        self, inputs: Tensor, rows: list[Tensor], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
        """Forecast from every hour of several series.

        Args:
            inputs: Shape (n_series, n_hours, n_inputs).
            rows: For each horizon, shape (n_series, n_hours, n_rows).
            state: Of the LSTM; nothing was seen by default.

        Returns:
            For each horizon shift and log scale, shape (n_series, n_hours, 2); the new state.
        """
        hidden, state = self.lstm(inputs, state)
        return [self.head(i, hidden, row) for i, row in enumerate(rows)], state

    def head(self, which: int, hidden: Tensor, row: Tensor) -> Tensor:
        """Shift and log scale of one horizon, shape (..., 2)."""
        first = torch.relu(self.entries[which](torch.cat([hidden, row], -1)))
        found: Tensor = self.exits[which](torch.relu(self.middles[which](first)))
        return torch.stack([found[..., 0], found[..., 1].clamp(*LOG_SCALE)], -1)


def from_tensors(tensors: Mapping[str, Tensor], shape: Shape) -> LoadNet:
    """The network with stored weights, ready to forecast."""
    net = LoadNet(shape)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return net.eval()
