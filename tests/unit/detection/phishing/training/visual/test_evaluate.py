from pathlib import Path

import numpy as np
import pytest

from soc_copilot.detection.phishing.training.visual.evaluate import (
    FOREIGN,
    Found,
    Looked,
    figures,
    found_by,
    look,
    merged,
    ms_per_screenshot,
    table,
    thresholds_of,
)
from soc_copilot.detection.phishing.training.visual.render import read_shots
from soc_copilot.detection.phishing.visual.compare import FEATURES, Rule
from soc_copilot.detection.phishing.visual.embedder import Thresholds
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.phishing.training.visual.made import make_folder
from tests.unit.detection.phishing.visual.pages import networks

RULE = Rule(tuple(10.0 if name == "look" else 0.0 for name in FEATURES), -8.0)


def test_figures_count_the_right_brand_alone() -> None:
    found = Found(
        np.array([0.9, 0.9, 0.5, 0.95, 0.1, 0.2], np.float32),
        np.array([True, False, True, False, False, False]),
        np.array(["clone", "clone", "clone", "sibling", "sibling", "unrelated"]),
    )
    told = figures(found, Thresholds(0.8, 0.4))
    assert told["clone"]["pages"] == 3
    assert told["clone"]["at_sure"] == pytest.approx(1 / 3, abs=1e-3)
    assert told["clone"]["at_near"] == pytest.approx(2 / 3, abs=1e-3)
    assert told["clone"]["at_fpr_1%"] == 0.0  # all below the sibling's page
    assert told["sibling"]["at_sure"] == 0.5
    both = merged(told, ("sibling", "unrelated"))
    assert both["pages"] == 3
    assert both["at_sure"] == pytest.approx(1 / 3, abs=1e-3)
    assert "sibling" in table({**told, "all": both})


def test_thresholds_are_what_few_foreign_pages_reach() -> None:
    best = np.linspace(0, 1, 1001).astype(np.float32)
    found = Found(best, np.zeros(1001, bool), np.array(["unrelated"] * 1001))
    limits = thresholds_of(found)
    assert limits.sure == pytest.approx(0.999, abs=2e-4)
    assert limits.near == pytest.approx(0.99, abs=2e-4)
    assert (best >= limits.sure).sum() == 1


def test_a_folder_is_looked_through(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pages", most=2)
    seeing = networks()
    looked = look(seeing, folder, "test")
    n_known = len([shot for shot in read_shots(folder, "test") if shot.kind == "reference"])
    assert looked.rows.shape == (len(looked.kinds), n_known, len(FEATURES))
    assert (looked.brands[np.isin(looked.kinds, FOREIGN)] == -1).all()
    found = found_by(RULE, looked)
    assert ((found.best >= 0) & (found.best <= 1)).all()
    assert not found.is_right[found.of("sibling", "unrelated", "showing")].any()
    assert found.is_right[found.of("clone")].any()
    assert (look(seeing, folder, "test").rows == looked.rows).all()
    took = ms_per_screenshot(seeing, folder, 2)
    assert 0 < took["median"] <= took["p95"]
    with pytest.raises(SourceError):
        look(seeing, folder, "none")


def test_the_nearest_reference_tells_the_brand() -> None:
    rows = np.zeros((2, 3, len(FEATURES)), np.float32)
    rows[0, :, FEATURES.index("look")] = (0.1, 0.9, 0.5)
    rows[1, :, FEATURES.index("look")] = (0.8, 0.1, 0.2)
    kinds = np.array(["clone", "clone"])
    found = found_by(RULE, Looked(rows, np.array([4, 5, 5]), np.array([5, 5]), kinds))
    assert found.is_right.tolist() == [True, False]
    assert found.best.tolist() == RULE.scores(rows[[0, 1], [1, 0]]).tolist()
