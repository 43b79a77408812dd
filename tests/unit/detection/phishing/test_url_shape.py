import math

import pytest

from soc_copilot.detection.phishing.url_features import gather
from soc_copilot.detection.phishing.url_shape import entropy, shape
from soc_copilot.detection.phishing.urls import parse_url


def shape_of(url: str, host: str, label: str, before: str, path: str) -> list[float]:
    return shape(parse_url(url), host, label, before, path)


def test_entropy() -> None:
    assert entropy("") == 0.0
    assert entropy("aaaa") == 0.0
    assert entropy("abcd") == pytest.approx(2.0)


@pytest.mark.parametrize("text", ["paypal", "qx7vz9k2", "zzz", "ab" * 140, "/a/b?c=d" * 100])
def test_entropy_is_that_of_its_characters(text: str) -> None:
    shares = [text.count(c) / len(text) for c in set(text)]
    expected = -sum(share * math.log2(share) for share in shares)
    assert entropy(text) == pytest.approx(expected, abs=1e-12)


def test_a_host_is_counted() -> None:
    found = shape_of("x9.my-shop24.co.uk", "x9.my-shop24.co.uk", "my-shop24", "x9", "")
    assert found[:6] == [9, 2, 2, 0, 3, 4]
    assert found[10:18] == [18, 2, 1, 1, 2, 2, 2, 2]
    assert not any(found[18:])


@pytest.mark.parametrize(
    ("url", "kind"),
    [("a.com", 1), ("a.de", 2), ("a.shop", 3), ("a.pages.dev", 4), ("1.2.3.4", 0)],
)
def test_kinds_of_suffixes_are_told_apart(url: str, kind: int) -> None:
    assert shape_of(url, url, "a", "", "")[15] == kind


def test_a_path_is_counted() -> None:
    path = "/wp-content/Old_x1/index.php?a=1&bb=2345#top"
    found = shape_of("a.com" + path, "a.com", "a", "", path)[18:]
    assert found == [len(path), 3, 7, 6, 2, 2, 11, 4, 1, 1, 1, 1, 1, 1, 3, 1]


def test_every_url_has_as_many_numbers() -> None:
    urls = [
        "",
        "a.com",
        "a.com/?",
        "a.com/#",
        "1.2.3.4/?&=&",
        "http://" + "-" * 300,
        "a.com/" * 900,
    ]
    assert len({len(gather(parse_url(url)).dense) for url in urls}) == 1
