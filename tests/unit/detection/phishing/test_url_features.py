import itertools

import pytest

from soc_copilot.detection.phishing import url_features
from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.urls import MAX_URL_CHARS, parse_url


def gather(url: str) -> Gathered:
    return url_features.gather(parse_url(url))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.com/a", "https://example.com/a"),
        ("http://www.example.com/a", "http://example.com/a"),
        ("http://example.com/", "http://example.com"),
        ("http://example.com/a/", "http://example.com/a"),
        ("example.com", "https://www.example.com/"),
        ("http://e.com/?m=a.b@c.example.org", "http://e.com/?m=user@example.org"),
    ],
)
def test_what_only_betrays_a_corpus_is_not_read(one: str, other: str) -> None:
    assert gather(one) == gather(other)


def test_numbers_are_bounded_and_always_as_many() -> None:
    urls = [
        "",
        "a",
        "http://1.2.3.4/" + "x/" * 500,
        "http://" + "a-" * 100 + ".com/?q=" + "9" * 900,
    ]
    found = [gather(url).dense for url in urls]
    assert {len(numbers) for numbers in found} == {len(found[0])}
    assert all(0.0 <= number <= MAX_URL_CHARS for numbers in found for number in numbers)


def test_long_urls_are_cut() -> None:
    found = gather("http://example.com/" + "abc/" * 5_000)
    assert all(len(text) <= 2 * url_features.MAX_PATH for _, _, text, _, _ in found.texts)
    assert len(found.words) < 200


def test_a_brand_out_of_place_is_a_word() -> None:
    words = [word for _, word in gather("http://paypal.evil.example.com/").words]
    assert "brand:subdomain:whole" in words
    assert not any(w.startswith("brand:") for _, w in gather("https://www.paypal.com/paypal").words)


LABELS = [
    "",
    "paypal",
    "qx7vz9k2",
    "a--b",
    "ABc1",
    "caf\u00e9-9",
    "12ab34",
    "zzz",
    "\u0430bc",
    "x\ny\n",
]


@pytest.mark.parametrize("label", LABELS)
def test_what_a_label_is_made_of_is_counted_sign_by_sign(label: str) -> None:
    letters = [c for c in label if c.isalpha()]
    run = longest = 0
    for c in label:
        run = run + 1 if c.isalpha() and c not in "aeiouy" else 0
        longest = max(longest, run)
    pairs = list(itertools.pairwise(label))
    assert url_features._counts(label) == (
        sum(c in "aeiouy" for c in letters),
        sum(c in "qxzjkvw" for c in letters),
        len(letters),
        sum(c.isdigit() for c in label),
        sum(a.isdigit() != b.isdigit() for a, b in pairs),
        longest,
    )
    assert url_features._randomness(label)[-1] == float(any(a == b for a, b in pairs))
