import json
import re

import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain import mail_lines
from soc_copilot.domain.mail_lines import FoundMessage, content_of_line, hosts_of, line_of
from soc_copilot.domain.phishing import Attachment, Link, ParsedEmail, defang
from soc_copilot.domain.records import MAX_LINE_BYTES

LINKS = tuple(
    Link(text, target, defang(target))
    for text, target in (("Click", "http://a.example/x"), ("", "https://b.example/"))
)
FILE = Attachment("a.zip", "application/zip", 12, "ab" * 32)
MAIL = ParsedEmail(
    subject="Verify", from_name="Bank", from_address="x@y.example", reply_to="z@w.example",
    return_path="r@w.example", text="Hello\n\tyou", links=LINKS, attachments=(FILE,),
    has_html=True, n_forms=1, n_images=2, n_hidden=3,
)  # fmt: skip


def test_what_models_read_of_a_message_comes_back():
    line = line_of(FoundMessage("email", MAIL, 99, "ff" * 32))
    assert b"\n" not in line
    content = content_of_line(line.decode())
    assert content.kind == "email"
    assert content.parsed == MAIL
    told = json.loads(line)
    assert (told[c.EMAIL_FILES], told[c.EMAIL_HASHES]) == ("a.zip", "ab" * 32)
    assert told[c.EMAIL_DOMAINS] == "a.example b.example"


def test_a_page_comes_back_as_its_text():
    content = content_of_line(line_of(FoundMessage("page", MAIL, 9)).decode())
    assert (content.kind, content.text, content.parsed) == ("text", MAIL.text, None)


@pytest.mark.parametrize("letter", ["a", "\u6f22", "\x01", "\U0001f600", "\ud800"])
def test_a_line_is_never_too_long(letter):
    links = tuple(Link(letter * 900, f"http://a.example/{letter * 900}", "") for _ in range(300))
    files = tuple(Attachment(letter * 200, "x/y", 1, "ab" * 32) for _ in range(300))
    mail = ParsedEmail(
        subject=letter * 500, from_name=letter * 300, text=letter * 400_000, links=links,
        attachments=files, notes=(letter * 900,) * 99,
    )  # fmt: skip
    line = line_of(FoundMessage("email", mail, 1))
    assert len(line) < MAX_LINE_BYTES
    assert content_of_line(line.decode()).parsed.links


def test_of_a_cut_message_the_last_attachment_has_no_hash():
    mail = ParsedEmail(attachments=(FILE, FILE))
    told = json.loads(line_of(FoundMessage("email", mail, 9, is_cut=True)))
    assert told[c.EMAIL_HASHES] == FILE.sha256
    assert told["attachments"][1][3] == ""


@pytest.mark.parametrize(
    "line",
    ["", "x", "[]", "1", "{}", '{"phishing.content_type":"url"}', "[" * 100_000],
)
def test_other_lines_hold_no_content(line):
    assert content_of_line(line) is None


def test_a_line_with_nonsense_in_it_is_taken_as_far_as_it_goes():
    told = {
        c.PHISH_KIND: "email", "text": 5, "links": [[1, 2], "x", ["a", "b"], ["c"]], "html": "x",
        "attachments": [["a", "b", "c", "d"], ["a", "b", 1, "d"], 7], c.EMAIL_SUBJECT: None,
    }  # fmt: skip
    mail = content_of_line(json.dumps(told)).parsed
    assert (mail.text, mail.subject, mail.n_forms) == ("", "", 0)
    assert [link.target for link in mail.links] == ["b"]
    assert [file.name for file in mail.attachments] == ["a"]


def test_hosts_of_links():
    targets = [
        "http://A.example/x", "https://a.example", "mailto:x@y.example", "b.example/q", "http://[",
        "#", "", "javascript:alert(1)", "http://c.example:80",
    ]  # fmt: skip
    assert hosts_of(targets)[:1] == ["a.example"]
    assert {"b.example", "c.example"} < set(hosts_of(targets))
    assert len(hosts_of(f"http://h{n}.example" for n in range(99))) == 20


@pytest.mark.parametrize(
    "target",
    [
        "http://A.example/x", "https://a.example:8080?x", "http://a.example:/", "HTTP://a.example#x",
        "http://u@a.example/", "http://a.ex\tample/", "http://a.example\\x", "a.example/x",
        "//a.b:c/",
        "http://[::1]/", "http://[x/", "http://a.example", "http://a_b.example./x",
        "http://\u00e4.example/",
    ],
)  # fmt: skip
def test_hosts_are_those_of_the_standard_library(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = hosts_of([target])
    monkeypatch.setattr(mail_lines, "_USUAL_URL", re.compile(r"(?!)"))
    assert quick == hosts_of([target])
