import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered, rows_of_words
from soc_copilot.detection.phishing.training.fit import hashed
from soc_copilot.detection.phishing.training.table import fit_table

BITS = 10
N = 240
# "bad" is phish, "good" is benign; "any" is in all; "once" in one sample alone.
TARGETS = np.array([float(i % 2) for i in range(N)])
SAMPLES = hashed(
    [
        Gathered(
            words=[(0, "bad" if TARGETS[i] else "good"), (0, "any"), (0, "once" if i == 1 else "")],
            dense=[0.0],
        )
        for i in range(N)
    ],
    1,
    BITS,
)
ALL = np.arange(N)


def _weights(word: str, weights: float = 1.0) -> list[float]:
    table = fit_table(SAMPLES, TARGETS, np.full(N, weights), ALL, BITS, 3.0, 30)
    return table.weights[rows_of_words([(0, word)], BITS)[0]].tolist()


def test_what_tells_the_label_has_weight() -> None:
    bad, good, common = (_weights(word)[0] for word in ("bad", "good", "any"))
    assert bad > 0.5
    assert good < -0.5
    assert abs(common) < 0.1


def test_counts_tell_how_often_each_label_has_a_word() -> None:
    more, benign, phish = _weights("bad")[1:]
    assert more > 4
    assert benign == 0
    assert abs(phish - np.log1p(N / 2)) < 0.01
    more, benign, phish = _weights("any")[1:]
    assert abs(more) < 0.01
    assert abs(benign - phish) < 0.01


def test_samples_count_by_their_weight() -> None:
    assert abs(_weights("any", 0.5)[2] - np.log1p(N / 4)) < 0.01


def test_what_one_sample_alone_has_speaks_for_no_label() -> None:
    assert _weights("once")[0] == 0.0
    assert _weights("once")[1] == 0.0
    assert _weights("nowhere") == [0.0] * 4
