from dataclasses import replace

import numpy as np
import pytest

from soc_copilot.detection.host.training.dataset import sequence
from soc_copilot.detection.host.training.metrics import (
    by_group,
    choose_threshold,
    early,
    figures,
    ordinary_peaks,
    outcome,
    windows,
)


@pytest.fixture
def attack(found):
    s = next(s for s in found if s.trace.program == "beside")
    harmed = s.trace.harmed_s[s.trace.harmed_s >= s.time[20]]
    return sequence(replace(s.trace, began_s=float(s.time[20]), harmed_s=harmed))


@pytest.fixture
def work(found):
    return next(s for s in found if not s.trace.is_attack)


def _at(s, *places):
    scores = np.zeros(len(s.time), np.float32)
    scores[list(places)] = 1.0
    return scores


def test_an_alarm_after_the_beginning_is_a_find_and_files_gone_are_counted(attack):
    seen = outcome(attack, _at(attack, 40), 0.5)
    assert (seen.is_found, seen.is_clean, seen.n_alarms) == (True, True, 0)
    assert seen.n_harmed == int((attack.trace.harmed_s < attack.time[40]).sum())


def test_an_alarm_before_the_beginning_is_not_clean(attack):
    seen = outcome(attack, _at(attack, 3, 40), 0.5)
    assert (seen.is_found, seen.is_clean, seen.n_alarms) == (True, False, 1)
    seen = outcome(attack, _at(attack, 3), 0.5)
    assert (seen.is_found, seen.n_harmed) == (False, len(attack.trace.harmed_s))


def test_alarms_close_together_are_one(work):
    assert outcome(work, _at(work, 1, 2, 3), 0.5).n_alarms == 1
    apart = replace(work, time=work.time * 1000)
    assert outcome(apart, _at(work, 1, 20), 0.5).n_alarms == 2


def test_windows_take_the_highest_score_and_leave_preparations_out(attack, work):
    seen = windows([work, attack], [_at(work, 0), _at(attack, 70)])
    assert seen.score[0] == 1.0
    assert not seen.is_harm[seen.recording == 0].any()
    assert seen.is_harm[seen.recording == 1].all()
    late = replace(attack, weight=np.where(attack.target > 0, 0, 1).astype(np.float32))
    assert not windows([late], [_at(attack)]).is_harm.any()


def test_work_before_an_attack_counts_as_ordinary(attack, work):
    assert ordinary_peaks([work, attack], [_at(work, 1), _at(attack, 50)]).tolist() == [1.0, 0.0]
    assert early(attack)[0] == 20
    assert attack.time[early(attack)[-1]] <= attack.trace.harmed_s[11] + 1.0


def test_a_threshold_keeps_its_budget_and_its_distance(found):
    scores = [np.where(s.target > 0, 5.0, 0.0).astype(np.float32) for s in found]
    assert 1.0 < choose_threshold(found, scores, 0.0) < 5.0


def test_figures_of_a_perfect_and_of_a_blind_scorer(found):
    scores = [s.target for s in found]
    perfect = figures(found, scores, [outcome(s, s.target, 0.5) for s in found])
    assert (perfect.window_auc, perfect.episode_auc, perfect.tpr_001) == (1.0, 1.0, 1.0)
    assert (perfect.found, perfect.clean, perfect.alarmed) == (8, 8, 0)
    assert perfect.harmed_median == 0
    blind = [np.zeros(len(s.time), np.float32) for s in found]
    none = figures(found, blind, [outcome(s, x, 0.5) for s, x in zip(found, blind, strict=True)])
    assert (none.window_auc, none.found, none.harmed_share) == (0.5, 0, 1.0)
    assert none.harmed_median is None


def test_groups_are_listed_by_kind(found):
    rows = by_group([outcome(s, s.target, 0.5) for s in found])
    assert len(rows) == 8
    assert {row["kind"] for row in rows} == {"attack", "ordinary"}
    assert all(row["recordings"] == 2 for row in rows)
