"""The process that reads messages: what it answers, and what it survives."""

import io
import json
import os
import random

import pytest

from soc_copilot.domain.mail_lines import content_of_line
from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.drop_folder import stamp_of
from soc_copilot.pipeline import mail_child
from soc_copilot.pipeline.sources import MAIL_COMMAND
from tests.unit.detection.phishing.test_mail import message
from tests.unit.detection.phishing.test_mail_malformed import bombs, mutated, seeds
from tests.unit.ingestion.dropping import Dropping, mail

N_MESSAGES = 2_000
BIG_BYTES = 100 * 1024 * 1024


def ask(path, known=(0, 0, "", 0, ""), **how):
    """Lines of the answer about a file, each as its fields."""
    out = io.BytesIO()
    stamp = how.pop("stamp", None) or (stamp_of(path.stat()) if path.exists() else (1, 1, 1))
    question = {
        "n": 7, "path": str(path), "stamp": list(stamp), "is_message": False,
        "is_same_file": True, "known": list(known), **how,
    }  # fmt: skip
    mail_child.answer(question, out)
    return [line.decode().split("\t") for line in out.getvalue().splitlines()]


def told(lines):
    return [json.loads(fields[4]) for fields in lines if fields[0] == "R"]


def test_a_message_is_told_with_what_an_analyst_needs(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(message().as_bytes())
    lines = ask(path)
    assert [fields[0] for fields in lines] == ["H", "R", "E"]
    size = str(path.stat().st_size)
    assert (lines[1][2], lines[2][2:4]) == (size, ["read", size])
    (found,) = told(lines)
    assert found["phishing.content_type"] == "email"
    assert found["file.size"] == size
    assert len(found["file.hash.sha256"]) == 64
    assert content_of_line(lines[1][4]).parsed.subject == found["email.subject"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", mail("x"), "email"),
        ("a.txt", mail("x"), "email"),
        ("a.eml", b"no headers at all", "email"),
        ("a.eml", b"From x\n" + mail("x"), "email"),
        ("a", b"<!DOCTYPE html><p>Log in", "page"),
        ("a.htm", b"<p>Log in", "page"),
    ],
)
def test_contents_are_told_by_what_they_are(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert [one["phishing.content_type"] for one in told(ask(tmp_path / name))] == [kind]


def test_a_delivered_file_is_a_message_whatever_it_says(tmp_path):
    (tmp_path / "1").write_bytes(b"hello")
    assert ask(tmp_path / "1")[-1][2] == "refused"
    assert told(ask(tmp_path / "1", is_message=True))[0]["text"] == "hello"


def test_what_cannot_be_read_is_said(tmp_path):
    path = tmp_path / "a.eml"
    assert ask(path)[-1][2] == "gone"
    path.write_bytes(mail("a"))
    assert ask(path, stamp=(1, 2, 3))[-1][2] == "changed"
    (tmp_path / "b").mkdir()
    assert ask(tmp_path / "b", stamp=(1, 2, 3))[-1][2] == "failed"


def test_messages_of_a_mailbox_end_where_the_next_begins(tmp_path, monkeypatch):
    path = tmp_path / "a.mbox"
    parts = [b"From x\n" + mail(str(n), "y" * 40 * n) + b"\n" for n in range(30)]
    path.write_bytes(b"".join(parts))
    ends = [sum(map(len, parts[: n + 1])) for n in range(30)]
    for block in (7, 64, 1 << 20):  # marks lie across blocks
        monkeypatch.setattr(mail_child, "_BLOCK_BYTES", block)
        lines = ask(path)
        assert [int(fields[2]) for fields in lines if fields[0] == "R"] == ends
        assert [one["email.subject"] for one in told(lines)] == [str(n) for n in range(30)]
    at = lines[11]  # H, then the eleventh message
    head = lines[0]
    known = (int(at[2]), int(head[3]), head[4], min(int(at[2]), 256), at[3])
    rest = ask(path, known)
    assert [one["email.subject"] for one in told(rest)] == [str(n) for n in range(11, 30)]
    assert ask(path, (*known[:4], "other"))[0][2] == "anew"


def test_a_sparse_file_of_100_mb_is_read_at_its_beginning_only(tmp_path):
    path = tmp_path / "a.eml"
    head = b"Subject: big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    head += b'Content-Type: application/zip\r\nContent-Disposition: attachment; filename="a.zip"'
    path.write_bytes(head + b"\r\n\r\n")
    os.truncate(path, BIG_BYTES)
    (found,) = told(ask(path))
    assert found["file.size"] == str(BIG_BYTES)
    assert found["email.attachments.file.name"] == "a.zip"
    # Of what was cut no hash is told that nobody else could find.
    assert "email.attachments.file.hash.sha256" not in found
    assert "file.hash.sha256" not in found
    assert "Only the first" in found["notes"][0]


@pytest.mark.slow
def test_two_thousand_malformed_messages_go_through_a_drop_folder(tmp_path):
    rng = random.Random(6)  # noqa: S311 - the same messages each time
    pool = seeds()
    written = [mutated(rng.choice(pool), rng) or b"x" for _ in range(N_MESSAGES)]
    every = bombs()
    written += [every[name] for name in ("boundaries", "messages within messages", "headers")]
    for n, data in enumerate(written):
        (tmp_path / f"{n}.eml").write_bytes(data)
    with (tmp_path / "big.eml").open("wb") as file:
        file.write(b"Subject: big\nContent-Type: application/zip\n\n")
        file.truncate(BIG_BYTES)
    read = Dropping(tmp_path, command=MAIL_COMMAND)
    try:
        read()
    finally:
        read.source.close()
    # A message that looks like a mailbox may hold several.
    assert len(read.lines()) >= len(written) + 1
    assert {chunk.path for chunk in read.chunks if chunk.n_lines} == {
        str(path) for path in tmp_path.iterdir()
    }
    # The reader may not have more than 512 MiB: it would have been ended, and a file blamed.
    assert not read.events()
    assert read.source.child.n_starts == 2  # one is let go after 2,000 questions
    assert all(chunk.lengths.max() <= MAX_LINE_BYTES for chunk in read.chunks if chunk.n_lines)
    for line in b"".join(chunk.data for chunk in read.chunks).split(b"\n")[:-1]:
        assert content_of_line(line.decode()) is not None
