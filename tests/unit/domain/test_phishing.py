"""The shared types of the phishing pipeline."""

import pytest

from soc_copilot.domain.phishing import ParsedUrl, confidence_of, defang, prediction_of


@pytest.mark.parametrize(
    ("score", "word"),
    [(1.0, "phish"), (0.7, "phish"), (0.6999, "suspicious"), (0.4, "suspicious"), (0.39, "benign")],
)
def test_a_score_has_a_word(score: float, word: str) -> None:
    assert prediction_of(score) == word


def test_confidence_is_nothing_in_the_middle_and_whole_at_both_ends() -> None:
    assert [confidence_of(s) for s in (0.0, 0.5, 0.75, 1.0)] == [1.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.b.example/x.php?y=1.2", "hxxps[://]a[.]b[.]example/x.php?y=1.2"),
        ("a.example", "a[.]example"),
        ("http://u@h.example:81#f", "hxxp[://]u[@]h[.]example[:]81#f"),
        (
            "http://h.example/r?to=http://x.example/",
            "hxxp[://]h[.]example/r?to=http[://]x.example/",
        ),
        ("", ""),
    ],
)
def test_nothing_makes_a_link_of_a_defanged_url(url: str, shown: str) -> None:
    assert defang(url) == shown
    assert "://" not in shown.replace("[://]", "")


def _parsed(**said: str) -> ParsedUrl:
    empty = dict.fromkeys(
        ("raw", "scheme", "host", "ascii_host", "registered_domain", "icann_domain"), ""
    )
    rest = dict.fromkeys(("suffix", "subdomain", "path", "query", "fragment"), "")
    return ParsedUrl(**{**empty, **rest, **said})  # type: ignore[arg-type]


def test_a_bare_host_has_nothing_behind_it() -> None:
    assert _parsed().is_bare
    assert _parsed(path="/").is_bare
    assert not _parsed(path="/x").is_bare
    assert not _parsed(query="x").is_bare
