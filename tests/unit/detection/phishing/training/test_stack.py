import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.training.fit import hashed
from soc_copilot.detection.phishing.training.stack import fit_stacked
from soc_copilot.detection.phishing.training.trees import TreeRecipe, scored

N = 400
RECIPE = TreeRecipe(bits=10, n_folds=2, n_trees=20, n_leaves=4, rate=0.1, least=5, looked=1.0)
# A word tells the label, but where the number is 1 it tells the opposite.
TARGETS = np.array([float(i % 2) for i in range(N)])
SAMPLES = [
    Gathered(words=[(0, "bad" if (i % 2) != (i % 5 == 0) else "good")], dense=[float(i % 5 == 0)])
    for i in range(N)
]
CHOSEN, REST = np.arange(300), np.arange(300, N)


def test_trees_learn_when_to_believe_the_words() -> None:
    samples, groups = hashed(SAMPLES, 2, 10), np.arange(N)
    found = [fit_stacked(samples, TARGETS, np.ones(N), CHOSEN, groups, RECIPE, 1) for _ in range(2)]
    out = [scored(one, samples, REST) for one in found]
    assert ((out[0] > 0) == (TARGETS[REST] == 1)).all()
    assert np.array_equal(out[0], out[1])
    assert len(scored(found[0], samples, np.arange(0))) == 0


def test_what_only_one_group_says_is_not_believed() -> None:
    """A group's own word tells its label surely, but says nothing of another group's rows."""
    label = np.arange(N) // 10 % 2
    often = np.where(np.arange(N) % 5 == 0, 1 - label, label)
    alone = [Gathered(words=[(0, f"of{i // 10}")], dense=[float(often[i])]) for i in range(N)]
    samples, groups = hashed(alone, 2, 10), np.arange(N) // 10
    model = fit_stacked(samples, label.astype(float), np.ones(N), CHOSEN, groups, RECIPE, 1)
    trees = model.trees.trees
    assert trees.feature[trees.roots[0]] == 0  # the number, right four times of five
