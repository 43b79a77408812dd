"""Messages are found where they are, and read again from there."""

import os
from pathlib import Path

import pytest

from soc_copilot.detection.phishing.mail import MAX_MESSAGE_BYTES
from soc_copilot.detection.phishing.mailboxes import Place, holds_many, places, read
from soc_copilot.domain.errors import SourceError

ONE = b"From: a@b.example\nSubject: one\n\nHello,\nFrom the start.\n"
TWO = b"From: c@d.example\nSubject: two\n\nbye\n"
MBOX = b"From a@b Mon Jan 1\n" + ONE + b"\nFrom c@d Mon Jan 1\n" + TWO


def test_a_file_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(ONE)
    assert list(places(path)) == [Place(path, "a.eml")]
    assert read(Place(path, "a.eml")) == ONE
    assert not holds_many(path)


def test_an_mbox_is_cut_at_its_from_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.write_bytes(MBOX)
    found = list(places(path))
    assert holds_many(path)
    assert [place.name for place in found] == ["box#1", "box#2"]
    assert b"".join(map(read, found)) == MBOX
    assert read(found[1]).endswith(TWO)


def test_a_line_of_many_pieces_does_not_begin_a_message(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(MBOX + b"\n" + b"x" * (1 << 16) + b"From here on\n")
    assert len(list(places(path))) == 2


def test_an_mbox_by_name_alone_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(ONE)
    assert [place.length for place in places(path)] == [-1]


def test_folders_and_maildirs_are_gone_through(tmp_path: Path) -> None:
    for name in ("Mail/cur/2", "Mail/new/1", "Mail/tmp/3", "b.eml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TWO)
    (tmp_path / "Mail" / "archive").write_bytes(MBOX)
    (tmp_path / "link.eml").symlink_to(tmp_path / "b.eml")
    names = [place.name.replace(os.sep, "/") for place in places(tmp_path)]
    assert names == ["b.eml", "Mail/archive#1", "Mail/archive#2", "Mail/cur/2", "Mail/new/1"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone.eml"
    assert not holds_many(gone)
    with pytest.raises(SourceError, match=r"gone\.eml"):
        read(next(places(gone)))


def test_no_more_is_read_than_is_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "big.eml"
    path.write_bytes(b"x" * (MAX_MESSAGE_BYTES + 10))
    assert len(read(Place(path, "big.eml"))) == MAX_MESSAGE_BYTES + 1
