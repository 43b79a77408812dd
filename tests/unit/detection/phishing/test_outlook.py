import hashlib
import random
import time
from typing import Final

import pytest

from soc_copilot.detection.phishing import outlook
from soc_copilot.detection.phishing.mail import MAX_MESSAGE_BYTES, parse_email
from soc_copilot.detection.phishing.outlook import MAX_DEPTH, is_compound, message_of
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.phishing import ParsedEmail
from tests.tools.msg_writer import Tree, attached, compound_file, message, text, within

SENT: Final = 133_500_000_000_000_000  # in January 2024
HTML: Final = '<p>Please <a href="http://evil.example/login">sign in</a></p>'
PAGE_IN_RTF: Final = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Caf\'e9 "
    rb'{\*\htmltag84 <a href="http://evil.example/x">}here{\*\htmltag92 </a>}\htmlrtf }\htmlrtf0 }'
)


def stored(rich: bytes) -> bytes:
    """Rich text as Outlook keeps it, not packed."""
    return (
        (len(rich) + 12).to_bytes(4, "little")
        + len(rich).to_bytes(4, "little")
        + b"MELA"
        + (bytes(4) + rich)
    )


def read(tree: Tree) -> ParsedEmail:
    return parse_email(message_of(compound_file(tree)))


def mail(**more: bytes) -> dict[str, bytes]:
    return {
        "0037001F": text("Ihr Konto \u2013 jetzt"), "0C1A001F": text('Your "Bank"'),
        "5D01001F": text("x@y.example"), "1000001F": text("Please sign in."),
        "1013001F": text(HTML), **more,
    }  # fmt: skip


def test_what_a_reader_sees_is_carried_over() -> None:
    found = read(message(mail(), numbers={0x00390040: SENT}))
    assert found.subject == "Ihr Konto \u2013 jetzt"
    assert (found.from_name, found.from_address) == ("Your 'Bank'", "x@y.example")
    assert found.date is not None
    assert (found.date.year, found.date.month) == (2024, 1)
    assert [link.target for link in found.links] == ["http://evil.example/login"]
    assert "sign in" in found.text
    assert found.has_html
    assert not found.notes


def test_headers_that_came_with_it_are_believed_before_outlooks_own() -> None:
    came = (
        "Received: from a by b\r\nFrom: =?utf-8?q?B=C3=A4nk?=\r\n <real@evil.example>\r\n"
        "Reply-To: z@w.example\r\nReturn-Path: <r@w.example>\r\nSubject: other\r\n"
    )
    found = read(message(mail(**{"007D001F": text(came)})))
    assert (found.from_name, found.from_address) == ("B\u00e4nk", "real@evil.example")
    assert (found.reply_to, found.return_path) == ("z@w.example", "r@w.example")
    assert found.subject == "Ihr Konto \u2013 jetzt"  # what Outlook shows


def test_attachments_keep_name_type_size_and_hash() -> None:
    data = bytes(range(256)) * 40
    files = [attached("R\u00e9chnung.zip", data, "application/zip"), attached('a"\n.exe', b"MZ")]
    found = read(message(mail(), files))
    assert [(one.name, one.size_bytes) for one in found.attachments] == [
        ("R\u00e9chnung.zip", len(data)), ("a__.exe", 2),
    ]  # fmt: skip
    assert found.attachments[0].sha256 == hashlib.sha256(data).hexdigest()
    assert found.attachments[0].content_type == "application/zip"


def test_messages_within_are_read_to_a_depth() -> None:
    tree = message(mail(), is_within=True)
    for _ in range(MAX_DEPTH + 2):
        tree = message({"1000001F": text("see below")}, [within(tree)], is_within=True)
    top = dict(tree)
    top.update(message({"1000001F": text("see below")}))
    found = message_of(compound_file(top))
    assert found.count(b"message/rfc822") == MAX_DEPTH
    one = read(message({"1000001F": text("see")}, [within(message(mail(), is_within=True))]))
    assert [link.target for link in one.links] == ["http://evil.example/login"]


