"""The network: a screenshot in, a direction out; pages of one brand point the same way.

Convolutions make local features, several heads each choose where to look (a header's logo, the
look of the whole), and what they see is brought to one vector of length 1. Two more channels say
where on the page a pixel stands: a mark in a list of partners is not one in the header.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from soc_copilot.detection.phishing.visual.pictures import Pixels

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        widths: Channels of the convolutions, in pairs with their strides.
        strides: 1 or 2 each.
        n_heads: Places that are looked at.
        size: Numbers of the embedding.
    """

    widths: tuple[int, ...] = (16, 24, 32, 48, 64, 96, 96)
    strides: tuple[int, ...] = (2, 2, 1, 2, 1, 2, 1)
    n_heads: int = 4
    size: int = 128


class PageNet(nn.Module):
    """Embeddings from pictures of one frame."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before = 5
        for width, stride in zip(shape.widths, shape.strides, strict=True):
            layers += [
                nn.Conv2d(before, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            before = width
        self.features = nn.Sequential(*layers)
        self.heads = nn.Conv2d(before, shape.n_heads, 1)
        self.last = nn.Linear(before * (shape.n_heads + 1), shape.size, bias=False)
        # Without it, all pages point nearly the same way at first, and little is learnt.
        self.middle = nn.BatchNorm1d(shape.size, affine=False)

    @override
    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings, shape (n, size), each of length 1.

        Args:
            pictures: Bytes, shape (n, tall, wide, 3).
        """
        return self.point(self.see(pictures))

    def see(self, pictures: Tensor) -> Tensor:
        """What the heads see in pictures of one frame, shape (n, n_seen)."""
        found = self.features(with_places(pictures))
        chosen = torch.softmax(self.heads(found).flatten(2), dim=2)
        flat = found.flatten(2)
        seen = torch.einsum("ncp,nhp->nhc", flat, chosen).flatten(1)
        return torch.cat([seen, flat.mean(dim=2)], dim=1)

    def point(self, seen: Tensor) -> Tensor:
        """Embeddings of what was seen, each of length 1; in training, of all frames together."""
        return functional.normalize(self.middle(self.last(seen).float()), dim=1)


def with_places(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] with two more channels: how far down, and how far across.

    Args:
        pictures: Bytes, shape (n, tall, wide, 3).

    Returns:
        Shape (n, 5, tall, wide).
    """
    values = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    n, _, tall, wide = values.shape
    down = torch.linspace(-1.0, 1.0, tall).view(1, 1, tall, 1).expand(n, 1, tall, wide)
    across = torch.linspace(-1.0, 1.0, wide).view(1, 1, 1, wide).expand(n, 1, tall, wide)
    return torch.cat([values, down, across], dim=1)


def embed(net: PageNet, pictures: Sequence[Pixels]) -> Floats:
    """Embeddings of pictures, shape (n, size); each is passed through alone.

    Args:
        net: In evaluation mode.
        pictures: As `pictures.to_frame` makes them.
    """
    with torch.inference_mode():
        found = [net(torch.from_numpy(np.array(one))[None])[0] for one in pictures]
    if not found:
        return np.empty((0, net.shape.size), np.float32)
    return torch.stack(found).numpy()
