import numpy as np
import pytest
import torch

from soc_copilot.detection.phishing.fused import Fused
from soc_copilot.detection.phishing.hashing import Bags
from soc_copilot.detection.phishing.model import PhishNet, Shape, logits

SHAPE = Shape(bits=8, width=4, hidden=8, n_fields=3, n_dense=5)


def net(seed: int) -> PhishNet:
    torch.manual_seed(seed)
    made = PhishNet(SHAPE)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    torch.nn.init.uniform_(made.dense_std, 0.1, 2.0)
    return made.eval()


def samples(n: int) -> tuple[Bags, np.ndarray]:
    rng = np.random.default_rng(n)
    counts = rng.integers(0, 7, n * SHAPE.n_fields)  # empty bags, too
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rows = rng.integers(0, 1 << SHAPE.bits, int(offsets[-1])).astype(np.int32)
    return Bags(rows, offsets), rng.normal(size=(n, SHAPE.n_dense)).astype(np.float32)


@pytest.mark.parametrize("n_nets", [1, 2, 3])
@pytest.mark.parametrize("n_samples", [1, 2, 50])
def test_fused_networks_give_the_mean_of_their_logits(n_nets: int, n_samples: int) -> None:
    nets = [net(seed) for seed in range(n_nets)]
    found, numbers = samples(n_samples)
    wanted = np.mean([logits(one, found, numbers) for one in nets], axis=0)
    assert np.allclose(Fused(nets).logits(found, numbers), wanted, atol=1e-3, rtol=1e-4)


def test_no_sample_at_all() -> None:
    found, numbers = samples(0)
    assert Fused([net(1)]).logits(found, numbers).shape == (0,)
