"""Finds a page's own logo: where it stands, and how surely it is one.

Marks in lists of partners, buttons to sign in with, headings and pictures are told from it by what
is around them and by where on the page they stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from soc_copilot.detection.phishing.visual.model import with_places
from soc_copilot.detection.phishing.visual.pictures import (
    Box,
    Frame,
    Pixels,
    frame_of,
    rows_of,
    to_frame,
)

STRIDE: Final = 8  # pixels of the frame for each cell of the answer
_TIMES: Final = 2.5  # chosen: a frame's sides, of those that pages are compared in
UNIT: Final = 16.0  # pixels of the frame; of the distances that the network tells
MOST: Final = 4  # chosen: logos of a page that are compared
LEAST: Final = 0.08  # chosen: sureness of a logo that is looked at
_OVERLAP: Final = 0.3  # chosen: two boxes that share more are one


@dataclass(frozen=True, slots=True)
class FoundLogo:
    """A page's own logo, perhaps.

    Attributes:
        box: Where it stands, pixels of the screenshot.
        sureness: In (0, 1).
    """

    box: Box
    sureness: float


@dataclass(frozen=True, slots=True)
class FinderShape:
    """What the card must say to rebuild the network.

    Attributes:
        widths: Channels of the three convolutions that halve the picture.
        reach: Distances between the cells that a later layer looks at, one for each layer.
    """

    widths: tuple[int, int, int] = (16, 32, 64)
    reach: tuple[int, ...] = (1, 2, 4, 8, 16, 1)


class _Around(nn.Module):
    """Looks around each cell, near or far, and adds what it sees."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, 3, 1, reach, reach, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.mix = nn.Conv2d(width, width, 1, bias=False)
        self.last = nn.BatchNorm2d(width)

    @override
    def forward(self, cells: Tensor) -> Tensor:
        seen = functional.relu(self.norm(self.look(cells)))
        return functional.relu(cells + self.last(self.mix(seen)))


class FinderNet(nn.Module):
    """For each cell of a page: is a logo's middle here, and how far are its sides."""

    def __init__(self, shape: FinderShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before = 5
        for width in shape.widths:
            layers += [
                nn.Conv2d(before, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            before = width
        self.features = nn.Sequential(*layers)
        self.around = nn.Sequential(*(_Around(before, reach) for reach in shape.reach))
        self.whole = nn.Linear(before, before)
        self.head = nn.Sequential(
            nn.Conv2d(before, before, 1, bias=False), nn.BatchNorm2d(before), nn.ReLU(inplace=True)
        )
        self.last = nn.Conv2d(before, 5, 1)
        nn.init.constant_(self.last.bias[:1], -4.0)  # type: ignore[index]  # logos are rare

    @override
    def forward(self, pictures: Tensor) -> Tensor:
        """Answers for every cell.

        Args:
            pictures: Bytes of one frame, shape (n, tall, wide, 3).

        Returns:
            Shape (n, 5, tall / 8, wide / 8): a logit, then the logarithms of the distances to the
            logo's left, top, right and bottom in `UNIT`s.
        """
        cells = self.around(self.features(with_places(pictures)))
        whole = self.whole(cells.mean(dim=(2, 3)))[:, :, None, None]
        found: Tensor = self.last(self.head(cells + whole))
        return found


def frame_for(wide: int, tall: int) -> Frame:
    """The frame that a picture's logos are looked for in."""
    frame = frame_of(wide, tall)
    return Frame(int(frame.wide * _TIMES), int(frame.tall * _TIMES))


def to_look_at(picture: Image.Image) -> Pixels:
    """A screenshot as the network takes it."""
    return to_frame(picture, frame_for(*picture.size))


def find_logos(net: FinderNet, picture: Image.Image) -> list[FoundLogo]:
    """A page's own logos, the surest first; at most `MOST`."""
    frame = frame_for(*picture.size)
    with torch.inference_mode():
        answer = net(torch.from_numpy(np.array(to_frame(picture, frame)))[None])[0].float().numpy()
    return _boxes(answer, picture, frame)


def _boxes(answer: npt.NDArray[np.float32], picture: Image.Image, frame: Frame) -> list[FoundLogo]:
    sure = 1.0 / (1.0 + np.exp(-answer[0]))
    across = picture.width / frame.wide
    down = rows_of(picture.width, picture.height, frame) / min(
        frame.tall, max(1, round(rows_of(picture.width, picture.height, frame) / across))
    )
    found: list[FoundLogo] = []
    for at in np.argsort(-sure, axis=None)[:64]:
        row, column = np.unravel_index(at, sure.shape)
        if sure[row, column] < LEAST or len(found) == MOST:
            break
        sides = UNIT * np.exp(np.clip(answer[1:, row, column], -4.0, 4.0))
        x, y = (float(column) + 0.5) * STRIDE, (float(row) + 0.5) * STRIDE
        box = (
            max((x - float(sides[0])) * across, 0.0),
            max((y - float(sides[1])) * down, 0.0),
            min((x + float(sides[2])) * across, float(picture.width)),
            min((y + float(sides[3])) * down, float(picture.height)),
        )
        if all(_shared(box, other.box) < _OVERLAP for other in found):
            found.append(FoundLogo(box, float(sure[row, column])))
    return found


def _shared(one: Box, other: Box) -> float:
    """What two boxes share, of the smaller one."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    areas: Sequence[float] = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return wide * tall / max(min(areas), 1.0)
