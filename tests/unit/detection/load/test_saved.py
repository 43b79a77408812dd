import json

import numpy as np
import pytest

from soc_copilot.detection.load.course import N_INPUTS
from soc_copilot.detection.load.saved import digest, load, save
from soc_copilot.detection.weights import load_card
from soc_copilot.domain.errors import DetectorError


def test_a_model_is_the_same_after_a_round_trip(trained, tmp_path):
    model = load(trained[0])
    save(tmp_path / "again", model, {"what": "a test"})
    again = load(tmp_path / "again")
    assert digest(again) == digest(model)
    assert again.version == model.version
    rows = np.random.default_rng(0).normal(size=(20, again.trees.trees.feature.max() + 1))
    wide = np.zeros((20, 200), np.float32)
    wide[:, : rows.shape[1]] = rows
    assert np.array_equal(again.trees.logits(wide), model.trees.logits(wide))
    rows = np.random.default_rng(1).normal(size=(20, N_INPUTS)).astype(np.float32)
    assert np.array_equal(again.course.run(rows), model.course.run(rows))


@pytest.mark.parametrize("key", ["shape", "signs", "horizons", "spreads", "threshold", "version"])
def test_a_card_that_lacks_something_is_refused(trained, tmp_path, key):
    save(tmp_path / "m", load(trained[0]), {})
    card = load_card(tmp_path / "m")
    del card[key]
    (tmp_path / "m" / "card.json").write_text(json.dumps(card))
    with pytest.raises(DetectorError, match="not one of the load detector"):
        load(tmp_path / "m")
