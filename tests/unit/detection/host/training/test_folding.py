from dataclasses import replace

import numpy as np
import pytest

from soc_copilot.detection.host.training import folding
from soc_copilot.detection.host.training.fit import Recipe
from soc_copilot.detection.host.training.folding import HYBRID, Plan, cross_scores, judged

PLAN = Plan(
    n_folds=4, n_variants=1, recipe=Recipe(epochs=3, share=1.0, streams=8, chunk=32, rate=0.01)
)


@pytest.fixture(scope="module")
def scored(traces):
    return cross_scores(traces, PLAN)


def test_every_recording_is_scored_by_every_part(scored):
    assert len(scored.columns) == 6
    for column in scored.columns.values():
        assert [len(x) for x in column] == [len(s.rows) for s in scored.found]
        assert all(np.isfinite(x).all() for x in column)


def test_harm_that_was_never_seen_is_found_among_work_that_was_never_seen(scored):
    outcomes = judged(scored, PLAN)[HYBRID]
    assert len(outcomes) == 16
    assert sum(o.is_clean for o in outcomes) >= 6
    assert sum(o.n_alarms > 0 for o in outcomes if not o.is_attack) <= 2


def test_nothing_of_a_group_is_learned_from_when_it_is_scored(traces, monkeypatch):
    met = {"fit_net": [], "fit_boosted": [], "fit_forest": []}

    def noted(name):
        fit = getattr(folding, name)

        def fitted(found, *rest):
            met[name].append({s.trace.group for s in found})
            return fit(found, *rest)

        return fitted

    for name in met:
        monkeypatch.setattr(folding, name, noted(name))
    plan = replace(PLAN, has_boosting=False, recipe=replace(PLAN.recipe, epochs=1))
    scored = cross_scores(traces, plan)
    for seen in met.values():
        assert len(seen) == plan.n_folds
        for k, groups in enumerate(seen):
            left_out = {t.group for t, f in zip(traces, scored.fold, strict=True) if f == k}
            assert groups
            assert not groups & left_out
    assert len(scored.columns) == 5
