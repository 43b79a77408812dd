import numpy as np
import pytest

from soc_copilot.detection.host.training.evaluate import evaluate, report, table
from soc_copilot.detection.host.training.folding import BOOSTED, DEEP, FOREST, HYBRID, NOISY, RULE
from soc_copilot.detection.host.training.metrics import outcome
from soc_copilot.detection.host.training.train import Options, train


@pytest.fixture(scope="module")
def model(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    train(Options([recordings], out, n_folds=4, n_variants=0, epochs=2, has_boosting=False))
    return out


def test_a_stored_model_and_its_parts_are_measured(recordings, model):
    found = evaluate([recordings], model)
    assert set(found["figures"]) == {HYBRID, DEEP, FOREST, RULE, BOOSTED, NOISY}
    assert found["figures"][HYBRID]["attacks"] == 8
    assert found["figures"][HYBRID]["window_auc"] > 0.8
    assert found["model"].startswith("host-")


def test_tables_name_every_column_and_group(found):
    columns = {HYBRID: [s.target for s in found], RULE: [np.zeros_like(s.target) for s in found]}
    results = {n: [outcome(s, x, 0.5) for s, x in zip(found, c, strict=True)]
               for n, c in columns.items()}  # fmt: skip
    shown = table(report(found, columns, results))
    assert all(name in shown for name in (HYBRID, RULE, "in_place", "tidy", "TPR@0.1%"))
    assert "8/8" in shown
