import hashlib
import random
import re
from email.message import EmailMessage

import pytest

from soc_copilot.detection.phishing import mail
from soc_copilot.detection.phishing.mail import MAX_PARTS, is_message, parse_email, urls_in
from soc_copilot.domain.phishing import Link


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "PayPal Service <notice@evil.example>"
    mail["Reply-To"] = "x@gmail.com"
    mail["Return-Path"] = "<bounce@evil.example>"
    mail["Subject"] = "Bitte best\u00e4tigen"
    mail["Date"] = "Mon, 06 May 2024 10:00:00 +0200"
    mail.set_content("plain words http://p.example/a.")
    mail.add_alternative(
        '<p>html words that a reader sees</p><a href="http://x.example/">http://y.example</a>',
        subtype="html",
    )
    mail.add_attachment(b"MZ..", maintype="application", subtype="zip", filename="a.zip")
    return mail


def test_everything_an_analyst_needs_is_found() -> None:
    found = parse_email(message().as_bytes())
    assert found.subject == "Bitte best\u00e4tigen"
    assert (found.from_name, found.from_address) == ("PayPal Service", "notice@evil.example")
    assert (found.reply_to, found.return_path) == ("x@gmail.com", "bounce@evil.example")
    assert found.text.startswith("html words that a reader sees")
    assert "plain words" not in found.text
    assert found.links[0] == Link("http://y.example", "http://x.example/", "hxxp[://]x[.]example/")
    assert "http://p.example/a" in [link.target for link in found.links]
    assert found.date is not None
    assert found.date.isoformat() == "2024-05-06T08:00:00+00:00"
    (file,) = found.attachments
    assert (file.name, file.content_type, file.size_bytes) == ("a.zip", "application/zip", 4)
    assert file.sha256 == hashlib.sha256(b"MZ..").hexdigest()
    assert found.notes == ()


def test_relay_headers_change_nothing() -> None:
    raw = message().as_bytes()
    more = b"Received: from mx.outlook.com by x\nAuthentication-Results: spf=fail\n" + raw
    assert parse_email(more) == parse_email(raw)


def test_a_subject_and_a_text_are_a_message() -> None:
    found = parse_email(b"Subject: hi there\n\nsome text")
    assert (found.subject, found.text) == ("hi there", "some text")


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: =?utf-8?q?=C3=A9t=C3=A9?=", "\u00e9t\u00e9"),
        ("Subject: \u00e9t\u00e9".encode(), "\u00e9t\u00e9"),
        (b"Subject: \xe9t\xe9", "\u00e9t\u00e9"),
        (b"Subject: =?bogus?q?abc?=", "=?bogus?q?abc?="),
        (b"Subject: =?utf-8?b?!!!?=", None),
    ],
)
def test_subjects_in_every_writing(header: bytes, subject: str | None) -> None:
    found = parse_email(header + b"\n\nx").subject
    assert subject is None or found == subject


def test_a_page_that_says_it_is_text_is_read_as_a_page() -> None:
    found = parse_email(b"Content-Type: text/plain\n\n<html><p>words</p></html>")
    assert found.has_html
    assert found.text == "words"


def test_wrong_character_sets_are_read_and_noted() -> None:
    found = parse_email(b'Content-Type: text/plain; charset="utf-8"\n\ncaf\xe9')
    assert found.text == "caf\u00e9"
    assert found.notes


def test_too_many_parts_are_cut_and_noted() -> None:
    part = b"--b\nContent-Type: text/plain\n\nx\n"
    raw = b'Content-Type: multipart/mixed; boundary="b"\n\n' + part * (3 * MAX_PARTS) + b"--b--\n"
    found = parse_email(raw)
    assert len(found.text.split()) <= MAX_PARTS
    assert found.notes


def test_nesting_is_bounded() -> None:
    raw = b"Content-Type: text/plain\n\ndeep"
    for i in range(60):
        edge = b"b%d" % i
        raw = b'Content-Type: multipart/mixed; boundary="%b"\n\n--%b\n%b\n--%b--\n' % (
            edge, edge, raw, edge,
        )  # fmt: skip
    found = parse_email(raw)
    assert found.notes
    assert "deep" not in found.text


def test_an_attached_page_is_an_attachment() -> None:
    mail = EmailMessage()
    mail.set_content("see file")
    mail.add_attachment("<p>x</p>", subtype="html", filename="login.html")
    found = parse_email(mail.as_bytes())
    assert [file.name for file in found.attachments] == ["login.html"]
    assert found.text == "see file"


def test_what_a_message_looks_like() -> None:
    assert is_message(message().as_bytes())
    assert is_message(b"Subject: x\n\ny")
    assert not is_message(b"just words: more words\n")
    assert not is_message(b"http://example.com/")


def test_urls_in_a_text() -> None:
    assert urls_in("go http://a.example/x, or www.b.example.") == [
        "http://a.example/x",
        "www.b.example",
    ]


def test_an_encoded_word_that_is_none_is_left_as_it_is() -> None:
    found = parse_email(b"From: =?utf-8?b?YWJjZ?= <a@b.example>\nSubject: =?utf-8?b?YWJjZ?=\n\nx")
    assert found.subject == "=?utf-8?b?YWJjZ?="
    assert found.from_address == "a@b.example"


@pytest.mark.parametrize(
    "value",
    [
        "a@b.example", "<a@b.example>", "Ann Lee <ann.lee+x@b.example>",
        '"Lee, Ann (x)" <a@b.example>', '"" <a@b.example>',
        '"\u00c4nn <x@y.example>" <a@b.example>', "<a@b.example", "a@b.example>",
        "Ann <a@b.example> x", "Ann  <a@b.example>", "Dr. Ann <a@b.example>",
        "a@b.example, c@d.example", "Ann<a@b.example>", '"a\\"b" <a@b.example>', "a b@c.example",
        "x" * 700 + "@b.example", "",
    ],
)  # fmt: skip
def test_a_usual_sender_is_read_as_by_the_standard_library(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = mail._address(value)
    monkeypatch.setattr(mail, "_SENDER", re.compile(r"(?!)"))
    assert quick == mail._address(value)


@pytest.mark.parametrize("seed", range(8))
def test_boundaries_are_found_as_by_their_pattern(seed: int) -> None:
    pieces = (
        b"boundary",
        b"BOUNDARY=",
        b"=",
        b' = "',
        b"\r\n",
        b"abc",
        b";",
        b'"',
        b" ",
        b"x" * 80,
    )
    rng = random.Random(seed)  # noqa: S311 - made-up texts
    raw = b"".join(rng.choices(pieces, k=40))
    assert mail._boundaries(raw) == set(mail._BOUNDARY.findall(raw))


@pytest.mark.parametrize(
    "text",
    ["HTTP://a.example/x.", "see www.b.example, ok", "hXXps://c.example", "none", "http:// x"],
)
def test_links_in_a_text_are_those_of_the_pattern(text: str) -> None:
    assert urls_in(text) == [url.rstrip(".,;:!?") for url in mail._URL.findall(text)]
