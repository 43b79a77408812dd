import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.web.classes import N_MODEL_CLASSES
from soc_copilot.detection.web.fast import Fast
from soc_copilot.detection.web.model import Shape, WebNet
from soc_copilot.detection.web.scorer import Scorer, as_series, load
from soc_copilot.domain.paths import bundled

SURE = 0.5
PIECES = (
    "%", "%25", "%27", "%2527", "%252525", "%u0041", "%u%34123", "%uff1c", "%zz", "%%", "a", "Zz9",
    "/", "/api/v1/items", "?", "&", "=", "&a=1", "&a=2", "?x=1&x='", "+", " ", "  ", "\t", "\n",
    "\0", "\x01", "\x7f", "'", '"', "`", "' 'b", "'al'+'ert'", "concat('a','b')", "char(97,98)",
    "0x61626364", "wh''oami", "$IFS", "${ifs}", "^", "un/**/ion", "/*!50000select*/", "*/*;q=0.8",
    "&lt;", "&amp;lt;", "&#60;", "\\u003c", "\\/", "+ADw-script+AD4-", "c2VsZWN0ICogZnJvbSB1",
    "abc/c2VsZWN0ICogZnJvbSB1", "deadbeefdeadbeef", "\u2019", "\uff1c", "\u00e9", "\u4e2d",
    "%c0%ae", "{\"a\": \"b\", \"c\": 1}", "<script>alert(1)</script>", "x" * 40,
    "word-word_word", "12:30",
)  # fmt: skip


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load(bundled("models") / "web").scorer
    torch.set_num_threads(threads)


def agree(scorer: Scorer, texts: list[str]) -> None:
    logits, kinds = scorer._run(as_series(texts))
    found = scorer.fast.score([text.encode() for text in texts])
    np.testing.assert_allclose(found[0], logits, rtol=1e-5, atol=2e-5)
    assert found[1].tolist() == kinds.tolist()


@settings(deadline=None, max_examples=150)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=12), min_size=1, max_size=6))
def test_it_says_what_the_network_says(texts, scorer):
    agree(scorer, ["".join(text) for text in texts])


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=80), min_size=1, max_size=4))
def test_it_says_what_the_network_says_of_any_text(texts, scorer):
    agree(scorer, texts)


def test_it_agrees_on_every_pair_of_pieces(scorer):
    agree(scorer, [a + b for a in PIECES for b in PIECES])


def test_it_agrees_on_long_texts_and_on_none(scorer):
    rng = random.Random(3)  # noqa: S311 - made-up texts
    agree(scorer, ["", "a" * 5_000, "".join(rng.choices("abc/?&=%2 <'", k=20_000)), "0" * 999])
    assert [len(part) for part in scorer.fast.score([])] == [0, 0]


@pytest.mark.parametrize(
    "shape",
    [
        Shape(("e1",), 10, 5, 7, N_MODEL_CLASSES),
        Shape(("e1", "e4", "s3", "d2", "f2", "w2", "k5"), 12, 18, 33, N_MODEL_CLASSES),
    ],
)
def test_it_takes_any_shape_that_a_card_can_tell(shape):
    torch.manual_seed(7)
    made = Scorer(WebNet(shape))
    agree(made, ["/a?b=1%27+or", "", "abc12 def-345//x", "a" * 50])
    assert isinstance(made.fast, Fast)
