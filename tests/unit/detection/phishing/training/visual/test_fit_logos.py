import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from typing_extensions import override

from soc_copilot.detection.phishing.training.visual.fit_logos import (
    LogoBatches,
    LogoRecipe,
    as_seen,
    cut_out,
    fit_logos,
    is_held_out,
    load_drawn,
    told_apart,
)
from soc_copilot.detection.phishing.visual.logos import TALL, WIDE, LogoNet, to_ink
from soc_copilot.detection.phishing.visual.pictures import open_picture
from tests.unit.detection.phishing.training.visual.made import (
    BRANDS,
    LOGO,
    make_folder,
    picture,
)
from tests.unit.detection.phishing.visual.pages import LOGO_SHAPE

SMALL = LogoRecipe(steps=3, families=2, drawn=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pages"))


def test_logos_are_cut_out_with_ground_around_them(folder: Path) -> None:
    drawn = load_drawn(folder)
    assert sorted({one.identity for one in drawn}) == [3 * b + n for b in BRANDS for n in range(3)]
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
    drawn = [one for one in load_drawn(folder) if not is_held_out(one.identity)]
    logos, own = LogoBatches(drawn, SMALL, 1).deal()
    assert logos.shape == (6 * (4 + 2 + 2), TALL, WIDE)
    assert Counter(own.tolist()) == {3 * b + n: 2 if n else 4 for b in range(6) for n in range(3)}


def test_a_tenth_of_the_families_is_held_out_whole() -> None:
    held = [identity for identity in range(9 * 500) if is_held_out(identity)]
    assert 0.05 < len(held) / 4_500 < 0.15
    assert all(is_held_out(9 * (identity // 9) + n) for identity in held for n in range(9))


def test_logos_that_are_told_apart_are_counted() -> None:
    class Perfect(LogoNet):
        @override
        def forward(self, logos: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(torch.arange(len(logos)) // 3, 8).float()

    page = open_picture(picture(4, "clone", 1))
    drawn = [cut_out(page, LOGO, 3 * brand) for brand in range(4) for _ in range(3)]
    told = told_apart(Perfect(LOGO_SHAPE), drawn)
    assert set(told) == {"whole_at_0.001", "whole_at_0.0001", "whole_at_1e-05"}
    assert set(told.values()) == {1.0}
    mixed = [drawn[n] for n in (0, 3, 6, 1, 4, 9, 2, 7, 10, 5, 8, 11)]
    assert told_apart(Perfect(LOGO_SHAPE), mixed)["whole_at_0.001"] < 0.5


def test_fitting_gives_a_network_that_can_be_asked(folder: Path) -> None:
    net = fit_logos(load_drawn(folder), SMALL, 1, LOGO_SHAPE)
    assert not net.training
    with torch.no_grad():
        found = net(torch.zeros(1, TALL, WIDE, dtype=torch.uint8))
    assert found.norm().item() == pytest.approx(1.0, abs=1e-4)