def test_older_files_are_read_in_their_code_page() -> None:
    old = {"0037001E": "\u041f\u0440\u0438\u0432\u0435\u0442".encode("cp1251"), "1000001E": b"x"}
    found = read(message(old, numbers={0x3FFD0003: 1251}))
    assert found.subject == "\u041f\u0440\u0438\u0432\u0435\u0442"
    unknown = read(message({"0037001E": b"caf\xe9"}, numbers={0x3FFD0003: 99_999}))
    assert unknown.subject == "caf\u00e9"
    page = read(message({"10130102": HTML.encode()}, numbers={0x3FDE0003: 65_001}))
    assert [link.target for link in page.links] == ["http://evil.example/login"]


def test_of_rich_text_the_page_within_is_read() -> None:
    found = read(message({"10090102": stored(PAGE_IN_RTF)}))
    assert [link.target for link in found.links] == ["http://evil.example/x"]
    assert "Caf\u00e9" in found.text
    plain = read(message({"10090102": stored(rb"{\rtf1\ansi Pay\par now}")}))
    assert plain.text.split() == ["Pay", "now"]
    assert read(message({"10090102": b"broken"})).text == ""


def test_what_stands_in_a_header_ends_no_header() -> None:
    hostile = {"0037001F": text("a\r\nReply-To: b@c.example\r\n\r\nbody"), "1000001F": text("x")}
    found = read(message(hostile))
    assert found.reply_to == ""
    assert found.text == "x"


def test_the_same_file_reads_alike() -> None:
    raw = compound_file(message(mail(), [attached("a.txt", b"x")]))
    assert message_of(raw) == message_of(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (outlook.olefile.MAGIC + b"rest", "cut off or damaged"),
        (compound_file({"WordDocument": b"x" * 5_000}), "No Outlook message"),
        (compound_file(message(mail()))[:2_000], "cut off or damaged"),
        (outlook.olefile.MAGIC + bytes(MAX_MESSAGE_BYTES), "more than 8 MiB"),
    ],
)
def test_what_cannot_be_read_is_said(raw: bytes, words: str) -> None:
    assert is_compound(raw)
    with pytest.raises(SourceError, match=words):
        message_of(raw)


def test_broken_files_end_in_a_message_or_a_refusal() -> None:
    """Bytes changed anywhere, the container's tables among them: nothing hangs or escapes."""
    rng = random.Random(7)  # noqa: S311 - not for secrets
    seed = compound_file(
        message(
            mail(**{"10090102": stored(PAGE_IN_RTF)}),
            [attached("a.zip", b"PK" * 3_000), within(message(mail(), is_within=True))],
            {0x00390040: SENT},
        )
    )
    n_read = 0
    for _ in range(1_500):
        data = bytearray(seed)
        for _ in range(rng.randint(1, 25)):
            # Anywhere, in the header, or among the tables at the end.
            at = rng.choice(
                (rng.randrange(len(data)), rng.randrange(512), -rng.randrange(1, 6_000))
            )
            number = rng.choice((0, 1, 2, 5, 0xFFFFFFFE, 0xFFFFFFFF, rng.randrange(1_000)))
            data[at] = rng.randrange(256) if rng.random() < 0.5 else number & 255
            if 0 <= at < len(data) - 4 and rng.random() < 0.3:
                data[at : at + 4] = number.to_bytes(4, "little")
        began = time.process_time()
        try:
            parse_email(message_of(bytes(data)))
            n_read += 1
        except SourceError:
            pass
        assert time.process_time() - began < 20.0  # far more than any needs
    assert 100 < n_read < 1_500


@pytest.mark.parametrize(("at", "value"), [(30, 20), (32, 20), (44, 200), (56, 9), (64, 200)])
def test_tables_larger_than_the_file_are_refused(at: int, value: int) -> None:
    """Sizes of sectors, and how many each table has: the container would be read by them."""
    data = bytearray(compound_file(message(mail())))
    data[at] = value
    with pytest.raises(SourceError, match="larger than the file"):
        message_of(bytes(data))


def test_headers_are_read_up_to_a_length() -> None:
    long = "\u00e4" * 1_000_000
    found = read(message({"0037001F": text(long), "0C1A001F": text(long), "5D01001F": text(long)}))
    assert len(found.subject) <= 2_000
    assert len(found.from_name) <= 2_000
