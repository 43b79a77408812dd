import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from soc_copilot.detection.host import boosted as boosters
from soc_copilot.detection.host.forest import from_sklearn
from soc_copilot.detection.host.fusion import Fusion
from soc_copilot.detection.host.model import CompiledNet, HostNet, Shape
from soc_copilot.detection.host.saved import TOLERANCE, HostModel, digest, load, save
from soc_copilot.detection.weights import load_card
from soc_copilot.domain.errors import DetectorError

NAMES = tuple(f"f{i}" for i in range(30))


@pytest.fixture
def stored(tmp_path):
    rows = np.random.default_rng(0).normal(size=(400, 30)).astype(np.float32)
    forest = from_sklearn(IsolationForest(n_estimators=5, random_state=0).fit(rows))
    torch.manual_seed(1)
    fusion = Fusion(-1.0, (1.0, 1.0, 1.0, 1.0), (0.0, 1.0), (0.0, 1.0), 0.5)
    trained = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(rows, rows[:, 5] > 0)
    boosted = boosters.from_sklearn(trained)
    model = HostModel(HostNet(Shape()).eval(), forest, boosted, fusion, "host-1", NAMES)
    save(tmp_path / "host", model, {"what": "a test"})
    return tmp_path / "host", model, rows[:50]


def test_a_model_scores_the_same_after_a_round_trip(stored):
    folder, model, rows = stored
    again = load(folder, NAMES)
    assert (again.version, again.fusion) == ("host-1", model.fusion)
    assert np.array_equal(again.forest.score(rows), model.forest.score(rows))
    assert np.array_equal(again.boosted.logits(rows), model.boosted.logits(rows))
    streams = np.zeros(len(rows), np.int64)
    found = [
        CompiledNet(net).advance(rows, streams, CompiledNet(net).initial(1))
        for net in (model.net, again.net)
    ]
    assert np.array_equal(*found)
    assert load_card(folder)["what"] == "a test"
    assert load_card(folder)["tolerance"] == TOLERANCE


def test_other_features_are_refused(stored):
    with pytest.raises(DetectorError, match="features differ"):
        load(stored[0], NAMES[::-1])


@pytest.mark.parametrize("key", ["shape", "fusion", "features", "version"])
def test_a_card_that_lacks_something_is_refused(stored, key):
    folder = stored[0]
    card = load_card(folder)
    del card[key]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(DetectorError, match="not one of the host detector"):
        load(folder, NAMES)


def test_another_model_has_another_digest(stored):
    model = stored[1]
    assert digest(model) == digest(load(stored[0], NAMES))
    other = replace(model, fusion=replace(model.fusion, bias=-1.5))
    turned = replace(model, features=NAMES[::-1])
    net = HostNet(Shape()).eval()
    assert len({digest(m) for m in (model, other, turned, replace(model, net=net))}) == 4
