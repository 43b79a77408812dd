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

SHAPE = Shape(
    views=("e1", "e3", "s5", "w1", "w3", "k4", "f2"), bits=8, width=4, hidden=6, n_classes=3
)
RAWS = [b"", b"/a", b"x" * STRETCH, b"/index.php?id=1' or '1'='1", b"y" * 100]


@pytest.fixture
def net() -> WebNet:
    torch.manual_seed(1)
    return WebNet(SHAPE).eval()


def test_every_byte_and_every_run_has_one_row_per_view() -> None:
    found = grams(normalise(pack(RAWS)), SHAPE)
    assert found.per_text.tolist() == [1, 1, 1, 2, 7]
    assert found.rows.shape == (3, 1 + 2 + 16 + 26 + 100)
    assert len(found.bags) == len(found.run_bags) == 12
    assert found.rows[0].max() < EXACT_ROWS <= found.rows[1:].min()
    assert max(found.rows.max(), found.run_rows.max()) < EXACT_ROWS + 2**SHAPE.bits
    # "", "/" "a", x..., "/" "index" "." "php" "?" "id" "=" "1" "'" " " "or" ..., y...
    assert found.run_rows.shape == (4, 1 + 2 + 1 + 18 + 1)
    assert found.run_starts.tolist()[:8] == [0, 1, 2, 3, 19, 20, 25, 26]


def rows_of(view: str, *raws: bytes) -> list[list[int]]:
    shape = Shape(views=("e1", view), bits=16)
    found = [grams(normalise(pack([raw])), shape) for raw in raws]
    return [(f.run_rows[0] if view[0] in "wkf" else f.rows[1]).tolist() for f in found]


@pytest.mark.parametrize(
    ("view", "one", "same", "other"),
    [
        ("e3", b"abc1", b"ABC1", b"abd1"),
        ("d4", b"id=12'", b"id=98'", b"ie=12'"),
        ("s4", b"name=1'", b"code=7'", b"name=1-"),
        ("w1", b"select 1", b"select 29", b"selects 1"),
        ("w3", b"or 1=1", b"or 22=31", b"or 1<1"),
        ("k4", b"or 1=1", b"union 22=31", b"or 1=a"),
        ("f2", b"or 1=1", b"or 22=31", b"and 1=1"),
    ],
)
def test_a_view_forgets_what_it_should(view: str, one: bytes, same: bytes, other: bytes) -> None:
    first, second, third = rows_of(view, one, same, other)
    assert first == second
    assert first != third


def test_an_n_gram_is_the_same_wherever_it_stands() -> None:
    for view in ("e2", "e5", "d3", "s7", "w3", "k4", "f3"):
        inside, alone = rows_of(view, b"&a=1 union select b&c=2", b"1 union select b&c")
        assert set(alone[:3]) <= set(inside), view


def test_a_text_scores_the_same_alone_and_in_company(net: WebNet) -> None:
    with torch.inference_mode():
        together = forward(net, grams(normalise(pack(RAWS)), SHAPE))[0].numpy()
        alone = [float(forward(net, grams(normalise(pack([raw])), SHAPE))[0][0]) for raw in RAWS]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_payload_counts_the_same_behind_padding(net: WebNet) -> None:
    with torch.inference_mode():
        short = normalise(pack([b"." * 48 + b"<b>"]))
        long = normalise(pack([b"." * 3200 + b"<b>"]))
        a, b = (
            net.pool(net.sums(found), torch.from_numpy(found.per_text))
            for found in (grams(short, SHAPE), grams(long, SHAPE))
        )
    assert bool((b >= a - 1e-5).all())


def test_stored_weights_give_the_same_network(net: WebNet) -> None:
    again = from_tensors(dict(net.state_dict()), SHAPE)
    found = grams(normalise(pack(RAWS)), SHAPE)
    with torch.inference_mode():
        assert torch.equal(forward(net, found)[0], forward(again, found)[0])
