import numpy as np
import pytest

from soc_copilot.detection.host.features import FEATURES
from soc_copilot.detection.host.saved import load
from soc_copilot.detection.host.training.folding import BOOSTED, DEEP, FOREST, HYBRID, NOISY, RULE
from soc_copilot.detection.host.training.train import Options, train
from soc_copilot.detection.weights import load_card
from soc_copilot.domain.errors import DetectorError


@pytest.fixture(scope="module")
def trained(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    options = Options([recordings], out, n_folds=4, n_variants=1, epochs=2, has_boosting=False)
    return out, train(options)


def test_a_model_folder_with_its_figures_is_written(trained):
    out, card = trained
    assert set(card["figures"]) == {HYBRID, DEEP, FOREST, RULE, BOOSTED, NOISY}
    assert set(card["thresholds"]) == {DEEP, FOREST, RULE, BOOSTED, NOISY}
    assert card["data"]["recordings"] == 16
    assert load_card(out)["groups"] == card["groups"]


def test_the_stored_model_can_score(trained, found):
    model = load(trained[0], tuple(f.name for f in FEATURES))
    assert model.net.shape.n_features == 30
    assert np.isfinite(model.forest.score(found[0].rows)).all()
    assert 0 < model.fusion.threshold < 1


def test_too_few_families_are_refused(recordings, tmp_path):
    with pytest.raises(DetectorError, match="0 groups labelled attack"):
        train(Options([recordings / "save_0.csv"], tmp_path))
