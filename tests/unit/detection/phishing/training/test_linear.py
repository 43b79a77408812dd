from dataclasses import replace

import numpy as np
import torch

from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.training.fit import Recipe, hashed, score
from soc_copilot.detection.phishing.training.linear import Linear, fit_linear, scale_output

HOW = Linear(0.5, (1,), 3.0)
RECIPE = Recipe(bits=12, width=4, hidden=8)
# Field 1 says what a sample is, field 0 says it too, but only in the first half.
SAMPLES = [
    Gathered(
        words=[
            (1, f"{'bad' if i % 2 else 'good'}{i % 6}"),
            (1, f"word{i % 7}"),
            (0, "bad" if (i % 2 if i < 100 else i % 3) else "good"),
        ],
        dense=[float(i % 2)],
    )
    for i in range(200)
]
TARGETS = np.array([float(i % 2) for i in range(200)])


def test_it_reads_its_fields_and_nothing_else() -> None:
    samples = hashed(SAMPLES, 2, 12)
    chosen, rest = np.arange(100), np.arange(100, 200)
    net = fit_linear(samples, TARGETS, chosen, HOW, RECIPE)
    out = score([net], samples, rest)
    assert ((out > 0) == (TARGETS[rest] == 1)).all()
    others = [Gathered(words=[w for w in s.words if w[0]], dense=[9.0]) for s in SAMPLES]
    assert np.allclose(score([net], hashed(others, 2, 12), rest), out, atol=1e-5)


def test_what_one_sample_alone_has_weighs_nothing() -> None:
    alone = [Gathered(words=[(1, f"only{i}")], dense=[0.0]) for i in range(40)]
    samples = hashed(alone, 2, 16)
    net = fit_linear(samples, TARGETS[:40], np.arange(40), HOW, replace(RECIPE, bits=16))
    assert float(net.table.detach().abs().max()) == 0.0


def test_output_is_scaled_as_a_whole() -> None:
    samples = hashed(SAMPLES, 2, 12)
    net = fit_linear(samples, TARGETS, np.arange(100), HOW, RECIPE)
    torch.nn.init.normal_(net.last.weight)
    before = score([net], samples, np.arange(20))
    scale_output(net, 2.5)
    assert np.allclose(score([net], samples, np.arange(20)), 2.5 * before, atol=1e-4)
