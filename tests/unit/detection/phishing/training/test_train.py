import json
from pathlib import Path

import numpy as np
import pytest

from soc_copilot.detection.phishing.scorer import Models
from soc_copilot.detection.phishing.training.data import Row
from soc_copilot.detection.phishing.training.train import Options, offset, origin, train
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.phishing.training.rows import write


@pytest.mark.usefixtures("quick")
def test_models_are_written_that_can_be_used(tmp_path: Path) -> None:
    cards = train(Options(write(tmp_path / "data"), tmp_path / "m"))
    assert set(cards) == {"url", "email", "text"}
    models = Models(tmp_path / "m")
    bad, good = models.scores(
        "url", ["http://secure-991x.bad991.top/", "https://garden7.org/blog/post"]
    )
    assert bad > good
    sets = {one["set"] for card in cards.values() for one in card["data"]}
    assert not sets & {"openphish", "phishing_pot"}
    stored = json.loads((tmp_path / "m" / "url" / "card.json").read_text())
    assert stored["shippable"] is True


@pytest.mark.usefixtures("quick")
def test_everything_is_used_when_asked_for_and_said(tmp_path: Path) -> None:
    options = Options(write(tmp_path / "data"), tmp_path / "m", kinds=("url",), everything=True)
    card = train(options)["url"]
    assert "openphish" in {one["set"] for one in card["data"]}
    assert card["shippable"] is False


@pytest.mark.usefixtures("quick")
def test_one_label_alone_cannot_be_trained_on(tmp_path: Path) -> None:
    folder = write(tmp_path / "data")
    for file in folder.iterdir():
        if file.stem not in {"links", "brandpages"}:
            file.unlink()
    with pytest.raises(SourceError, match="both labels"):
        train(Options(folder, tmp_path / "m", kinds=("url",)))


def test_few_brand_pages_reach_one_half() -> None:
    logits = np.linspace(-4, 2, 1_000)
    rows = [Row("brandpages", str(i), "benign", "url", "", None) for i in range(1_000)]
    moved = offset(logits, rows)
    assert ((logits + moved) >= 0).mean() <= 0.016
    assert offset(logits, [Row("x", "", "phish", "url", "", None)] * 1_000) == 0.0


def test_sets_are_named_with_their_licences() -> None:
    assert origin("brandpages")["licence"] == "MIT"
    assert origin("spamassassin-hard_ham") == origin("spamassassin")
    assert origin("own-host-pdd")["source"] == "made here"
    assert origin("somebodys") == {}
