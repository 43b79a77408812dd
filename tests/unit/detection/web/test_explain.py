import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import soc_copilot.detection.web.explain as explain_module
from soc_copilot.detection.web.explain import explain
from soc_copilot.detection.web.model import Layers, WebNet, grams
from soc_copilot.detection.web.normalise import normalise, pack
from soc_copilot.detection.web.scorer import load
from soc_copilot.domain.paths import bundled


@pytest.fixture(scope="module")
def net() -> WebNet:
    return load(bundled("models") / "web").scorer.net


def marked(net: WebNet, text: str) -> str:
    return "".join(text[slice(*part.highlight)] for part in explain(net, text).parts)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/shop/list?page=2&id=1%27%20UNION%20SELECT%20password%20FROM%20users--&s=asc", "UNION"),
        ("/search?lang=en&q=<script>alert(1)</script>&page=9", "script"),
        ("/view?file=../../../../etc/passwd&theme=dark", "etc"),
    ],
)
def test_the_payload_is_marked_and_the_rest_is_not(net: WebNet, text: str, inside: str) -> None:
    found = marked(net, text)
    assert inside in found
    assert len(found) < 0.9 * len(text)
    assert explain(net, text).parts[0].share > 0.3


def test_a_base64_word_is_marked_in_the_raw_text(net: WebNet) -> None:
    text = "/a?x=1&d=PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ%2B&y=2"
    explained = explain(net, text)
    assert "base64" in explained.hidden_by
    assert "PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ" in marked(net, text)


def test_a_disguise_is_named(net: WebNet) -> None:
    assert "percent-encoded more than once" in explain(net, "/?a=%252e%252e%252fetc").hidden_by


def test_places_count_characters_and_not_bytes(net: WebNet) -> None:
    text = "/日本語/検索?q=<script>alert(1)</script>"
    assert "alert" in marked(net, text)


def test_nothing_is_said_of_an_empty_text(net: WebNet) -> None:
    assert explain(net, "").parts == ()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_places_lie_inside_the_text(net: WebNet, text: str) -> None:
    for part in explain(net, text).parts:
        start, end = part.highlight
        assert 0 <= start <= end <= len(text)
        assert part.words.isprintable()
        assert 0 <= part.share <= 1


def test_a_long_text_takes_bounded_time(net: WebNet) -> None:
    began = time.process_time()
    explain(net, "/?q=" + "%2527%20or%20" * 100_000)
    assert time.process_time() - began < 5.0  # 0.2 s where this was written


def test_shares_are_those_of_the_network(net: WebNet) -> None:
    texts = normalise(pack([b"/shop?id=1%27%20or%20%271%27=%271&page=2", b""], traced=True))
    one = pack([texts.text(0)])
    found = grams(one, net.shape)
    sums = net.sums(torch.from_numpy(found.rows), torch.from_numpy(found.bags)).detach()
    sums.requires_grad_()
    logit, _ = net.head(net.pool(sums, torch.from_numpy(found.per_text)))
    (expected,) = torch.autograd.grad(logit.sum(), sums)
    slopes = explain_module._slopes(Layers.of(net), sums.detach().numpy())
    np.testing.assert_allclose(slopes, expected.numpy(), atol=1e-4)
