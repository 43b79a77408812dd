"""Generations are numbered once and files are known again by inode and content."""

import os

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.files import Identity, digest, open_log
from soc_copilot.ingestion.generations import Generations


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
    assert known.copied(copy_fd) == spot
    known.begin(3, me)
    assert known.matching(fd, me) is None
    assert known.unfinished(str(path)) == []
    known.end(3)
    path.write_bytes(b"ONE\ntwo\n")
    assert known.matching(fd, me) is None
    os.close(fd)
    os.close(copy_fd)


def test_losses_are_counted_and_messages_bounded():
    known = Generations(1)
    for n in range(100):
        known.say(f"{n}", loss=n % 2 == 0)
    assert known.n_possible_losses == 50
    assert len(known.messages) == 50
