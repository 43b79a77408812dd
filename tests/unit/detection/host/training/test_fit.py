from dataclasses import replace

import numpy as np
import pytest
import torch

from soc_copilot.detection.host.model import Shape
from soc_copilot.detection.host.training.fit import (
    Recipe,
    fit_forest,
    fit_net,
    held_out_loss,
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


def test_training_lowers_the_loss_and_is_the_same_each_time(found):
    net, passes = fit_net(found, [], Shape(), RECIPE)
    assert passes == RECIPE.epochs
    assert held_out_loss(net, found) < 0.6 * held_out_loss(new_net(Shape(), found, 1), found)
    again, _ = fit_net(found, [], Shape(), RECIPE)
    assert np.array_equal(net_logits(again, found[0].rows), net_logits(net, found[0].rows))


def test_it_ends_when_groups_held_out_get_no_better(found):
    recipe = replace(RECIPE, epochs=8, patience=1, rate=1.0)  # far too high: it gets worse
    _, passes = fit_net(found[:8], found[8:], Shape(), recipe)
    assert passes < 8


def test_the_forest_learns_from_ordinary_events_alone(found):
    ordinary = [s for s in found if not s.trace.is_attack]
    forest = fit_forest(found, seed=1, n_trees=8)
    alone = fit_forest(ordinary, seed=1, n_trees=8)
    assert np.array_equal(forest.score(found[0].rows), alone.score(found[0].rows))
