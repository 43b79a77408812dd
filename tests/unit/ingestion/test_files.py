"""Handles stay few, pinned ones stay open, only regular files are opened."""

import os

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.files import HandleBudget, HandlePool, digest, open_log, read_at


def test_the_pool_closes_the_least_recently_used_but_no_pinned_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    pool = HandlePool(HandleBudget(2))
    for key in "abcd":
        pool.put(key, open_log(path))
        if key == "a":
            pool.pin(key)
    assert len(pool) == 2
    assert pool.get("a") is not None
    assert pool.get("c") is None
    pool.close()
    assert len(pool) == 0


def test_a_fifo_is_refused_without_hanging(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match="not a regular file"):
        open_log(tmp_path / "fifo")


def test_a_link_is_refused_when_links_are_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="link"):
        open_log(tmp_path / "link", follow=False)


def test_reading_past_the_end_gives_what_there_is(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    fd = open_log(tmp_path / "a")
    assert read_at(fd, 1, 10) == b"bc"
    assert read_at(fd, 9, 10) == b""
    os.close(fd)
    assert digest(b"") == ""
