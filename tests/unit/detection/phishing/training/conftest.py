import pytest

from soc_copilot.detection.phishing.training import corpus, train
from soc_copilot.detection.phishing.training.fit import Recipe
from soc_copilot.detection.phishing.training.trees import TreeRecipe


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little models and few rows of our own."""
    small = {
        kind: Recipe(bits=12, width=4, hidden=8, epochs=4, batch=32, rate=1e-2)
        for kind in train.N_NETS
    }
    trees = {
        "url": TreeRecipe(bits=12, n_folds=2, n_trees=10, rate=0.07, least=5, n_leaves=5),
        "text": TreeRecipe(bits=12, n_folds=2, n_trees=10, rate=0.06, least=5, n_leaves=5),
    }
    monkeypatch.setattr(train, "RECIPES", {**small, **trees})
    monkeypatch.setattr(train, "N_NETS", dict.fromkeys(small, 1))
    monkeypatch.setattr(corpus, "N_OWN_URLS", 60)
    monkeypatch.setattr(corpus, "N_OWN_MAILS", 30)
    monkeypatch.setattr(corpus, "N_OWN_TEXTS", 60)
