import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.host.fusion import LIMIT, Fusion, from_card, parts

FUSION = Fusion(-3.0, (1.0, 0.5, 2.0, 0.25), (0.1, 0.5, 0.9), (0.0, 0.3, 1.0), 0.6)


def _column(*values):
    return np.array(values, np.float32)


def test_the_score_is_the_documented_sum():
    found = FUSION.score(_column(2.0), _column(0.6), _column(0.8), _column(4.0))
    assert found[0] == pytest.approx(1 / (1 + np.exp(-(-3 + 2 + 0.5 * 1.0 + 2 * np.log(4) + 1))))


@given(st.floats(-50, 50), st.floats(0, 1), st.floats(0, 1), st.floats(-50, 50), st.floats(0, 5))
def test_more_of_a_part_never_lowers_the_score(deep, forest, rule, boosted, more):
    said = np.array([deep, forest, rule, boosted])
    least = FUSION.score(*map(_column, said))
    for part in range(4):
        assert FUSION.score(*map(_column, said + more * (np.arange(4) == part))) >= least


def test_no_part_counts_without_end():
    found = parts(_column(99.0, -99.0), _column(1.0, 0.0), _column(1.0, 0.0), _column(99.0, -99.0))
    assert found[:, 0].tolist() == [LIMIT, -LIMIT]
    assert found[:, 1].tolist() == [5.0, -5.0]
    assert found[:, 2].tolist() == pytest.approx([LIMIT, -LIMIT], abs=1e-4)
    assert found[:, 3].tolist() == [LIMIT, -LIMIT]


def test_confidence_is_that_of_the_verdict():
    assert FUSION.chance(_column(0.3, 0.99)).tolist() == pytest.approx([0.15, 1.0])
    found = FUSION.confidence(_column(0.05, 0.3, 0.7))
    assert found.tolist() == pytest.approx([1.0, 0.85, 0.65])


def test_it_comes_back_from_a_card():
    assert from_card(json.loads(json.dumps(FUSION.as_card()))) == FUSION


@pytest.mark.parametrize(
    "change",
    [
        {"weights": (1.0, -0.1, 0.0, 0.0)},
        {"weights": (1.0, 0.1, 0.0)},
        {"scores": (0.5, 0.1, 0.9)},
        {"chances": (0.5, 0.1, 0.9)},
        {"scores": (0.5,)},
        {"scores": (), "chances": ()},
    ],
)
def test_numbers_that_make_no_rule_are_refused(change):
    with pytest.raises(ValueError, match=r"weights|table"):
        replace(FUSION, **change)
