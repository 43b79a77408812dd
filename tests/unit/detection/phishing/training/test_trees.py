import numpy as np

from soc_copilot.detection.phishing.training import trees
from soc_copilot.detection.phishing.training.trees import (
    TreeRecipe,
    crossed,
    fit_trees,
    pieces,
)

GROUPS = np.arange(90) // 3


def test_what_is_said_of_a_sample_never_comes_from_its_own_group() -> None:
    asked: list[int] = []

    def said(fitted_to, of):
        assert not set(GROUPS[fitted_to]) & set(GROUPS[of])
        assert len(fitted_to) + len(of) == 60
        asked.extend(of.tolist())
        return np.stack([of, -of], 1).astype(np.float32)

    chosen = np.arange(90)[::-1][:60]
    found = crossed(said, chosen, GROUPS, 4, 1)
    assert sorted(asked) == sorted(chosen.tolist())
    assert found.tolist() == [[float(i), float(-i)] for i in chosen]


def test_samples_are_scored_few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(trees, "SCORED_AT_ONCE", 4)
    assert [some.tolist() for some in pieces(np.arange(10))] == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9],
    ]  # fmt: skip
    assert pieces(np.arange(0)) == []


def test_trees_learn_a_cut() -> None:
    read = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    recipe = TreeRecipe(bits=4, n_folds=2, n_trees=30, rate=0.3, least=5, looked=1.0)
    found = fit_trees(read, read[:, 0] > 0.5, np.ones(200), recipe, 1).logits(read)
    assert ((found > 0) == (read[:, 0] > 0.5)).mean() > 0.98
