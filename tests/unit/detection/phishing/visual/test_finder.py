from collections.abc import Mapping

import numpy as np
import pytest
import torch
from PIL import Image
from typing_extensions import override

from soc_copilot.detection.phishing.visual import finder
from soc_copilot.detection.phishing.visual.finder import (
    MOST,
    STRIDE,
    UNIT,
    FinderNet,
    FoundLogo,
    find_logos,
    frame_for,
)
from soc_copilot.detection.phishing.visual.pictures import open_picture
from tests.unit.detection.phishing.visual.pages import FINDER_SHAPE, networks, screenshot


class Told(FinderNet):
    """Says what it is told to."""

    def __init__(self, cells: Mapping[tuple[int, int], tuple[float, ...]]) -> None:
        super().__init__(FINDER_SHAPE)
        self.cells = cells

    @override
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        n, tall, wide, _ = pictures.shape
        answer = torch.full((n, 5, tall // STRIDE, wide // STRIDE), -9.0)
        for (row, column), (logit, *sides) in self.cells.items():
            answer[0, :, row, column] = torch.tensor([logit, *np.log(np.array(sides) / UNIT)])
        return answer


def test_boxes_are_told_in_the_pictures_own_pixels() -> None:
    picture = Image.new("RGB", (1280, 800), "white")
    assert frame_for(*picture.size) == (640, 400)
    net = Told({(2, 5): (2.0, 20, 10, 60, 12)})
    (found,) = find_logos(net, picture)
    x, y = 5.5 * STRIDE, 2.5 * STRIDE
    expected = (2 * (x - 20), 2 * (y - 10), 2 * (x + 60), 2 * (y + 12))
    assert found.box == pytest.approx(expected, abs=0.01)
    assert found.sureness == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_neighbours_are_one_logo_and_the_unsure_are_left_out() -> None:
    picture = Image.new("RGB", (1280, 800), "white")
    side = (20, 8, 20, 8)
    cells = {(2, 5): (2.0, *side), (2, 6): (1.0, *side), (20, 40): (0.5, *side)}
    found = find_logos(Told({**cells, (30, 10): (-4.0, *side)}), picture)
    assert [round(one.box[0]) for one in found] == [48, 608]
    many = {(5 * n + 2, 10): (1.0, *side) for n in range(MOST + 3)}
    assert len(find_logos(Told(many), picture)) == MOST


def test_a_box_ends_at_the_pictures_edge() -> None:
    (found,) = find_logos(Told({(0, 0): (2.0, 50, 50, 50, 50)}), Image.new("RGB", (400, 800)))
    assert found.box[:2] == (0.0, 0.0)
    assert found.box[2] < 400


@pytest.mark.parametrize("size", [(640, 400), (390, 844), (1000, 900), (64, 64), (300, 3000)])
def test_every_shape_of_picture_is_looked_at(size: tuple[int, int]) -> None:
    picture = open_picture(screenshot(size=size))
    for one in find_logos(networks().finder, picture):
        assert isinstance(one, FoundLogo)
        left, top, right, bottom = one.box
        assert 0 <= left <= right <= size[0]
        assert 0 <= top <= bottom <= size[1]
        assert finder.LEAST <= one.sureness <= 1
