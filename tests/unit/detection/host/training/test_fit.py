import numpy as np
import pytest
import torch

from soc_copilot.detection.host.model import Shape
from soc_copilot.detection.host.training.dataset import balanced
from soc_copilot.detection.host.training.fit import (
    Recipe,
    fit_forest,
    fit_net,
    net_logits,
    new_net,
)

RECIPE = Recipe(epochs=6, share=1.0, streams=8, chunk=32, rate=0.01)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_training_tells_harm_from_work_and_is_the_same_each_time(found):
    net = fit_net(found, Shape(), RECIPE)
    peaks = [float(net_logits(net, s.rows).max()) for s in found]
    harm = [p for p, s in zip(peaks, found, strict=True) if s.trace.is_attack]
    work = [p for p, s in zip(peaks, found, strict=True) if not s.trace.is_attack]
    assert min(harm) > max(work)
    again = fit_net(found, Shape(), RECIPE)
    assert np.array_equal(net_logits(again, found[0].rows), net_logits(net, found[0].rows))


def test_an_untrained_network_knows_the_usual_rows(found):
    net = new_net(Shape(), found, 1)
    weights, rows = np.concatenate(balanced(found)), np.concatenate([s.rows for s in found])
    assert np.allclose(net.mean.numpy(), weights @ rows / weights.sum(), atol=1e-4)
    assert float(net.scale.max()) <= 1 / 0.3 + 1e-4


def test_the_forest_learns_from_ordinary_events_alone(found):
    ordinary = [s for s in found if not s.trace.is_attack]
    forest = fit_forest(found, seed=1, n_trees=8)
    alone = fit_forest(ordinary, seed=1, n_trees=8)
    assert np.array_equal(forest.score(found[0].rows), alone.score(found[0].rows))
