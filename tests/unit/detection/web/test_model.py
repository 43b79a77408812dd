import numpy as np
import pytest
import torch

from soc_copilot.detection.web.model import (
    EXACT_ROWS,
    STRETCH,
    Shape,
    WebNet,
    forward,
    from_tensors,
    grams,
)
from soc_copilot.detection.web.normalise import normalise, pack

SHAPE = Shape(sizes=(1, 3, 5), bits=8, width=4, hidden=6, n_classes=3)
RAWS = [b"", b"/a", b"x" * STRETCH, b"/index.php?id=1' or '1'='1", b"y" * 100]


@pytest.fixture
def net() -> WebNet:
    torch.manual_seed(1)
    return WebNet(SHAPE).eval()


def test_every_byte_has_one_row_per_size() -> None:
    found = grams(normalise(pack(RAWS)), SHAPE)
    assert found.per_text.tolist() == [1, 1, 1, 2, 7]
    assert found.rows.shape == (3, 1 + 2 + 16 + 26 + 100)
    assert len(found.bags) == 12
    assert found.rows[0].max() < EXACT_ROWS <= found.rows[1:].min()
    assert found.rows.max() < EXACT_ROWS + 2**SHAPE.bits


def test_a_text_scores_the_same_alone_and_in_company(net: WebNet) -> None:
    with torch.inference_mode():
        together = forward(net, grams(normalise(pack(RAWS)), SHAPE))[0].numpy()
        alone = [float(forward(net, grams(normalise(pack([raw])), SHAPE))[0][0]) for raw in RAWS]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_payload_counts_the_same_behind_padding(net: WebNet) -> None:
    with torch.inference_mode():
        short = normalise(pack([b"a" * 32 + b"<script>"]))
        long = normalise(pack([b"a" * 3200 + b"<script>"]))
        a = net.pool(net.sums(*tensors(short)[:2]), tensors(short)[2])
        b = net.pool(net.sums(*tensors(long)[:2]), tensors(long)[2])
    assert bool((b >= a - 1e-5).all())


def tensors(texts: object) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    found = grams(texts, SHAPE)  # type: ignore[arg-type]
    return (
        torch.from_numpy(found.rows),
        torch.from_numpy(found.bags),
        torch.from_numpy(found.per_text),
    )


def test_stored_weights_give_the_same_network(net: WebNet) -> None:
    again = from_tensors(dict(net.state_dict()), SHAPE)
    found = grams(normalise(pack(RAWS)), SHAPE)
    with torch.inference_mode():
        assert torch.equal(forward(net, found)[0], forward(again, found)[0])
