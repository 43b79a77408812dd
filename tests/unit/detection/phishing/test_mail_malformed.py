"""Hostile and broken messages: no crash, bounded time and memory. Time is counted, not measured
against a clock's mood: each message has far more than it needs, and none may take it all."""

import random
import time

import pytest

from soc_copilot.detection.phishing import evidence, words
from soc_copilot.detection.phishing.mail import MAX_LINKS, MAX_PARTS, parse_email
from soc_copilot.detection.phishing.url_features import gather
from soc_copilot.detection.phishing.urls import parse_url
from tests.unit.detection.phishing.test_mail import message

N_MESSAGES = 2_000
MAX_SECONDS = 20.0  # per message; the slowest takes well under one on an idle machine

PIECES = [
    b"\0", b"\xff\xfe", b"\n\n", b"\r\n", b"--", b"Content-Type: multipart/mixed; boundary=b\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: uuencode\n",
    b"Content-Type: message/rfc822\n\n", b"=?utf-8?b?", b"=?x?q?=ZZ?=", b"charset=\"\xf0\x28\"",
    b"Content-Type: text/html; charset=utf-7\n\n", b"<a href='http://[", b"<div hidden>",
    b"&#x110000;",
    b"From: @@@ <>, \"\n", b"Date: Mon, 99 Foo 99999\n", b"filename*=x''%FF%", b"begin 666 x\n",
]  # fmt: skip


def seeds() -> list[bytes]:
    plain = b"From: a <a@b.example>\r\nSubject: x\r\n\r\nhello http://a.example/\r\n"
    html = b"Content-Type: text/html\n\n<p>hi <a href=http://a.example>b</a><img src=c>"
    base64 = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQ=\n"
    nested = b"Content-Type: message/rfc822\n\n" + message().as_bytes()
    return [message().as_bytes(), plain, html, base64, nested, b"Subject: s\n\nbody"]


def mutated(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            data[at:at] = rng.choice(PIECES)
        elif kind == 1:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            end = min(at + rng.randint(1, 200), len(data))
            data[at:at] = data[at:end] * rng.randint(1, 20)
        elif kind == 4:
            data[at:at] = rng.randbytes(rng.randint(1, 30))
        else:
            data = data[at:] + data[:at]
    return bytes(data)


def check(raw: bytes) -> None:
    started = time.monotonic()
    found = parse_email(raw)
    words.gather(found.subject, found.text, is_short=False)
    evidence.weigh(found, lambda urls: [float(len(gather(parse_url(u)).dense)) for u in urls])
    assert time.monotonic() - started < MAX_SECONDS
    assert len(found.text) <= 400_000
    assert len(found.links) <= MAX_LINKS
    assert len(found.attachments) <= MAX_PARTS
    found.text.encode("utf-8", "surrogatepass")


@pytest.mark.slow
def test_two_thousand_malformed_messages_are_taken() -> None:
    rng = random.Random(6)  # noqa: S311 - the same messages each time
    pool = seeds()
    for _ in range(N_MESSAGES):
        check(mutated(rng.choice(pool), rng))


def bombs() -> dict[str, bytes]:
    many = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i) for i in range(5_000)
    )
    nested = b"Content-Type: message/rfc822\n\n" * 20_000 + b"x"
    return {
        "boundaries": many,
        "messages within messages": nested,
        "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
        "headers": b"X: y\n" * 200_000 + b"\nbody",
        "one long header": b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nbody",
        "folded header": b"Subject: a\n" + b" b\n" * 100_000 + b"\nbody",
        "addresses": b"From: " + b"a <b@c.example>, " * 50_000 + b"\n\nx",
        "quotes": b'From: "' + b'\\"' * 100_000 + b"\n\nx",
        "brackets": b"From: " + b"(" * 100_000 + b"\n\nx",
        "base64 rubbish": b"Content-Transfer-Encoding: base64\n\n" + b"!@#A" * 500_000,
        "tags": b"Content-Type: text/html\n\n" + b"<div>" * 200_000,
        "open tags": b"Content-Type: text/html\n\n" + b"<a " * 200_000,
        "attributes": b"Content-Type: text/html\n\n<a " + b"x=y " * 200_000 + b">",
        "entities": b"Content-Type: text/html\n\n" + b"&#" * 300_000,
        "comments": b"Content-Type: text/html\n\n" + b"<!--" * 200_000,
        "links": b"Content-Type: text/html\n\n" + b"<a href=http://a.example>b</a>" * 50_000,
        "quoted lines": b"Subject: x\n\n" + b"> \n" * 300_000,
        "dots": b"Subject: x\n\n" + b"a." * 300_000,
        "at signs": b"Subject: x\n\n" + b"a@" * 300_000,
        "blanks": b"Subject: x\n\n" + b" \n" * 500_000,
        "lines": b"Subject: x\n\n" + b"\r" * 8_000_000,
        "lines and boundaries": many[:4_000] + b"\n" * 4_000_000,
        "edges": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 1_000_000,
        "big attachment": b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + b"QUFB" * 25_000_000,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", list(bombs()))
def test_bombs_are_survived(name: str) -> None:
    check(bombs()[name])
