import numpy as np
import pytest

from soc_copilot.detection.host.training.dataset import balanced, sequence, variants


def test_a_recording_becomes_rows_with_targets(traces):
    found = sequence(traces[0])
    n = len(traces[0].frame)
    assert found.rows.shape == (n, 30)
    assert found.time.shape == found.target.shape == found.weight.shape == (n,)


def test_harm_and_work_count_the_same_together(found):
    weights = balanced(found)
    harm = sum(float(w[s.target > 0].sum()) for s, w in zip(found, weights, strict=True))
    work = sum(float(w[s.target == 0].sum()) for s, w in zip(found, weights, strict=True))
    assert harm == pytest.approx(work, rel=1e-3)
    assert np.concatenate(weights).mean() == pytest.approx(1.0, rel=1e-3)


def test_variants_hold_rows_but_no_events(traces):
    made = variants(traces[:3], 2, seed=1)
    assert len(made) == 6
    assert all(len(s.rows) and not len(s.trace.frame) for s in made)
    again = variants(traces[:3], 2, seed=1)
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(made, again, strict=True))
