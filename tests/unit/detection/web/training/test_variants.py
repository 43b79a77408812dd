import torch

from soc_copilot.detection.web.model import Shape, WebNet
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.variants import DEFAULT, VARIANTS, variants

SHAPE = Shape(views=("e1", "e3", "w1"), bits=8, width=16, hidden=8, n_classes=3)
REQUESTS = [Request(path=f"/p/{i}", query=f"q={'x' * i}'+or+{i}") for i in range(40)]


def test_each_variant_is_timed_and_compared() -> None:
    torch.manual_seed(2)
    net = WebNet(SHAPE).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    names = [name for name in VARIANTS if name != "compiled"]  # a minute of compiling
    rows = {row["variant"]: row for row in variants(net, REQUESTS, 0.0, names)}
    assert next(iter(rows)) == DEFAULT
    assert set(rows) == set(names)
    assert rows[DEFAULT]["largest_change_of_logit"] == 0
    for row in rows.values():
        if "not_run" not in row:
            assert row["us_per_new_target"] > 0
            assert row["largest_change_of_logit"] < 0.2
            assert 0 <= row["decisions_changed"] <= 1
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_what_does_not_run_here_says_why() -> None:
    def broken(net: WebNet) -> WebNet:
        raise RuntimeError("no compiler\nat all")

    VARIANTS["broken"] = broken
    try:
        rows = variants(WebNet(SHAPE), REQUESTS, 0.0, [DEFAULT, "broken"])
    finally:
        del VARIANTS["broken"]
    assert rows[1] == {"variant": "broken", "not_run": "RuntimeError: no compiler"}
