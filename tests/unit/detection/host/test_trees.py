from dataclasses import replace

import numpy as np
import pytest

from soc_copilot.detection.host.trees import LEAF, Trees, from_tensors, rounded_down
from soc_copilot.domain.errors import DetectorError


@pytest.fixture
def trees():
    """Two trees: column 0 up to 0.5 adds 1 or 2; a single leaf adds 10."""
    return Trees(
        np.array([0, LEAF, LEAF, LEAF], np.int32),
        np.array([0.5, 0, 0, 0], np.float32),
        np.array([1, 0, 0, 0], np.int32),
        np.array([2, 0, 0, 0], np.int32),
        np.array([0, 1, 2, 10], np.float32),
        np.array([0, 3], np.int32),
    )


def test_each_row_ends_in_one_leaf_of_every_tree(trees):
    rows = np.array([[0.5], [0.6], [np.nan]], np.float32)
    assert trees.totals(rows).tolist() == [11, 12, 11]
    assert trees.totals(rows[:0]).tolist() == []


def test_they_come_back_as_they_were_stored(trees):
    again = from_tensors(trees.tensors(), 1, "trees")
    rows = np.random.default_rng(0).random((50, 1)).astype(np.float32)
    assert np.array_equal(again.totals(rows), trees.totals(rows))


@pytest.mark.parametrize("name", ["left", "right", "feature", "roots"])
def test_arrays_that_lead_astray_are_refused(trees, name):
    bad = getattr(trees, name).copy()
    bad[0] = -7 if name != "left" else 0  # a loop
    with pytest.raises(DetectorError, match="of the trees do not fit together"):
        from_tensors(replace(trees, **{name: bad}).tensors(), 1, "trees")
    with pytest.raises(DetectorError, match="lack their array"):
        from_tensors({k: v for k, v in trees.tensors().items() if k != name}, 1, "trees")
    with pytest.raises(DetectorError, match="do not fit together"):
        from_tensors(replace(trees, **{name: bad[:0]}).tensors(), 1, "trees")


def test_a_column_that_rows_do_not_have_is_refused(trees):
    with pytest.raises(DetectorError, match="do not fit together"):
        from_tensors(trees.tensors(), 0, "trees")


def test_thresholds_are_rounded_so_that_float32_rows_go_the_same_way():
    wanted = np.array([0.1, 1 / 3, 0.5, np.inf, -0.1])
    near = rounded_down(wanted)
    assert (near.astype(np.float64) <= wanted).all()
    assert (np.nextafter(near, np.float32(np.inf))[:3].astype(np.float64) > wanted[:3]).all()
