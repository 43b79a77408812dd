from pathlib import Path

import pytest

from soc_copilot.detection.phishing.training import crossing, train
from soc_copilot.detection.phishing.training.crossing import experiments
from soc_copilot.detection.phishing.training.data import read_all
from tests.unit.detection.phishing.training.rows import write


@pytest.mark.usefixtures("quick")
def test_every_experiment_has_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "RECIPES", train.RECIPES)
    rows = read_all(sorted(write(tmp_path).iterdir()))
    found = experiments(rows, ("url", "email", "text"), 1)
    assert set(found) == {
        "url: every set, held-back fold",
        "url: to 2021, on 2024 and later",
        "url: without brandpages, on it and held-back phish",
        "url: without jpcert, on it and held-back benign",
        "url: without links, on it and held-back phish",
        "url: without openphish, on it and held-back benign",
        "email: every set, held-back fold",
        "email: Nazario and ham, on phishing_pot and other ham",
        "email: phishing_pot and ham, on Nazario and other ham",
        "email: without csdmc2010, on it and held-back phish",
        "email: without enron, on it and held-back phish",
        "email: without nazario, on it and held-back benign",
        "email: without phishing_pot, on it and held-back benign",
        "text: every set, held-back fold",
        "text: UCI, on ExAIS",
        "text: UCI and own texts, on ExAIS",
        "text: all but ExAIS, on ExAIS",
        "text: ExAIS, on UCI",
        "text: ExAIS and own texts, on UCI",
    }
    later = found["url: to 2021, on 2024 and later"]["all"]
    assert later["rows"] == 80
    assert later["attacks"] == 40
    left_out = found["url: without links, on it and held-back phish"]["all"]
    assert left_out["rows"] - left_out["attacks"] == 40
    assert 0 < left_out["attacks"] < 80
    assert found["email: Nazario and ham, on phishing_pot and other ham"]["all"]["attacks"] == 40
