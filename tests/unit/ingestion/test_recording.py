"""Recordings of a folder tree."""

import csv
import gzip
import os
import sys

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion import inotify, recording
from soc_copilot.ingestion.inotify import Notice
from soc_copilot.ingestion.recording import HEADER, Recorder, event_name, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux' own")


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "tree"
    (found / "sub").mkdir(parents=True)
    return found


def recorded(folder, work, name="out.csv"):
    """The lines but for their times, which must not go back."""
    output = folder.parent / name
    recorder = Recorder(folder, output)
    recorder.start()
    work(recorder)
    summary = recorder.stop()
    data = output.read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    rows = list(csv.reader(text.splitlines()))
    assert tuple(rows[0]) == HEADER
    times = [float(row[0]) for row in rows[1:]]
    assert times == sorted(times)
    assert all(0 <= t <= 60 for t in times)
    assert summary.n_events == len(times)
    return [tuple(row[1:]) for row in rows[1:]], summary


def seen(recorder, n_events):
    """Wait until so many lines were written."""
    for _ in range(2_000):
        if recorder._n_events >= n_events:
            return
        recorder._is_ending.wait(0.005)
    pytest.fail("the recorder saw too little")


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_file_s_life_is_written_down(folder, name):
    def work(recorder):
        file = folder / "sub" / "a.bin"
        file.write_bytes(bytes(range(256)) * 32)
        seen(recorder, 3)
        file.chmod(0o600)
        file.rename(folder / "b, c.bin")
        seen(recorder, 6)
        (folder / "b, c.bin").unlink()

    lines, summary = recorded(folder, work, name)
    measured = ("8192", "8.0")
    assert lines.pop(0)[:2] == ("CREATE", "sub/a.bin")  # seen before or after the first byte
    assert lines == [
        ("MODIFY", "sub/a.bin", *measured),
        ("CLOSE_WRITE,CLOSE", "sub/a.bin", *measured),
        ("ATTRIB", "sub/a.bin", "", ""),
        ("MOVED_FROM", "sub/a.bin", "", ""),
        ("MOVED_TO", "b, c.bin", *measured),
        ("DELETE", "b, c.bin", "", ""),
    ]
    assert (summary.n_overflows, summary.n_unwatched) == (0, 0)


def test_new_and_renamed_folders_are_watched(folder):
    def work(recorder):
        (folder / "new").mkdir()
        seen(recorder, 1)
        (folder / "new" / "deep").mkdir()
        seen(recorder, 2)
        (folder / "new").rename(folder / "sub" / "old")
        seen(recorder, 4)
        (folder / "sub" / "old" / "deep" / "x").touch()
        seen(recorder, 6)

    lines, _ = recorded(folder, work)
    assert [line[:2] for line in lines] == [
        ("CREATE,ISDIR", "new"),
        ("CREATE,ISDIR", "new/deep"),
        ("MOVED_FROM,ISDIR", "new"),
        ("MOVED_TO,ISDIR", "sub/old"),
        ("CREATE", "sub/old/deep/x"),
        ("CLOSE_WRITE,CLOSE", "sub/old/deep/x"),
        *[line[:2] for line in lines[6:]],
    ]
    assert lines[4][2:] == ("0", "0.0")


def test_a_folder_that_left_is_watched_no_more(folder):
    def work(recorder):
        (folder / "sub").rename(folder.parent / "away")
        (folder / "mark").touch()
        seen(recorder, 3)
        (folder.parent / "away" / "x").touch()

    lines, _ = recorded(folder, work)
    assert [line[1] for line in lines] == ["sub", "mark", "mark"]


def test_a_tree_that_came_whole_is_watched_but_its_files_are_not_told(folder):
    ready = folder.parent / "ready"
    (ready / "in").mkdir(parents=True)
    (ready / "in" / "a").touch()

    def work(recorder):
        ready.rename(folder / "ready")
        seen(recorder, 1)
        (folder / "ready" / "in" / "b").touch()
        seen(recorder, 3)

    lines, _ = recorded(folder, work)
    assert [line[:2] for line in lines] == [
        ("MOVED_TO,ISDIR", "ready"),
        ("CREATE", "ready/in/b"),
        ("CLOSE_WRITE,CLOSE", "ready/in/b"),
    ]


def test_lost_changes_are_said(folder):
    def work(recorder):
        recorder._take([Notice(-1, inotify.Q_OVERFLOW, 0, "")])

    lines, summary = recorded(folder, work)
    assert lines == [(recording.OVERFLOW, "", "", "")]
    assert summary.n_overflows == 1


def test_folders_that_the_system_refuses_are_counted(folder, monkeypatch):
    add = inotify.Inotify.add

    def refusing(self, path):
        if path.endswith("sub"):
            raise OSError(28, "no space")
        return add(self, path)

    monkeypatch.setattr(inotify.Inotify, "add", refusing)
    assert recorded(folder, lambda recorder: None)[1].n_unwatched == 1


def test_a_queue_that_is_refused_is_an_error_of_the_system(folder, monkeypatch):
    def refusing(self, path):
        raise OSError(24, "too many")

    monkeypatch.setattr(inotify.Inotify, "add", refusing)
    with pytest.raises(SourceError, match="max_user_watches"):
        Recorder(folder, folder.parent / "out.csv").start()


def test_what_cannot_be_recorded_is_said(folder, monkeypatch):
    with pytest.raises(SourceError, match="no folder"):
        Recorder(folder / "missing", folder.parent / "out.csv")
    with pytest.raises(SourceError, match="elsewhere"):
        Recorder(folder, folder / "sub" / "out.csv")
    with pytest.raises(SourceError, match="Cannot write"):
        Recorder(folder, folder.parent / "no" / "out.csv").start()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SourceError, match="needs Linux"):
        Recorder(folder, folder.parent / "out.csv")


def test_a_full_disk_is_told_at_the_stop(folder):
    recorder = Recorder(folder, folder.parent / "out.csv")
    recorder._output = type(folder)("/dev/full")
    recorder.start()
    (folder / "a").touch()
    recorder._thread.join(1.0)
    with pytest.raises(SourceError, match="No space"):
        recorder.stop()


def test_names_of_events():
    assert event_name(inotify.CLOSE_WRITE) == "CLOSE_WRITE,CLOSE"
    assert event_name(inotify.CREATE | inotify.ISDIR) == "CREATE,ISDIR"
    assert event_name(inotify.ATTRIB) == "ATTRIB"


def test_only_files_are_measured(tmp_path):
    (tmp_path / "a").write_bytes(b"ab" * 10_000)
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    found = [measure(str(tmp_path / name)) for name in ("a", "empty", "link", "pipe", "gone")]
    assert found == [("20000", "1.0"), ("0", "0.0"), ("", ""), ("", ""), ("", "")]
    assert measure(str(tmp_path)) == ("", "")
