import pytest

from soc_copilot.detection.phishing import explain, words
from soc_copilot.detection.phishing.hashing import rows_of_words
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


BODIES = (
    "Your mailbox is full. Click here to verify your password within 24 hours, dear customer.",
    "Lunch at noon? The lamp in the garden waits.",
    "urgent invoice refund parcel prize password verify suspended webcam casino unsubscribe fund",
    "",
)


@pytest.mark.parametrize("body", BODIES)
def test_leaving_words_out_changes_nothing_else(body: str) -> None:
    for kind in ("email", "text"):
        model = shipped().get(kind)
        every = explain.of_text(model, "Notice", body)
        without = explain.of_text(model, "Notice", body, has_words=False)
        assert without == [one for one in every if one.kind != "word"]


def test_a_words_weight_is_the_mean_of_the_networks() -> None:
    model = shipped().get("email")
    rows = rows_of_words(
        [(words.WORDS, "w:verify"), (words.WORDS, "w:lunch")], model.nets[0].shape.bits
    )
    each = [(net.table.detach()[rows, -1] * net.scale.detach()[words.WORDS]) for net in model.nets]
    expected = sum(one.numpy() for one in each) / len(each)
    assert model.word_weights[rows] == pytest.approx(expected, abs=1e-7)
