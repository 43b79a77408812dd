"""What the Phishing page says of an answer."""

from datetime import UTC, datetime

import pytest

from soc_copilot.detection.phishing.contents import content_of
from soc_copilot.domain.phishing import (
    Analysis,
    ParsedEmail,
    PartResult,
    Prediction,
    Reason,
)
from soc_copilot.ui import phishing_facts as facts


def answer(prediction: Prediction, *reasons: Reason) -> Analysis:
    return Analysis(
        "1", "email", prediction, 0.5, 0.5, (), reasons, (), (), False, "1", False, 1.0,
        datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip


def test_reasons_are_said_once_and_words_together() -> None:
    found = facts.grouped(
        [
            Reason("word", 'The word "account" speaks for phishing.', 0, 7, 0.5),
            Reason("words", "It urges to act at once.", 9, 12, 0.3),
            Reason("words", "It urges to act at once.", 20, 24, 0.3),
            Reason("words", "It asks to click.", 25, 26, 0.2),
            Reason("words", "The host speaks of login.", weight=0.1),
            Reason("word", 'The word "verify" speaks for phishing.', 30, 36, 0.4),
            Reason("own", "It is its own.", weight=-1.0),
        ]
    )
    assert [one.text for one in found] == [
        "Words that speak for phishing: account, verify.",
        "It urges to act at once and asks to click.",
        "The host speaks of login.",
        "It is its own.",
    ]


def test_the_summary_names_what_the_verdict_rests_on() -> None:
    strong, calm = Reason("link", "A link.", weight=1.0), Reason("own", "Its own.", weight=-1.0)
    words = Reason("words", "It asks.", weight=0.3)
    assert facts.summary_of(answer("phish", strong, calm)) == "A link speaks for phishing."
    assert facts.summary_of(answer("phish", words, strong)) == (
        "A link and its words speak for phishing."
    )
    assert facts.summary_of(answer("suspicious", words)) == "Its words speak for phishing."
    assert "No single thing" in facts.summary_of(answer("phish", calm))
    assert facts.summary_of(answer("benign", strong, calm)) == "Its own."
    assert "Nothing" in facts.summary_of(answer("benign", strong))


def test_of_a_harmless_content_no_single_words_are_told() -> None:
    word = Reason("word", 'The word "garden" speaks for phishing.', 0, 6, 0.1)
    calm, strong = Reason("own", "Its own.", weight=-1.0), Reason("link", "A link.", weight=1.0)
    assert facts.told_reasons(answer("benign", word, strong, calm)) == (calm, strong)
    assert len(facts.told_reasons(answer("phish", word, strong, calm))) == 3


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0.95, "very sure"), (0.7, "sure"), (0.4, "fairly sure"), (0.0, "undecided")],
)
def test_a_confidence_in_words(confidence: float, words: str) -> None:
    assert facts.sureness(confidence) == words


def test_the_head_says_what_is_wrong_with_it() -> None:
    mail = ParsedEmail(
        subject="Hello", from_name="Bank", from_address="a@mail.evil.example",
        reply_to="b@gmail.com", return_path="c@bounce.example",
    )  # fmt: skip
    reasons = [Reason("sender", "It calls itself Bank.", weight=1.0)]
    found = {one.name: one for one in facts.header_facts(mail, reasons, "today")}
    assert found["From"].value == "Bank <a@mail.evil.example>"
    assert (found["From"].finding, found["From"].is_wrong) == ("It calls itself Bank.", True)
    assert found["Reply-To"].finding.startswith("Answers go to gmail[.]com, not to")
    assert not found["Reply-To"].is_wrong
    assert "Mailing services" in found["Return-Path"].finding
    assert found["Date"].value == "today"
    alike = ParsedEmail(from_address="a@x.example.com", return_path="b@y.example.com")
    assert facts.header_facts(alike, (), "")[1].finding == ""


def test_degraded_answers_name_what_was_silent() -> None:
    parts = (
        PartResult("email", 0.5, 0.1),
        PartResult("visual", None, state="open", detail="It broke."),
    )
    told = facts.part_facts(parts, [("text", "No file.")])
    assert [one.state for one in told] == ["ok", "open", "missing"]
    words = facts.degraded_words(told)
    assert "Look of the page: left alone for a while, as it failed. It broke" in words
    assert "Text: not loaded. No file" in words
    assert facts.degraded_words(told[:1]) == ""


def test_whole_words_are_marked() -> None:
    text = "please verify it within 24 hours, now"
    reasons = [
        Reason("words", "It asks.", 7, 10, 0.3),
        Reason("words", "It urges.", 17, 28, 0.3),
        Reason("own", "It is its own.", 0, 6, -1.0),
        Reason("host", "Nowhere.", weight=1.0),
    ]
    marked = [text[a:b] for a, b in facts.marks_of(reasons, text)]
    assert marked == ["verify", "within 24 hours"]
    assert facts.marks_of(reasons)[0] == (7, 10)


def test_urls_are_defanged_and_marks_move_along() -> None:
    text = "go to http://evil.example/a.b now"
    spans = ((0, 2), (6, 25), (13, 17), (30, 33))
    shown, moved = facts.defanged_spans(text, spans)
    assert shown == "go to hxxp[://]evil[.]example/a.b now"
    assert [shown[a:b] for a, b in moved] == ["go", "hxxp[://]evil[.]example", "evil", "now"]
    assert facts.defanged_text(text) == shown


def test_a_url_without_a_scheme_is_defanged_as_a_whole() -> None:
    shown, moved = facts.defanged_spans("user@evil.example:8/x", ((5, 17), (40, 50)), is_url=True)
    assert shown == "user[@]evil[.]example[:]8/x"
    assert [shown[a:b] for a, b in moved] == ["evil[.]example"]


@pytest.mark.parametrize(
    ("raw", "title", "sender"),
    [
        (b"From: A <a@b.example>\nSubject: Hi\nDate: x\n\n.", "Hi", "A <a@b.example>"),
        (b"From: a@b.example\nSubject:\nDate: x\n\n.", "(no subject)", "a@b.example"),
        (b"https://a.example/x", "hxxps[://]a[.]example/x", ""),
        (b"<html><title>Sign\n in</title>", "Sign in", ""),
        (b"<html><p>x", "f.html", ""),
        (b"\n see http://a.example\nmore", "see hxxp[://]a[.]example", ""),
    ],
)
def test_contents_have_titles_and_mails_senders(raw: bytes, title: str, sender: str) -> None:
    content = content_of(raw)
    assert facts.title_of(content, "f.html") == title
    assert facts.sender_of(content) == sender
