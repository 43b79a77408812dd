import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.web.explain import Explanation
from soc_copilot.detection.web.explain import explain as explain_all
from soc_copilot.detection.web.fast import Fast
from soc_copilot.detection.web.loops import strongest_ranges
from soc_copilot.detection.web.model import STRETCH, WebNet, grams
from soc_copilot.detection.web.normalise import Texts, normalise, pack
from soc_copilot.detection.web.scorer import Scorer, load
from soc_copilot.domain.paths import bundled
from tests.unit.detection.web.test_fast import PIECES


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load(bundled("models") / "web").scorer


@pytest.fixture(scope="module")
def fast(scorer: Scorer) -> Fast:
    return scorer.fast


def explain(fast: Fast, text: str) -> Explanation:
    (found,) = explain_all(fast, [text])
    return found


def marked(fast: Fast, text: str) -> str:
    return "".join(text[slice(*part.highlight)] for part in explain(fast, text).parts)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/shop/list?page=2&id=1%27%20UNION%20SELECT%20password%20FROM%20users--&s=asc", "UNION"),
        ("/search?lang=en&q=<script>alert(1)</script>&page=9", "script"),
        ("/view?file=../../../../etc/passwd&theme=dark", "etc"),
    ],
)
def test_the_payload_is_marked_and_the_rest_is_not(fast: Fast, text: str, inside: str) -> None:
    found = marked(fast, text)
    assert inside in found
    assert len(found) < 0.9 * len(text)
    assert explain(fast, text).parts[0].share > 0.3


def test_a_base64_word_is_marked_in_the_raw_text(fast: Fast) -> None:
    text = "/a?x=1&d=PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ%2B&y=2"
    explained = explain(fast, text)
    assert "base64" in explained.hidden_by
    assert "PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ" in marked(fast, text)


def test_a_disguise_is_named(fast: Fast) -> None:
    assert "percent-encoded more than once" in explain(fast, "/?a=%252e%252e%252fetc").hidden_by


def test_steps_and_disguises_stand_in_the_order_they_were_undone(fast: Fast) -> None:
    explained = explain(fast, "/?a=%2527%26lt;script%26gt;alert('a'%2B'b')")
    assert explained.decoding == (
        "percent-encoding",
        "percent-encoding",
        "HTML or JavaScript escapes",
        "strings put together from pieces",
    )
    assert explained.hidden_by == ("percent-encoded more than once", *explained.decoding[2:])
    assert explain(fast, "/?a=%27").hidden_by == ()
    assert explain(fast, "/?a=%27").decoding == ("percent-encoding",)


def test_places_count_characters_and_not_bytes(fast: Fast) -> None:
    text = "/日本語/検索?q=<script>alert(1)</script>"
    assert "alert" in marked(fast, text)


def test_nothing_is_said_of_an_empty_text(fast: Fast) -> None:
    assert explain(fast, "").parts == ()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_places_lie_inside_the_text(fast: Fast, text: str) -> None:
    for part in explain(fast, text).parts:
        start, end = part.highlight
        assert 0 <= start <= end <= len(text)
        assert part.words.isprintable()
        assert 0 <= part.share <= 1


def test_a_long_text_takes_bounded_time(fast: Fast) -> None:
    # 0.1 s; work that grew with the square would not end.
    assert explain(fast, "/?q=" + "%2527%20or%20" * 100_000).parts


def spread_evenly(net: WebNet, texts: Texts) -> npt.NDArray[np.float64]:
    """Each n-gram's share of the logit, by torch's own slopes, on the bytes it is made of."""
    found = grams(texts, net.shape)
    sums = net.sums(found).detach()
    sums.requires_grad_()
    logit, _ = net.head(net.pool(sums, torch.from_numpy(found.per_text)))
    (slopes,) = torch.autograd.grad(logit.sum(), sums)
    n_bytes = found.rows.shape[1]
    weights = np.zeros(n_bytes)
    edges = [*found.run_starts.tolist(), n_bytes]
    of_bytes = zip(found.rows, net.shape.of_bytes, strict=True)
    of_runs = zip(found.run_rows, net.shape.of_runs, strict=True)
    spans = [
        (row, at, min(at + int(view[1:]), n_bytes))
        for rows, view in of_bytes
        for at, row in enumerate(rows.tolist())
    ] + [
        (row, edges[at], edges[min(at + int(view[1:]) + (view[0] == "f"), len(edges) - 1)])
        for rows, view in of_runs
        for at, row in enumerate(rows.tolist())
    ]
    for row, begin, end in spans:
        vector = net.table.weight[row].detach()
        weights[begin:end] += float(slopes[begin // STRETCH] @ vector) / (end - begin)
    return weights


TEXTS = (
    "/shop?id=1%27%20or%20%271%27=%271&page=2", "", "/", "a" * 50, "/?a=%2527  x", "abc12 def-3//x",
    "/a?x=1&d=PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ%2B&y=2", "/?q='al'%2B'ert'(1)",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_weights_are_those_of_the_network(scorer: Scorer, text: str) -> None:
    raw = text.encode()
    expected = normalise(pack([raw], traced=True))
    ((texts, weights),) = scorer.fast.weigh([raw])
    assert texts.text(0) == expected.text(0)
    assert texts.steps == expected.steps
    n = int(texts.lengths[0])
    assert texts.origin is not None
    assert expected.origin is not None
    assert texts.origin[:n].tolist() == expected.origin[:n].tolist()
    reference = spread_evenly(scorer.net, normalise(pack([raw])))
    np.testing.assert_allclose(weights, reference, atol=1e-4)


def test_texts_explained_together_are_explained_as_alone(fast: Fast) -> None:
    texts = [*TEXTS, "/?a=%2527%26lt;b", "/%c0%ae%c0%ae/", "/?q=<script>alert(1)</script>"]
    assert explain_all(fast, texts) == [explain(fast, text) for text in texts]
    assert explain_all(fast, []) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *TEXTS]), max_size=8).map("".join))
def test_any_text_is_traced_as_it_is_read(scorer: Scorer, text: str) -> None:
    raw = text.encode()
    expected = normalise(pack([raw], traced=True))
    ((texts, _),) = scorer.fast.weigh([raw])
    n = int(expected.lengths[0])
    marks = np.zeros(n, np.uint8) if expected.marks is None else expected.marks[:n]
    assert texts.text(0) == expected.text(0)
    assert texts.steps == expected.steps
    assert texts.marks is None or texts.marks[:n].tolist() == marks.tolist()
    assert texts.origin is not None
    assert expected.origin is not None
    assert texts.origin[:n].tolist() == expected.origin[:n].tolist()


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=24))
def test_the_strongest_ranges_are_the_best_there_are(numbers: list[int]) -> None:
    weights = np.array(numbers, np.float64)
    spans = np.empty((3, 2), np.int64)
    n = strongest_ranges(weights, 0.0, 0.4, spans)
    free, best = [True] * len(numbers), 0
    for start, end in spans[:n].tolist():
        total = max(
            sum(numbers[i:j])
            for i in range(len(numbers))
            for j in range(i + 1, len(numbers) + 1)
            if all(free[i:j])
        )
        best = best or total
        assert all(free[start:end])
        assert sum(numbers[start:end]) == total > 0
        assert total >= 0.4 * best
        free[start:end] = [False] * (end - start)
    assert (n == 0) == (max(numbers) <= 0)
