from pathlib import Path

import pytest
import torch

from soc_copilot.detection.phishing.training.visual.fit_finder import (
    FinderRecipe,
    PageBatches,
    fit_finder,
    loss_of,
    wanted,
)
from soc_copilot.detection.phishing.training.visual.render import read_shots
from soc_copilot.detection.phishing.visual.finder import STRIDE, UNIT, find_logos
from soc_copilot.detection.phishing.visual.pictures import Frame, open_picture
from tests.unit.detection.phishing.training.visual.made import make_folder
from tests.unit.detection.phishing.visual.pages import FINDER_SHAPE, screenshot

SMALL = FinderRecipe(steps=2, pages=2)
FRAME = Frame(640, 400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pages"))


def test_cells_in_a_logos_core_are_wanted_and_those_at_its_edge_do_not_matter() -> None:
    found = wanted([(200, 100, 400, 140)], (1280, 800), FRAME)  # half of it in the frame
    core = (found.is_logo == 1).nonzero().tolist()
    assert {row for row, _ in core} == {6, 7, 8}
    assert [7, 18] in core
    assert found.is_logo[7, 13] == -1
    assert found.is_logo[30, 60] == 0
    row, column = 7, 18
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    sides = (UNIT * torch.exp(found.sides[:, row, column])).tolist()
    assert sides == pytest.approx([x - 100, y - 50, 200 - x, 70 - y], abs=0.01)
    assert (wanted([], (1280, 800), FRAME).is_logo == 0).all()
    assert (wanted([(0, 900, 50, 950)], (1280, 2000), FRAME).is_logo == 0).all()  # below the frame


def test_the_loss_is_low_for_the_right_answer_alone() -> None:
    found = wanted([(200, 100, 400, 140)], (1280, 800), FRAME)
    is_logo, sides = found.is_logo[None], found.sides[None]
    right = torch.cat([torch.where(is_logo > 0, 9.0, -9.0)[:, None], sides], dim=1)
    none = torch.cat([torch.full_like(right[:, :1], -9.0), sides], dim=1)
    askew = torch.cat([right[:, :1], sides + 0.5], dim=1)
    everywhere = torch.cat([torch.full_like(right[:, :1], 9.0), sides], dim=1)
    assert loss_of(right, is_logo, sides).item() < 0.01
    for wrong in (none, askew, everywhere):
        assert loss_of(wrong, is_logo, sides).item() > 0.1


def test_batches_are_of_one_frame(folder: Path) -> None:
    batches = PageBatches(list(read_shots(folder, "train")), SMALL, 1)
    for _ in range(4):
        pictures, is_logo, sides = batches.deal()
        assert pictures.shape[0] == SMALL.pages
        cells = tuple(-(-side // STRIDE) for side in pictures.shape[1:3])
        assert is_logo.shape == (SMALL.pages, *cells)
        assert sides.shape == (SMALL.pages, 4, *cells)


def test_fitting_gives_a_network_that_can_be_asked(folder: Path) -> None:
    net = fit_finder(list(read_shots(folder, "train")), SMALL, 1, FINDER_SHAPE)
    assert not net.training
    find_logos(net, open_picture(screenshot()))
