import numpy as np
import pytest
import torch

from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.host.trees import Trees
from soc_copilot.detection.phishing.hashing import Bags
from soc_copilot.detection.phishing.stacked import Stacked, columns, field_sums, from_tensors
from soc_copilot.domain.errors import DetectorError

BITS = 4
# One cut: the first weight's sum over all (of 2 numbers, 3 fields of 4 weights, it) above 1 adds
# 2, else -1.
CUT = Trees(
    feature=np.array([14, -1, -1], np.int32),
    threshold=np.array([1.0, 0.0, 0.0], np.float32),
    left=np.array([1, 0, 0], np.int32),
    right=np.array([2, 0, 0], np.int32),
    leaf=np.array([0.0, -1.0, 2.0], np.float32),
    roots=np.array([0], np.int32),
)
WEIGHTS = torch.arange(16.0)[:, None] / 8 * torch.tensor([1.0, 3.0, 2.0, -1.0])
MODEL = Stacked(WEIGHTS, -0.5, Boosted(CUT, 0.25), 3)
# Two samples of three bags each; the second has an empty one.
FOUND = Bags(
    np.array([8, 8, 8, 8, 1, 0, 2, 1], np.int32), np.array([0, 4, 5, 6, 7, 7, 8], np.int64)
)
NUMBERS = np.zeros((2, 2), np.float32)


def test_each_field_says_its_mean_times_the_root_of_its_size() -> None:
    sums = field_sums(WEIGHTS, FOUND, 3)
    assert sums[:, :, 0].tolist() == [[2.0, 0.125, 0.0], [0.25, 0.0, 0.125]]
    assert sums[:, :, 1].tolist() == [[6.0, 0.375, 0.0], [0.75, 0.0, 0.375]]


def test_of_the_last_weights_the_mean_is_taken() -> None:
    sums = field_sums(WEIGHTS, FOUND, 3)
    assert sums[:, :, 2].tolist() == [[2.0, 0.25, 0.0], [0.5, 0.0, 0.25]]
    assert sums[:, :, 3].tolist() == [[-1.0, -0.125, 0.0], [-0.25, 0.0, -0.125]]


def test_trees_read_numbers_then_fields_then_all_together() -> None:
    read = columns(NUMBERS + 7, field_sums(WEIGHTS, FOUND, 3), -0.5)
    assert read.shape == (2, 18)
    assert read[0].tolist() == [
        *(7.0, 7.0),
        *(2.0, 6.0, 2.0, -1.0),
        *(0.125, 0.375, 0.25, -0.125),
        *(0.0, 0.0, 0.0, 0.0),
        *(1.625, 6.375, 2.25, -1.125),
    ]


def test_trees_read_what_the_fields_say() -> None:
    assert MODEL.logits(FOUND, NUMBERS).tolist() == [2.25, -0.75]


def test_no_sample_at_all() -> None:
    nothing = Bags(np.zeros(0, np.int32), np.zeros(1, np.int64))
    assert MODEL.logits(nothing, NUMBERS[:0]).shape == (0,)


def test_what_was_stored_scores_alike() -> None:
    again = from_tensors(MODEL.tensors(), bits=BITS, n_fields=3, n_dense=2)
    assert again.logits(FOUND, NUMBERS).tolist() == MODEL.logits(FOUND, NUMBERS).tolist()


@pytest.mark.parametrize("missing", ["weights", "bias", "trees.roots"])
def test_what_is_incomplete_is_refused(missing: str) -> None:
    stored = {name: tensor for name, tensor in MODEL.tensors().items() if name != missing}
    with pytest.raises(DetectorError):
        from_tensors(stored, bits=BITS, n_fields=3, n_dense=2)


def test_another_shape_is_refused() -> None:
    with pytest.raises(DetectorError):
        from_tensors(MODEL.tensors(), bits=BITS + 1, n_fields=3, n_dense=2)
    with pytest.raises(DetectorError):
        from_tensors(MODEL.tensors(), bits=BITS, n_fields=2, n_dense=2)
    one = {**MODEL.tensors(), "weights": WEIGHTS[:, 0]}
    with pytest.raises(DetectorError):
        from_tensors(one, bits=BITS, n_fields=3, n_dense=2)
