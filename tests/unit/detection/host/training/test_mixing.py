import numpy as np
import pytest

from soc_copilot.detection.host.reading import ENTROPY, PATH, SCHEMA
from soc_copilot.detection.host.training.mixing import (
    beside,
    cut,
    forgotten,
    moved,
    stretched,
    varied,
)


@pytest.fixture
def attack(traces):
    return next(t for t in traces if t.program == "beside")


@pytest.fixture
def work(traces):
    return next(t for t in traces if t.program == "save")


def test_company_comes_in_between_under_its_own_folder(attack, work):
    found = beside(attack, moved(work, 2.0, "c"))
    assert len(found.frame) == len(attack.frame) + len(work.frame)
    assert (np.diff(found.time) >= 0).all()
    assert found.frame.schema == SCHEMA
    mine = found.frame.filter(~found.frame[PATH].str.starts_with("c/"))
    assert mine.equals(attack.frame)
    assert (found.began_s, found.has_company) == (attack.began_s, True)


def test_a_stretched_attack_harms_later(attack):
    found = stretched(attack, 3.0)
    assert np.diff(found.time) == pytest.approx(3 * np.diff(attack.time))
    assert found.time[0] == attack.time[0]
    for a, b in ((found.began_s, attack.began_s), (found.harmed_s[5], attack.harmed_s[5])):
        assert a - found.time[0] == pytest.approx(3 * (b - attack.time[0]))
    assert found.frame.schema == SCHEMA


def test_what_is_forgotten_is_unknown(attack):
    found = forgotten(attack, 1.0, np.random.default_rng(0))
    assert found.frame[ENTROPY].is_nan().all()
    assert found.frame.schema == SCHEMA


def test_a_late_start_knows_nothing_of_earlier_harm(attack):
    found = cut(attack, 0.5)
    assert len(found.frame) == len(attack.frame) - len(attack.frame) // 2
    assert found.harmed_s[0] >= found.time[0]
    assert len(found.harmed_s) < len(attack.harmed_s)


def test_variants_are_the_same_for_the_same_seed(attack, work):
    made = [
        [varied(attack, [work], np.random.default_rng(seed)) for seed in range(8)] for _ in range(2)
    ]
    assert all(a.frame.equals(b.frame) for a, b in zip(*made, strict=True))
    assert len({len(t.frame) for t in made[0]}) > 1
    assert all(np.isfinite(t.began_s) for t in made[0])
