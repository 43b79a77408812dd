import numpy as np
import pytest

from soc_copilot.detection.web.training.metrics import (
    best_f1,
    figures,
    roc_auc,
    threshold_at,
)


def test_auc_counts_ties_half() -> None:
    labels = np.array([True, True, False, False])
    assert roc_auc(np.array([2.0, 1.0, 0.0, -1.0]), labels) == 1.0
    assert roc_auc(np.array([1.0, 1.0, 1.0, 1.0]), labels) == 0.5
    assert roc_auc(np.array([0.0, 2.0, 1.0, 0.0]), labels) == pytest.approx(0.625)


def test_the_threshold_lets_through_no_more_than_the_budget() -> None:
    normal = np.arange(1000) / 1000
    for budget in (0.0, 0.001, 0.01, 0.5):
        assert (normal >= threshold_at(normal, budget)).mean() <= budget
    tied = np.ones(1000)
    assert (tied >= threshold_at(tied, 0.01)).sum() == 0


def test_best_f1_does_not_split_ties() -> None:
    labels = np.array([True, False, True])
    assert best_f1(np.array([1.0, 1.0, 0.0]), labels) == pytest.approx(0.8)


def test_figures_of_one_label_leave_out_what_needs_both() -> None:
    found = figures(np.array([0.9, 0.1]), np.array([True, True]), 0.5)
    assert (found.auc, found.fpr_here, found.tpr_here) == (None, None, 0.5)
    assert found.as_dict()["rows"] == 2
