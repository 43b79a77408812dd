import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.training.fit import hashed
from soc_copilot.detection.phishing.training.linear import solved, weighed

# Field 1 says what a sample is, field 0 says it too, but only in the first half.
SAMPLES = [
    Gathered(
        words=[
            (1, f"{'bad' if i % 2 else 'good'}{i % 6}"),
            (1, f"word{i % 7}"),
            (0, "bad" if (i % 2 if i < 100 else i % 3) else "good"),
        ],
        dense=[0.0],
    )
    for i in range(200)
]
TARGETS = np.array([float(i % 2) for i in range(200)])


def test_it_reads_its_fields_and_nothing_else() -> None:
    samples = hashed(SAMPLES, 2, 12)
    one, idf = weighed(samples.take(np.arange(100)), 2, 12, (1,))
    table, bias = solved(one, TARGETS[:100], np.ones(100), 3.0)
    rest = weighed(samples.take(np.arange(100, 200)), 2, 12, (1,))[0]
    rest.data[:] = 1.0
    out = rest @ (table.numpy() * idf) + bias
    assert ((out > 0) == (TARGETS[100:] == 1)).all()
    both = weighed(samples.take(np.arange(100)), 2, 12, None)[0]
    assert both.nnz > one.nnz


def test_what_one_sample_alone_has_weighs_nothing() -> None:
    alone = [Gathered(words=[(1, f"only{i}")], dense=[0.0]) for i in range(40)]
    matrix, idf = weighed(hashed(alone, 2, 16).take(np.arange(40)), 2, 16, None)
    assert float(abs(matrix).max()) == 0.0
    assert float(idf[matrix.indices].max(initial=0.0)) == 0.0


def test_samples_that_weigh_nothing_teach_nothing() -> None:
    samples = hashed(SAMPLES, 2, 12)
    matrix, _ = weighed(samples.take(np.arange(200)), 2, 12, None)
    wrong = np.where(np.arange(200) < 100, TARGETS, 1.0 - TARGETS)
    weights = (np.arange(200) < 100).astype(float)
    first = solved(matrix, wrong, weights, 3.0)[0]
    again = solved(matrix[:100], TARGETS[:100], np.ones(100), 3.0)[0]
    assert np.allclose(first.numpy(), again.numpy(), atol=0.05)
