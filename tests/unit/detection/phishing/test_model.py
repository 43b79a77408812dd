import numpy as np
import torch

from soc_copilot.detection.phishing.hashing import Bags
from soc_copilot.detection.phishing.model import PhishNet, Shape, from_tensors, logits

SHAPE = Shape(bits=8, width=4, hidden=8, n_fields=2, n_dense=3)
FOUND = Bags(np.array([1, 2, 3, 250], np.int32), np.array([0, 3, 3, 3, 4], np.int64))
NUMBERS = np.array([[0, 1, 0.5], [1, 0, 0]], np.float32)


def net() -> PhishNet:
    torch.manual_seed(1)
    made = PhishNet(SHAPE)
    torch.nn.init.normal_(made.table)
    return made.eval()


def test_one_logit_per_sample_whatever_stands_beside_it() -> None:
    both = logits(net(), FOUND, NUMBERS)
    first = logits(net(), Bags(FOUND.rows[:3], np.array([0, 3, 3])), NUMBERS[:1])
    assert both.shape == (2,)
    assert abs(float(both[0] - first[0])) < 1e-5


def test_stored_weights_give_the_same_logits() -> None:
    made = net()
    again = from_tensors(made.state_dict(), SHAPE)
    assert np.array_equal(logits(made, FOUND, NUMBERS), logits(again, FOUND, NUMBERS))


def test_nothing_grows_with_how_often_a_text_repeats() -> None:
    once = Bags(np.array([5, 6], np.int32), np.array([0, 2, 2]))
    often = Bags(np.array([5, 6] * 50, np.int32), np.array([0, 100, 100]))
    a, b = (float(logits(net(), bag, NUMBERS[:1])[0]) for bag in (once, often))
    assert abs(b) < 10 * (abs(a) + 1)


def test_the_linear_part_is_a_weight_per_row() -> None:
    made = net()
    before = logits(made, FOUND, NUMBERS)
    with torch.no_grad():
        made.table[250, -1] += 2.0
    after = logits(made, FOUND, NUMBERS)
    assert np.allclose(after - before, [0.0, 2.0], atol=1e-5)
