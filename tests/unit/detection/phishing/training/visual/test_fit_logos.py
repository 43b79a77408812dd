import random
from pathlib import Path

import numpy as np
import pytest
import torch

from soc_copilot.detection.phishing.training.visual.fit_logos import (
    LogoBatches,
    LogoRecipe,
    as_seen,
    cut_out,
    fit_logos,
    load_drawn,
)
from soc_copilot.detection.phishing.visual.logos import TALL, WIDE, to_ink
from soc_copilot.detection.phishing.visual.pictures import open_picture
from tests.unit.detection.phishing.training.visual.made import LOGO, make_folder, picture
from tests.unit.detection.phishing.visual.pages import LOGO_SHAPE

SMALL = LogoRecipe(steps=3, families=2, drawn=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pages"))


def test_logos_are_cut_out_with_ground_around_them(folder: Path) -> None:
    drawn = load_drawn(folder)
    assert sorted({one.brand for one in drawn}) == list(range(6))
    for one in drawn:
        left, top, right, bottom = one.around
        assert one.pixels.shape == (30 + top + bottom, 40 + left + right, 3)
        assert max(one.around) <= 12


def test_a_logo_is_seen_smaller_and_worse_but_is_the_same() -> None:
    page = open_picture(picture(4, "clone", 1))
    whole = to_ink(page, LOGO).astype(int)
    drawn = cut_out(page, LOGO, 4)
    rng = random.Random(3)  # noqa: S311 - no secret
    seen = [as_seen(drawn, rng).astype(int) for _ in range(40)]
    assert all(one.shape == (TALL, WIDE) for one in seen)
    assert len({one.tobytes() for one in seen}) > 30
    like = [np.corrcoef(whole.ravel(), one.ravel())[0, 1] for one in seen]
    assert np.median(like) > 0.6


def test_batches_hold_whole_families(folder: Path) -> None:
    logos, brands = LogoBatches(load_drawn(folder), SMALL, 1).deal()
    assert logos.shape == (12, TALL, WIDE)
    assert sorted(brands.tolist()) == sorted(list(range(6)) * 2)


def test_fitting_gives_a_network_that_can_be_asked(folder: Path) -> None:
    net = fit_logos(load_drawn(folder), SMALL, 1, LOGO_SHAPE)
    assert not net.training
    with torch.no_grad():
        found = net(torch.zeros(1, TALL, WIDE, dtype=torch.uint8))
    assert found.norm().item() == pytest.approx(1.0, abs=1e-4)
