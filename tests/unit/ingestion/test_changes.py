"""Changes under folders, from both feeds."""

import os
import sys
import time
from pathlib import Path

import pytest

from soc_copilot.ingestion import changes, inotify
from soc_copilot.ingestion import changes as ch
from soc_copilot.ingestion.changes import InotifyFeed, WatchdogFeed, open_feed
from soc_copilot.ingestion.inotify import Notice

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux' own")
FEEDS = [pytest.param(InotifyFeed, marks=LINUX), WatchdogFeed]


class Taking:
    def __init__(self, feed):
        self.feed = feed
        self.seen = []

    def until(self, *wanted, timeout_s=60.0):
        """Wait until each (kind, name) was told; returns all that were."""
        deadline = time.monotonic() + timeout_s
        while not set(wanted) <= set(self.seen):
            assert time.monotonic() < deadline, f"{set(wanted) - set(self.seen)} were not told"
            for change in self.feed.take(0.05, 100):
                self.seen.append((change.kind, change.path.rpartition("/")[2]))
        return self.seen


def watching(kind, folder, own=()):
    return Taking(
        kind([str(folder)], recursive=True, is_own=lambda path: path.startswith(tuple(own)))
    )


@pytest.mark.parametrize("kind", FEEDS)
def test_what_happens_is_told(kind, tmp_path):
    folder = tmp_path.resolve()
    taking = watching(kind, folder)
    (folder / "a").write_text("x")
    taking.until((ch.CREATED, "a"), (ch.WRITTEN, "a"))
    (folder / "a").rename(folder / "b")
    taking.until((ch.RENAMED, "a"))
    (folder / "b").unlink()
    taking.until((ch.DELETED, "b"))
    assert taking.feed.close(5.0)


@LINUX
def test_new_folders_that_are_filled_at_once_are_told_whole(tmp_path):
    taking = watching(InotifyFeed, tmp_path)
    wanted = set()
    for i in range(30):
        deep = tmp_path / f"d{i}" / "e" / "f"
        deep.mkdir(parents=True)
        for j in range(5):
            (deep / f"file{i}-{j}").write_text("x")
            wanted.add(f"file{i}-{j}")
    deadline = time.monotonic() + 60
    told = set()
    while not wanted <= told and time.monotonic() < deadline:
        changes = taking.feed.take(0.05, 1_000)
        told |= {c.path.rpartition("/")[2] for c in changes if c.kind in {ch.CREATED, ch.ARRIVED}}
    assert wanted <= told
    assert taking.feed.close(5.0)


@LINUX
def test_renamed_folder_is_watched_under_its_new_name(tmp_path):
    (tmp_path / "old" / "in").mkdir(parents=True)
    taking = watching(InotifyFeed, tmp_path)
    (tmp_path / "ready").write_text("x")
    taking.until((ch.CREATED, "ready"))
    (tmp_path / "old").rename(tmp_path / "new")
    taking.until((ch.RENAMED, "old"))
    (tmp_path / "new" / "in" / "a").write_text("x")
    deadline = time.monotonic() + 60
    paths = set()
    while str(tmp_path / "new" / "in" / "a") not in paths and time.monotonic() < deadline:
        paths |= {change.path for change in taking.feed.take(0.05, 100)}
    assert str(tmp_path / "new" / "in" / "a") in paths
    assert taking.feed.close(5.0)


@LINUX
def test_what_leaves_and_comes_from_elsewhere_is_told(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    (outside / "d").mkdir(parents=True)
    (outside / "d" / "x").write_text("x")
    taking = watching(InotifyFeed, inside)
    (outside / "d").rename(inside / "d")
    taking.until((ch.ARRIVED, "d"), (ch.ARRIVED, "x"))
    (inside / "d").rename(outside / "d")
    taking.until((ch.DELETED, "d"))
    (outside / "d" / "y").write_text("x")
    (inside / "z").write_text("x")
    assert (ch.CREATED, "y") not in taking.until((ch.CREATED, "z"))
    assert taking.feed.close(5.0)


@LINUX
def test_own_files_and_links_are_left_out(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    taking = watching(InotifyFeed, tmp_path, own=[str(own)])
    (own / "a").write_text("x")
    (elsewhere / "b").write_text("x")
    (tmp_path / "c").write_text("x")
    names = {name for _, name in taking.until((ch.CLOSED, "c"))}
    assert names == {"c"}
    assert taking.feed.close(5.0)


@LINUX
def test_overflow_of_the_queue_is_told(tmp_path, monkeypatch):
    taking = watching(InotifyFeed, tmp_path)
    notice = Notice(-1, inotify.Q_OVERFLOW, 0, "")
    assert [c.kind for c in taking.feed._changes(notice, 1)] == [ch.OVERFLOW]
    assert taking.feed.close(5.0)


@LINUX
def test_queue_of_the_kernel_that_really_runs_over_is_told(tmp_path, monkeypatch):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip("the system's queue is too long to be filled in a test")
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    monkeypatch.setattr(changes, "_HELD", 0)  # the reader waits for room that never comes
    taking = watching(InotifyFeed, tmp_path)
    for _ in range(limit // 2 + 100):  # the kernel joins like notices, so they alternate
        os.utime(tmp_path / "a")
        os.utime(tmp_path / "b")
    monkeypatch.setattr(changes, "_HELD", 10 * limit)
    deadline = time.monotonic() + 60
    kinds = set()
    while ch.OVERFLOW not in kinds and time.monotonic() < deadline:
        kinds |= {change.kind for change in taking.feed.take(0.05, 10_000)}
    assert kinds == {ch.ATTRIBUTES, ch.OVERFLOW}
    assert taking.feed.close(5.0)


@LINUX
def test_end_of_a_chosen_folder_is_told(tmp_path):
    folder = tmp_path / "w"
    folder.mkdir()
    taking = watching(InotifyFeed, folder)
    folder.rmdir()
    taking.until((ch.GONE, "w"))
    assert taking.feed.close(5.0)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(OSError, match="missing"):
        open_feed([str(tmp_path / "missing")], recursive=True, is_own=lambda path: False)
