import pytest

from soc_copilot.detection.phishing import explain
from soc_copilot.detection.phishing.scorer import shipped
from soc_copilot.detection.phishing.urls import parse_url


@pytest.mark.parametrize(
    ("url", "kind", "marked"),
    [
        ("http://paypal-login.example.com/", "brand", "paypal"),
        ("http://10.1.2.3/x", "host", "10.1.2.3"),
        ("http://p\u0430ypal.com/", "confusable", "p\u0430ypal.com"),
        ("http://user@evil.example.com/", "user", "user"),
        ("http://a.pages.dev/", "hosting", "pages.dev"),
        ("http://qx7vz9k2mfw4t8.com/", "random", "qx7vz9k2mfw4t8"),
        ("http://secure-update.com/", "words", "secur"),
        ("https://www.paypal.com/signin", "own", "paypal.com"),
    ],
)
def test_what_stands_out_in_a_url_is_marked(url: str, kind: str, marked: str) -> None:
    found = [reason for reason in explain.of_url(parse_url(url)) if reason.kind == kind]
    assert found
    assert url[found[0].start : found[0].end] == marked


def test_a_plain_url_has_nothing_to_say() -> None:
    assert explain.of_url(parse_url("https://example.com/about")) == []


def test_words_are_marked_where_they_stand() -> None:
    body = "Dear customer, please VERIFY your account within 24 hours."
    found = explain.of_text(shipped().get("email"), "Notice", body)
    marked = {body[r.start : r.end].lower() for r in found if r.start is not None}
    assert {"verif", "account"} & {word[:7] for word in marked} or "verify" in marked
    assert not marked & {"your", "the"}
    assert [r.weight for r in found] == sorted((r.weight for r in found), reverse=True)


def test_an_empty_text_has_nothing_to_say() -> None:
    assert explain.of_text(shipped().get("text"), "", "") == []
