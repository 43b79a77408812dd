import pytest

from soc_copilot.detection.phishing.training import corpus, train
from soc_copilot.detection.phishing.training.fit import Recipe


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little networks and few rows of our own."""
    small = {
        kind: Recipe(bits=12, width=4, hidden=8, epochs=4, batch=32, rate=1e-2)
        for kind in train.RECIPES
    }
    monkeypatch.setattr(train, "RECIPES", small)
    monkeypatch.setattr(train, "N_NETS", dict.fromkeys(small, 1))
    monkeypatch.setattr(corpus, "N_OWN_URLS", 60)
    monkeypatch.setattr(corpus, "N_OWN_MAILS", 30)
