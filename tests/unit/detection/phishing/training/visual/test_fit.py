import math
from pathlib import Path

import pytest
import torch

from soc_copilot.detection.phishing.training.visual.fit import (
    COPIES,
    Batches,
    Recipe,
    contrast,
    fit,
    load_examples,
)
from soc_copilot.detection.phishing.training.visual.render import read_shots
from tests.unit.detection.phishing.training.visual.made import make_folder
from tests.unit.detection.phishing.visual.pages import SHAPE

SMALL = Recipe(steps=3, brands=2, pages=2, strangers=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pages"))


def test_near_pages_of_one_label_cost_less() -> None:
    labels = torch.tensor([1, 1, 2, 2, -1])
    apart = torch.nn.functional.one_hot(torch.tensor([0, 0, 1, 1, 2])).float()
    mixed = torch.nn.functional.one_hot(torch.tensor([0, 1, 0, 1, 2])).float()
    low, high = contrast(apart, labels, 0.1).item(), contrast(mixed, labels, 0.1).item()
    # Each has one partner among four others: the best is log(1 + 3 e^-10).
    assert low == pytest.approx(math.log(1 + 3 * math.exp(-10)), abs=1e-4)
    assert high > 9


def test_what_belongs_to_one_owner_is_passed_over() -> None:
    same = torch.nn.functional.one_hot(torch.tensor([0, 0, 0, 0])).float()
    labels, owners = torch.tensor([1, 1, 2, 2]), torch.tensor([7, 7, 7, 7])
    assert contrast(same, labels, 0.1, owners).item() == pytest.approx(0.0, abs=1e-4)
    assert contrast(same, labels, 0.1).item() > 1.0


def test_batches_hold_copies_of_pages_and_no_siblings(folder: Path) -> None:
    shots = list(read_shots(folder, "train"))
    examples = load_examples(shots)
    assert all(max(one.picture.size) == 320 for one in examples)
    batches = Batches(examples, SMALL, 1)
    for _ in range(3):
        pictures, labels = batches.deal()
        assert sum(len(some) for some in pictures.values()) == len(labels)
        for frame, some in pictures.items():
            assert some.shape[1:] == (frame.tall, frame.wide, 3)
        told = labels.tolist()
        assert sorted(label for label in told if label >= 0) == [0, 0, 1, 1]
        strangers = [label for label in told if label < 0]
        assert len(strangers) == len(set(strangers)) == 4
    dealt = [pages for some in batches._of_family.values() for pages in some]
    assert set(batches._of_family) == {0, 1}
    for pages in dealt:
        assert len({(one.shot.brand, one.shot.layout) for one in pages}) == 1
        assert {one.shot.kind for one in pages} <= COPIES


def test_fitting_gives_a_network_that_can_be_asked(folder: Path) -> None:
    examples = load_examples(list(read_shots(folder, "train")))
    net = fit(examples, SMALL, 1, SHAPE)
    assert not net.training
    with torch.no_grad():
        found = net(torch.zeros(1, 160, 256, 3, dtype=torch.uint8))
    assert found.norm().item() == pytest.approx(1.0, abs=1e-4)
