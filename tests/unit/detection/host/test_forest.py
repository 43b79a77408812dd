import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from soc_copilot.detection.host.forest import expected_cuts, from_sklearn, from_tensors
from soc_copilot.domain.errors import DetectorError


def _rows(n, seed):
    rows = np.random.default_rng(seed).normal(size=(n, 30)).astype(np.float32)
    rows[:, :4] = rows[:, :4] > 0  # flags, whose cuts fall between two values
    rows[:, 4] = np.round(rows[:, 4], 1)
    return rows


@pytest.fixture(scope="module")
def trained():
    return IsolationForest(n_estimators=40, max_samples=128, random_state=3).fit(_rows(3000, 0))


def test_it_scores_as_scikit_learn_does(trained):
    rows = np.concatenate([_rows(500, 1), _rows(50, 2) * 5])
    found = from_sklearn(trained).score(rows)
    assert found.dtype == np.float32
    assert np.abs(found + trained.score_samples(rows)).max() < 1e-6
    assert found[500:].mean() > found[:500].mean()


def test_it_comes_back_as_it_was_stored(trained):
    forest = from_sklearn(trained)
    again = from_tensors(forest.tensors(), 30)
    rows = _rows(20, 4)
    assert np.array_equal(again.score(rows), forest.score(rows))


def test_what_is_not_a_number_counts_as_zero(trained):
    odd, plain = _rows(5, 5), _rows(5, 5)
    odd[:, 7], plain[:, 7] = np.nan, 0.0
    forest = from_sklearn(trained)
    assert np.array_equal(forest.score(odd), forest.score(plain))


def test_the_least_numbers_of_rows_need_no_or_one_cut():
    assert expected_cuts(np.array([0, 1, 2])).tolist() == [0, 0, 1]
    assert expected_cuts(np.array([256]))[0] == pytest.approx(10.24477, abs=1e-5)


def test_a_forest_without_its_usual_depth_is_refused(trained):
    tensors = from_sklearn(trained).tensors()
    for bad in (tensors["usual"] * 0, tensors["usual"][:0]):
        with pytest.raises(DetectorError, match="isolation forest do not fit together"):
            from_tensors(tensors | {"usual": bad}, 30)
    del tensors["usual"]
    with pytest.raises(DetectorError, match="isolation forest do not fit together"):
        from_tensors(tensors, 30)
