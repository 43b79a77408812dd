"""Linux' notifications."""

import os
import struct
import sys

import pytest

from soc_copilot.ingestion import inotify
from soc_copilot.ingestion.inotify import Inotify, Notice, parse


def raw(watch, mask, cookie=0, name=b""):
    return struct.pack("iIII", watch, mask, cookie, len(name)) + name


def test_notices_are_taken_apart():
    data = (
        raw(1, inotify.CREATE, 0, b"a\0\0\0")
        + raw(-1, inotify.Q_OVERFLOW)
        + raw(2, inotify.MOVED_TO, 7, b"\xff\0")
    )
    assert parse(data) == [
        Notice(1, inotify.CREATE, 0, "a"),
        Notice(-1, inotify.Q_OVERFLOW, 0, ""),
        Notice(2, inotify.MOVED_TO, 7, os.fsdecode(b"\xff")),
    ]
    assert parse(data[:10]) == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' own")
def test_changes_in_a_folder_are_told(tmp_path):
    queue = Inotify()
    watch = queue.add(str(tmp_path))
    assert queue.read(0.0) == []
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").rename(tmp_path / "b")
    found = queue.read(1.0)
    assert {notice.watch for notice in found} == {watch}
    masks = [notice.mask for notice in found]
    assert masks == [
        inotify.CREATE,
        inotify.MODIFY,
        inotify.CLOSE_WRITE,
        inotify.MOVED_FROM,
        inotify.MOVED_TO,
    ]
    assert found[3].cookie == found[4].cookie != 0
    queue.remove(watch)
    assert queue.read(1.0)[0].mask & inotify.IGNORED
    queue.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' own")
def test_links_and_files_are_not_watched(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    queue = Inotify()
    for name in ("file", "link", "missing"):
        with pytest.raises(OSError, match=name):
            queue.add(str(tmp_path / name))
    queue.close()
