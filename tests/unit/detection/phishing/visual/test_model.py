import numpy as np
import pytest
import torch

from soc_copilot.detection.phishing.visual.model import PageNet, embed
from soc_copilot.detection.phishing.visual.pictures import (
    LANDSCAPE,
    PORTRAIT,
    open_picture,
    to_frame,
)
from tests.unit.detection.phishing.visual.pages import SHAPE, screenshot


@pytest.fixture
def net() -> PageNet:
    torch.manual_seed(3)
    return PageNet(SHAPE).eval().requires_grad_(False)


def test_embeddings_have_length_one_for_every_frame(net: PageNet) -> None:
    desktop = to_frame(open_picture(screenshot()), LANDSCAPE)
    phone = to_frame(open_picture(screenshot(size=(390, 844))), PORTRAIT)
    found = embed(net, [desktop, phone])
    assert found.shape == (2, SHAPE.size)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert embed(net, []).shape == (0, SHAPE.size)


def test_where_something_stands_matters(net: PageNet) -> None:
    picture = to_frame(open_picture(screenshot()))
    above, below = embed(net, [picture, picture[::-1]])
    assert not np.allclose(above, below, atol=1e-3)


def test_company_does_not_matter(net: PageNet) -> None:
    some = [to_frame(open_picture(screenshot(colour))) for colour in ("red", "green", "black")]
    alone = np.concatenate([embed(net, [one]) for one in some])
    assert embed(net, some) == pytest.approx(alone, abs=1e-6)
