import numpy as np
import torch

from soc_copilot.detection.web.classes import N_MODEL_CLASSES
from soc_copilot.detection.web.model import Shape
from soc_copilot.detection.web.normalise import normalise, pack
from soc_copilot.detection.web.scorer import Scorer, as_series
from soc_copilot.detection.web.training.fit import Example, Recipe, fit, subset

SHAPE = Shape(views=("e1", "e3", "w1"), bits=10, width=8, hidden=16, n_classes=N_MODEL_CLASSES)


def examples() -> list[Example]:
    harmless = [Example(f"/page/{i}?q=word{i}".encode(), 0) for i in range(200)]
    return harmless + [Example(f"/p/{i}?q=' or {i}={i}--".encode(), 1, i % 2) for i in range(200)]


def test_a_simple_task_is_learned() -> None:
    net = fit(examples(), SHAPE, Recipe(epochs=8, batch=32, rate=2e-2))
    found, _ = Scorer(net).logits(as_series([e.raw.decode() for e in examples()]))
    assert (found[200:].min() > found[:200].max()) or (
        ((found > 0) == np.repeat([False, True], 200)).mean() > 0.97
    )


def test_the_same_seed_gives_the_same_network() -> None:
    first, second = (fit(examples(), SHAPE, Recipe(epochs=1, batch=64)) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_subset_reads_like_the_texts_it_came_from() -> None:
    texts = normalise(pack([b"/a", b"/%2527", b"", b"/ccc"]))
    some = subset(texts, np.array([3, 1]))
    assert [some.text(0), some.text(1)] == [b"/ccc", b"/'"]
    assert some.marks is not None
    assert some.marks.any()
