"""File activity: from changes on disk to lines in the spool."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion import activity
from soc_copilot.ingestion.activity import ActivityProducer
from soc_copilot.ingestion.changes import OVERFLOW, Change
from soc_copilot.ingestion.spool import SpoolWriter
from tests.unit.parsing.golden import rows_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is told differs elsewhere")


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Writes are told when the file is closed, however slow the disk and the machine are."""
    monkeypatch.setattr(activity, "WINDOW_S", 300.0)


class Watching:
    """A producer on a folder with its spool."""

    def __init__(self, tmp_path, **how):
        self.folder = tmp_path / "watched"
        self.folder.mkdir(exist_ok=True)
        self.spool = SpoolWriter(tmp_path / "desk.spool" / "1", 1 << 26)
        self.producer = ActivityProducer([self.folder], **how)

    def __enter__(self):
        self.producer.start(self.spool)
        self.wait(lambda: self.producer._worker._is_learned)
        return self

    def __exit__(self, *_):
        assert self.producer.stop(10.0)
        self.spool.close()

    def wait(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen: {self.lines()}"
            time.sleep(0.01)

    def lines(self):
        raw = b"".join(s.path.read_bytes() for s in self.spool.segments())
        return [json.loads(line) for line in raw.splitlines()]

    def told(self, action, name):
        """Lines of one action on a file."""
        return [x for x in self.lines() if x["action"] == action and Path(x["path"]).name == name]

    def first(self, action, name):
        """The line of one action on a file, once it is there."""
        self.wait(lambda: self.told(action, name))
        return self.told(action, name)[0]


def test_encrypted_in_place_and_renamed(tmp_path):
    watching = Watching(tmp_path)
    victim = watching.folder / "list.csv"
    victim.write_text("name,sum\n" * 1_000)
    with watching:
        victim.write_bytes(os.urandom(20_000))
        line = watching.first("file-written", "list.csv")
        assert line["entropy"] > 7.9
        assert line["previous_entropy"] < 4
        assert (line["size"], line["previous_size"]) == (20_000, 9_000)
        assert line["extension"] == "csv"
        assert line["mode"] == "0644"
        victim.rename(watching.folder / "list.csv.locked")
        line = watching.first("file-renamed", "list.csv")
        assert line["target"].endswith("/list.csv.locked")
        assert (line["extension"], line["previous_extension"]) == ("locked", "csv")
        assert line["entropy"] > 7.9


def test_written_and_renamed_at_once_is_told_of_the_right_content(tmp_path):
    watching = Watching(tmp_path)
    victim = watching.folder / "a.txt"
    victim.write_text("text " * 1_000)
    with watching:
        victim.write_bytes(os.urandom(5_000))
        victim.rename(watching.folder / "a.txt.x")
        watching.first("file-renamed", "a.txt")
        line = watching.first("file-written", "a.txt")
        assert line["entropy"] > 7.5
        assert line["previous_entropy"] < 4
        assert [x["action"] for x in watching.lines()] == ["file-written", "file-renamed"]


def test_file_saved_by_replacing_it_is_compared_with_the_old_one(tmp_path):
    watching = Watching(tmp_path)
    (watching.folder / "doc").write_text("a" * 500)
    with watching:
        (watching.folder / "tmp").write_bytes(os.urandom(4_000))
        watching.first("file-written", "tmp")
        (watching.folder / "tmp").replace(watching.folder / "doc")
        line = watching.first("file-renamed", "tmp")
        assert (line["size"], line["previous_size"]) == (4_000, 500)
        assert line["previous_entropy"] == 0.0
        assert line["entropy"] > 7.5


def test_burst_of_writes_is_one_line_with_their_number(tmp_path):
    with Watching(tmp_path) as watching, (watching.folder / "log").open("wb", 0) as file:
        for _ in range(200):
            file.write(b"x" * 100)
            file.flush()
            os.fsync(file.fileno())  # else the kernel joins them itself
        file.close()
        line = watching.first("file-written", "log")
        assert line["size"] == 20_000
        assert 1 < line["repeat"] <= 200
        (watching.folder / "end").touch()
        watching.first("file-created", "end")
        assert len(watching.told("file-written", "log")) == 1


def test_delete_and_mode_and_folders_are_told(tmp_path):
    watching = Watching(tmp_path)
    (watching.folder / "gone.txt").write_text("abab")
    (watching.folder / "run").write_text("x")
    with watching:
        (watching.folder / "gone.txt").unlink()
        line = watching.first("file-deleted", "gone.txt")
        assert (line["previous_size"], line["previous_entropy"]) == (4, 1.0)
        (watching.folder / "run").chmod(0o700)
        assert watching.first("file-mode-changed", "run")["mode"] == "0700"
        os.utime(watching.folder / "run")
        (watching.folder / "new" / "deep").mkdir(parents=True)
        assert watching.first("file-created", "deep")["type"] == "dir"
        assert len(watching.told("file-mode-changed", "run")) == 1


def test_content_that_arrives_with_a_folder_is_told_once(tmp_path):
    with Watching(tmp_path) as watching:
        outside = tmp_path / "outside"
        (outside / "in").mkdir(parents=True)
        (outside / "in" / "f.bin").write_bytes(os.urandom(4_000))
        outside.rename(watching.folder / "inside")
        assert watching.first("file-created", "f.bin")["entropy"] > 7.5
        for i in range(20):
            (watching.folder / f"t{i}").mkdir()
            (watching.folder / f"t{i}" / f"x{i}").write_text("x")
        for i in range(20):
            watching.first("file-created", f"x{i}")
        (watching.folder / "end").touch()
        watching.first("file-created", "end")
        names = [Path(x["path"]).name for x in watching.lines() if x["action"] == "file-created"]
        assert len(names) == len(set(names))


def test_lost_notifications_are_made_good_by_a_look(tmp_path):
    watching = Watching(tmp_path)
    for name in ("changed", "deleted", "mode", "same"):
        (watching.folder / name).write_text("x")
    with watching:
        worker = watching.producer._worker
        # The queue runs over: what happens now is told to nobody.
        real, is_deaf = worker._feed.take, threading.Event()

        def take_nothing(timeout_s, limit):
            is_deaf.set()
            time.sleep(0.01)
            return []

        worker._feed.take = take_nothing
        assert is_deaf.wait(60)
        good_ns = worker._good_ns
        (watching.folder / "changed").write_text("more")
        (watching.folder / "deleted").unlink()
        (watching.folder / "mode").chmod(0o600)
        (watching.folder / "sub").mkdir()
        (watching.folder / "sub" / "new").write_text("x")
        quiet = 0
        while quiet < 2:
            quiet = 0 if real(0.2, 100) else quiet + 1
        worker._good_ns = good_ns
        worker._feed.take = real
        worker._feed._held.put([Change(OVERFLOW, "", time.time_ns())] * 2)
        watching.first("file-written", "changed")
        watching.first("file-deleted", "deleted")
        watching.first("file-mode-changed", "mode")
        watching.first("file-created", "new")
        events = []
        watching.wait(lambda: events.extend(watching.producer.take_events()) or events)
        assert [(e.kind, e.is_loss, e.n_lost) for e in events] == [("overflow", True, None)]
        assert "5 changes" in events[0].message
        assert watching.producer.n_overflows == 2
        assert not [x for x in watching.lines() if x["path"].endswith("/same")]


def test_our_own_files_are_not_watched(tmp_path):
    spool = SpoolWriter(tmp_path / "desk.spool" / "1", 1 << 20)
    producer = ActivityProducer([tmp_path])
    producer.start(spool)
    try:
        for name in ("desk.sqlite", "desk.sqlite-wal", "desk.reserve", "other"):
            (tmp_path / name).write_text("x")
        deadline = time.monotonic() + 60
        content = b""
        while b"/other" not in content and time.monotonic() < deadline:
            content = b"".join(s.path.read_bytes() for s in spool.segments())
            time.sleep(0.01)
        assert b"/other" in content
        assert b"desk." not in content
    finally:
        assert producer.stop(10.0)
        spool.close()


def test_watched_folder_that_goes_and_comes_back(tmp_path):
    with Watching(tmp_path) as watching:
        watching.folder.rmdir()
        watching.wait(lambda: watching.producer.status().state == "missing")
        watching.folder.mkdir()
        (watching.folder / "a").write_text("x")
        watching.first("file-created", "a")
        watching.wait(lambda: watching.producer.status().state == "live")
        (watching.folder / "b").write_text("x")
        watching.first("file-created", "b")
        kinds = [event.kind for event in watching.producer.take_events()]
        assert kinds == ["deleted", "restored"]


def test_lines_are_events_of_the_format(tmp_path):
    with Watching(tmp_path) as watching:
        odd = os.fsdecode(b"bad \xff\n\x1b.TXT")
        (watching.folder / odd).write_text("x")
        watching.wait(lambda: any(x["action"] == "file-written" for x in watching.lines()))
        raw = b"".join(s.path.read_bytes() for s in watching.spool.segments()).decode()
        rows = rows_of("file-activity", raw)
        assert {row["event.kind"] for row in rows} == {"event"}
        assert rows[0]["file.path"].endswith("/bad \\xff\n\x1b.TXT")
        assert rows[0]["file.extension"] == "txt"


def test_stop_tells_what_had_happened_and_start_works_again(tmp_path):
    watching = Watching(tmp_path)
    with watching:
        (watching.folder / "a").write_text("x")
        watching.wait(lambda: watching.producer._worker._feed._held is not None)
        watching.first("file-created", "a")
    assert watching.told("file-written", "a")
    assert watching.producer.status().state == "stopped"
    assert watching.producer.stop(1.0)
    watching.spool = SpoolWriter(tmp_path / "desk.spool" / "1", 1 << 26)
    with watching:
        (watching.folder / "b").write_text("x")
        watching.first("file-created", "b")


def test_missing_folder_is_refused(tmp_path):
    spool = SpoolWriter(tmp_path / "s", 1 << 20)
    for folders in ([], [tmp_path / "missing"]):
        with pytest.raises(SourceError):
            ActivityProducer(folders).start(spool)
    spool.close()


def test_other_processes_are_not_held_up(tmp_path):
    """A FIFO that nobody reads must not stop the producer."""
    with Watching(tmp_path) as watching:
        os.mkfifo(watching.folder / "fifo")
        assert watching.first("file-created", "fifo")["type"] == "other"
        code = f"open({str(watching.folder / 'after')!r}, 'w').write('x')"
        subprocess.run([sys.executable, "-c", code], check=True)
        watching.first("file-written", "after")
