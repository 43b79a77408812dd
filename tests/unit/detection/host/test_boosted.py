import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from soc_copilot.detection.host.boosted import from_sklearn, from_tensors
from soc_copilot.domain.errors import DetectorError


def _rows(n, seed):
    rows = np.random.default_rng(seed).normal(size=(n, 30)).astype(np.float32)
    rows[:, :4] = rows[:, :4] > 0  # flags, whose cuts fall between two values
    rows[:, 4] = np.round(rows[:, 4], 1)
    return rows


@pytest.fixture(scope="module")
def trained():
    rows = _rows(3000, 0)
    harm = rows[:, 0] + rows[:, 4] + rows[:, 9] * rows[:, 10] > 1
    model = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=15, random_state=3)
    return model.fit(rows, harm)


def test_they_score_as_scikit_learn_does(trained):
    rows = np.concatenate([_rows(500, 1), _rows(50, 2) * 5])
    found = from_sklearn(trained).logits(rows)
    assert found.dtype == np.float32
    assert np.abs(found - trained.decision_function(rows)).max() < 1e-5
    assert found.std() > 0.5


def test_they_come_back_as_they_were_stored(trained):
    boosted = from_sklearn(trained)
    again = from_tensors(boosted.tensors(), 30)
    rows = _rows(20, 4)
    assert np.array_equal(again.logits(rows), boosted.logits(rows))


def test_what_is_not_a_number_counts_as_zero(trained):
    odd, plain = _rows(5, 5), _rows(5, 5)
    odd[:, 9], plain[:, 9] = np.nan, 0.0
    boosted = from_sklearn(trained)
    assert np.array_equal(boosted.logits(odd), boosted.logits(plain))


def test_trees_without_their_base_are_refused(trained):
    tensors = from_sklearn(trained).tensors()
    for bad in (tensors["base"] * float("nan"), tensors["base"][:0]):
        with pytest.raises(DetectorError, match="boosted trees do not fit together"):
            from_tensors(tensors | {"base": bad}, 30)
    del tensors["base"]
    with pytest.raises(DetectorError, match="boosted trees do not fit together"):
        from_tensors(tensors, 30)
