"""Generations are numbered once and files are known again by inode and content."""

import os

import pytest

from soc_copilot.domain.records import Checkpoint, SourceEvent
from soc_copilot.ingestion.files import Identity, digest, open_log
from soc_copilot.ingestion.generations import Copy, Generations, family_of


def test_a_file_is_known_by_inode_and_content_and_a_copy_by_content(tmp_path):
    path, copy = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"one\ntwo\n")
    copy.write_bytes(b"one\ntwo\n")
    fd, copy_fd = open_log(path), open_log(copy)
    me = Identity.of(os.fstat(fd))
    mark = digest(b"one\n")
    spot = Checkpoint(1, 3, str(path), 4, 8, me.device, me.inode, mark, 4, mark, 4)
    known = Generations(1, [spot])
    assert known.next_number() == 4
    assert known.matching(fd, me) == spot
    assert known.matching(copy_fd, Identity.of(os.fstat(copy_fd))) is None
    assert known.copied(copy_fd, str(tmp_path / "a.1"), 8) == Copy(spot, 4, is_whole=False)
    assert known.copied(copy_fd, str(tmp_path / "b"), 8) is None
    known.begin(3, me)
    assert known.matching(fd, me) is None
    assert known.unfinished(str(path)) == []
    known.end(3)
    path.write_bytes(b"ONE\ntwo\n")
    assert known.matching(fd, me) is None
    os.close(fd)
    os.close(copy_fd)


def event(n, generation=0, *, loss=False):
    return SourceEvent("note", f"{n}", 0, generation, is_loss=loss)


def test_losses_are_counted_and_messages_bounded():
    known = Generations(1)
    for n in range(100):
        known.say(event(n, loss=n % 2 == 0))
    assert known.n_possible_losses == 50
    assert len(known.messages) == 50


def test_events_wait_for_a_chunk_of_their_generation():
    known = Generations(1)
    known.say(event("all"))
    known.say(event("one", 1))
    known.say(event("two", 2))
    assert [e.message for e in known.take_events(2)] == ["all", "two"]
    assert known.take_events(2) == ()
    assert known.has_events(1)
    assert [e.message for e in known.take_events(1)] == ["one"]


def test_of_too_many_events_the_losses_stay():
    known = Generations(1)
    known.say(event("lost", loss=True))
    for n in range(1000):
        known.say(event(n))
    kept = known.take_events(0)
    assert len(kept) == 500
    assert kept[0].message == "lost"


def test_a_copy_shorter_than_what_was_read_is_known_by_where_reading_stood(tmp_path):
    text = b"".join(b"line %04d\n" % n for n in range(400))
    known = Generations(1)
    for n in range(1, 401):
        at = n * 10
        head, mark = text[: min(at, 1024)], text[max(at - 256, 0) : at]
        known.note(
            Checkpoint(1, 1, "a.log", at, 0, 0, 0, digest(head), len(head), digest(mark), len(mark))
        )
    assert len(known.traces(1)) <= 24
    copy, other = tmp_path / "a.log.1", tmp_path / "a.log.2"
    copy.write_bytes(text[:2500])
    other.write_bytes(text[:30] + b"another\n" * 200)
    for path, found in ((copy, Copy(known.get(1), 2500, is_whole=True)), (other, None)):
        fd = open_log(path)
        assert known.copied(fd, str(path), path.stat().st_size) == found
        os.close(fd)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/a/app.log", "/a/app.log.1.gz", True),
        ("/a/app.log-20260101.xz", "/a/app.log.2", True),
        ("/a/app-2026-01-01.log", "/a/app.log", True),
        ("/a/app.log", "/a/web.log", False),
    ],
)
def test_a_family_is_told_by_names(one, other, same):
    assert (family_of(one) == family_of(other)) is same
