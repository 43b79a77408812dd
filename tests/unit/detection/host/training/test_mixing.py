import numpy as np
import pytest

from soc_copilot.detection.host.reading import ENTROPY, PATH, PROCESS, SCHEMA, USER
from soc_copilot.detection.host.training.mixing import (
    beside,
    cut,
    dated,
    forgotten,
    moved,
    named,
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


def test_a_dated_recording_has_real_times_and_deeper_paths(attack):
    rng = np.random.default_rng(1)
    found = [dated(attack, rng) for _ in range(20)]
    for each in found:
        assert each.time[0] > 1e9
        assert np.diff(each.time) == pytest.approx(np.diff(attack.time), abs=1e-5)
        assert each.harmed_s[0] - each.began_s == pytest.approx(
            attack.harmed_s[0] - attack.began_s, abs=1e-5
        )
    assert len({each.frame[PATH][0].count("/") for each in found}) > 3
    assert len({int(each.time[0] // 3_600) % 24 for each in found}) > 5


def test_a_named_recording_says_who_acted(attack):
    found = named(attack, "ana", "cipher")
    assert found.frame.schema == SCHEMA
    assert set(found.frame[USER]) == {"ana"}
    assert set(found.frame[PROCESS]) == {"cipher"}
