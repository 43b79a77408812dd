from pathlib import Path

import pytest

from soc_copilot.detection.phishing.contents import (
    content_of,
    guess_kind,
    messages,
    page_text,
    url_of,
)
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.phishing import ParsedEmail
from tests.tools.msg_writer import compound_file, message, text

MAIL = b"From: a@b.example\nSubject: x\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\nbody\n"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (MAIL, "email"),
        (b"From a@b Mon Jan 1\n" + MAIL, "email"),
        (b"Subject: x\n\nbody", "email"),
        (b"<!DOCTYPE html><p>x", "page"),
        (b"https://a.example/x?y", "url"),
        (b" a.example.com ", "url"),
        (b"see a.example.com", "text"),
        (b"hello", "text"),
        (b"", "text"),
        (b"\xff\xfe\x00", "text"),
    ],
)
def test_kinds_are_guessed(raw: bytes, kind: str) -> None:
    assert guess_kind(raw) == kind
    assert content_of(raw).kind == kind


def test_contents_are_taken_apart() -> None:
    assert isinstance(content_of(MAIL).parsed, ParsedEmail)
    url = url_of(content_of("https://a.example.com/x\n"))
    assert url is not None
    assert url.registered_domain == "example.com"
    assert url_of(content_of("hello")) is None
    assert page_text(content_of("<html><p>words</p>")) == "words"


def test_outlooks_own_files_are_messages() -> None:
    raw = compound_file(message({"0037001F": text("Verify"), "1000001F": text("now")}))
    found = content_of(raw)
    assert isinstance(found.parsed, ParsedEmail)
    assert (found.kind, found.raw, found.text) == ("email", raw, "now")
    with pytest.raises(SourceError, match="as an e-mail alone"):
        content_of(raw, "text")
    with pytest.raises(SourceError, match=r"\.eml"):
        content_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest")


def test_messages_of_files_mboxes_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    box = tmp_path / "b.mbox"
    box.write_bytes((b"From a@b Mon Jan  1 00:00:00 2024\n" + MAIL + b"\n") * 3)
    assert [raw for _, raw in messages(tmp_path / "a.eml")] == [MAIL]
    assert [name for name, _ in messages(box)] == ["b.mbox#1", "b.mbox#2", "b.mbox#3"]
    maildir = tmp_path / "m"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
        (maildir / part / f"{part}1").write_bytes(MAIL)
    assert [name for name, _ in messages(maildir)] == ["new1", "cur1"]
    (tmp_path / "link.eml").symlink_to(tmp_path / "a.eml")
    assert [name for name, _ in messages(tmp_path)] == ["a.eml", "b.mbox"]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no\.eml"):
        list(messages(tmp_path / "no.eml"))
