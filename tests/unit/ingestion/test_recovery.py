"""Files that left the path are found, whatever is in the way, and nothing is given up early."""

import bz2
import errno
import gzip
import itertools
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.ingestion import files, recovery, tailer
from soc_copilot.ingestion.tailer import NETWORK_CONFIRM_S, FileTailer


class Clock:
    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        return 10**18

    def monotonic_s(self):
        return self.at


class Log:
    """A tailer whose clock stands, and a store that checks every step."""

    def __init__(self, path, **options):
        self.path, self.clock = path, Clock()
        self.options = {"from_start": True, "linger_s": 0.0, "clock": self.clock, **options}
        self.lines, self.committed, self.events = [], {}, []
        self.tailer = FileTailer(path, **self.options)

    def poll(self, times=1, step_s=0.0):
        for _ in range(times):
            for chunk in self.tailer.poll():
                held = self.committed.get(chunk.generation)
                assert chunk.start == (held.offset if held else -1)
                self.committed[chunk.generation] = chunk.checkpoint
                self.lines += chunk.data.split(b"\n")[:-1]
                self.events += chunk.events
            self.clock.at += step_s
        return self.lines

    def settle(self):
        return self.poll(12, step_s=10.0)

    def restart(self):
        self.tailer.close()
        self.tailer = FileTailer(
            self.path, **{**self.options, "checkpoints": tuple(self.committed.values())}
        )

    @property
    def kinds(self):
        return [event.kind for event in self.events]

    @property
    def state(self):
        return self.tailer.status().state


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.log"


def write(path, data):
    with path.open("ab") as f:
        f.write(data)


def refusing(*names, error=None):
    true = files.open_log

    def refuse(path, *, follow=True):
        if path.name in names:
            raise error or PermissionError(errno.EACCES, "Permission denied", str(path))
        return true(path, follow=follow)

    return refuse


def test_each_accident_is_told_once_and_with_its_generation(path):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    path.rename(path.with_name("app.log.1"))
    write(path, b"b\n")
    log.settle()
    os.truncate(path, 0)
    log.settle()
    write(path, b"c\nhalf")
    log.settle()
    path.unlink()
    log.settle()
    log.restart()
    log.settle()
    assert log.lines == [b"a", b"b", b"c", b"half"]
    assert log.kinds == ["rotated", "truncated", "deleted", "unterminated"]
    assert [event.is_loss for event in log.events] == [False, True, False, False]
    assert [event.generation for event in log.events] == [2, 2, 3, 3]
    truncated = log.events[1]
    assert (truncated.start, truncated.end) == (2, 2)


def test_an_event_whose_chunk_was_not_stored_is_told_again_after_a_crash(path):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    path.rename(path.with_name("app.log.1"))
    write(path, b"b\n")
    log.tailer.poll()  # read and told, but not stored
    log.restart()
    log.settle()
    assert sorted(log.lines) == [b"a", b"b"]
    assert log.kinds == ["recovered"]


def test_the_rest_of_a_rotated_file_is_read_on_after_two_restarts(path):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    lines = [b"line %06d" % n for n in range(300_000)]
    write(path, b"".join(line + b"\n" for line in lines))
    path.rename(path.with_name("app.log.1"))
    path.touch()
    log.restart()
    log.poll(2)
    assert len(log.lines) < 300_000
    log.restart()
    log.settle()
    assert log.lines == [b"a", *lines]
    assert log.kinds == ["recovered"]


def test_a_rotated_file_that_must_not_be_opened_is_read_once_it_may(path, monkeypatch):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"b\n")
    path.rename(path.with_name("app.log.1"))
    write(path, b"c\n")
    log.restart()
    with monkeypatch.context() as patch:
        patch.setattr(files, "open_log", refusing("app.log.1"))
        log.settle()
        assert log.lines == [b"a", b"c"]
        assert log.state == "denied"
        assert "app.log.1" in log.tailer.status().detail
        path.rename(path.with_name("app.log.2"))  # what is live is followed all the while
        write(path, b"d\n")
        log.settle()
        assert log.lines == [b"a", b"c", b"d"]
    log.settle()
    assert log.lines == [b"a", b"c", b"d", b"b"]
    assert log.state == "live"
    assert not any(event.is_loss for event in log.events)


def test_a_rotated_file_with_the_inode_of_a_deleted_one_is_not_taken_for_it(path):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"never seen\n")
    inode = path.stat().st_ino
    log.tailer.close()
    path.unlink()
    for n in range(50):
        rotated = path.with_name(f"app.log.{n + 1}")
        write(rotated, b"other\n")
        if rotated.stat().st_ino == inode:
            break
        rotated.unlink()
    else:
        pytest.skip("this file system does not give an inode again")
    write(path, b"b\n")
    log.restart()
    log.settle()
    assert sorted(log.lines) == [b"a", b"b", b"other"]
    assert [event.kind for event in log.events if event.is_loss] == ["replaced"]


def test_without_handles_nothing_is_given_up(path, monkeypatch):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"b\n")
    shutil.copyfile(path, path.with_name("app.log.1"))
    os.truncate(path, 0)
    full = OSError(errno.EMFILE, "Too many open files")
    with monkeypatch.context() as patch:
        patch.setattr(files, "open_log", refusing("app.log", "app.log.1", error=full))
        log.settle()
        assert log.state == "error"
        assert "too many files" in log.tailer.status().detail
    log.settle()
    assert log.lines == [b"a", b"b"]
    assert log.state == "live"
    assert log.kinds[-1:] == ["restored"] or "restored" in log.kinds


def test_a_process_out_of_handles_loses_nothing(tmp_path):
    """In a process of its own, whose limit is low."""
    script = f"""
import os, resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path.cwd())!r})
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from soc_copilot.ingestion.directory import DirectoryWatcher
folder = Path({str(tmp_path)!r})
for n in range(200):
    (folder / f"{{n}}x.log").write_bytes(b"%d\\n" % n)
watcher = DirectoryWatcher(folder, from_start=True, scan_s=0.0)
lines = []
def poll(times):
    for _ in range(times):
        for chunk in watcher.poll():
            lines.extend(chunk.data.split())
poll(2)
taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for n in range(200):
    with_none_left = watcher.poll()
    lines.extend(word for chunk in with_none_left for word in chunk.data.split())
print(watcher.status().state)
for fd in taken:
    os.close(fd)
import time
until = time.monotonic() + 20
while len(lines) < 200 and time.monotonic() < until:
    poll(1)
    time.sleep(0.01)
print(len(lines), len(set(lines)), watcher._generations.n_possible_losses)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines()[-1] == "200 200 0", ran.stdout + ran.stderr


def test_on_a_network_file_system_a_shrink_must_last_and_be_seen_afresh(path, monkeypatch):
    log = Log(path, on_network=True)
    write(path, b"one\ntwo\n")
    log.poll(3)
    true = os.fstat
    stale = []

    def fstat(fd):
        stat = true(fd)
        stale.append(fd)
        return os.stat_result((*stat[:6], 3, *stat[7:]))  # a size from the client's cache

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        log.poll(10, step_s=NETWORK_CONFIRM_S / 20)
    assert stale
    log.poll(3, step_s=1.0)
    assert log.lines == [b"one", b"two"]
    assert log.kinds == []
    os.truncate(path, 0)
    write(path, b"x\n")
    log.poll(2, step_s=NETWORK_CONFIRM_S / 4)
    assert log.kinds == []
    log.poll(5, step_s=NETWORK_CONFIRM_S)
    assert log.lines == [b"one", b"two", b"x"]
    assert log.kinds == ["truncated"]


def test_whether_a_path_is_on_a_network_is_asked_once(path, monkeypatch):
    asked = []
    monkeypatch.setattr(tailer, "is_network", lambda at: bool(asked.append(at)))
    write(path, b"a\n")
    Log(path).poll(5)
    assert asked == [path]


@pytest.mark.parametrize("what", ["folder", "fifo", "loop"])
def test_something_else_in_the_place_of_the_log_is_told_and_passes(path, what):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"b\n")
    path.rename(path.with_name("app.log.1"))
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    log.settle()
    assert log.lines == [b"a", b"b"]
    assert log.state == "error"
    path.rmdir() if what == "folder" else path.unlink()
    write(path, b"c\n")
    log.settle()
    assert log.lines == [b"a", b"b", b"c"]
    assert log.state == "live"
    assert not any(event.is_loss for event in log.events)


def test_the_age_of_unread_bytes_is_told(path):
    log = Log(path)
    write(path, b"a\n")
    log.poll(3, step_s=1.0)
    write(path, b"half")
    log.poll(5, step_s=1.0)
    status = log.tailer.status()
    assert status.partial_bytes == 4
    assert status.lag_s == 4.0
    write(path, b"\n")
    log.poll(2, step_s=1.0)
    assert log.tailer.status().lag_s == 0.0


def test_the_limit_of_handles_is_the_systems_own():
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 16 <= files.handle_limit() <= max(soft, 16)


def test_a_file_that_is_packed_before_it_was_read_is_read_once(path):
    log = Log(path)
    path.touch()
    log.poll(2)
    write(path, b"a\n")
    path.rename(path.with_name("app.log.1"))
    write(path, b"b\n")
    path.with_name("app.log.1.gz").write_bytes(gzip.compress(b"a\n"))
    path.with_name("app.log.1").unlink()
    log.settle()
    assert sorted(log.lines) == [b"a", b"b"]


def test_a_file_that_is_truncated_and_rotated_between_two_looks_is_read_from_its_start(path):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    shutil.copyfile(path, path.with_name("app.log.2"))
    os.truncate(path, 0)
    write(path, b"b\nc\n")
    path.rename(path.with_name("app.log.1"))
    write(path, b"d\n")
    log.settle()
    assert sorted(log.lines) == [b"a", b"b", b"c", b"d"]
    assert "rewritten" in log.kinds


def test_a_file_without_a_name_that_is_truncated_is_read_from_its_start(path):
    log = Log(path)
    write(path, b"aaaaa\n")
    log.settle()
    with path.open("r+b") as file:
        path.unlink()
        write(path, b"d\n")
        file.truncate(0)
        file.write(b"b\n")
        file.flush()
        log.settle()
    assert sorted(log.lines) == [b"aaaaa", b"b", b"d"]
    assert [event.kind for event in log.events if event.is_loss] == ["truncated"]


def test_a_file_that_is_renamed_while_it_is_sought_is_not_missed(path, monkeypatch):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"b\n")
    rotated = path.with_name("app.log.1")
    path.rename(rotated)
    write(path, b"c\n")
    true = recovery.siblings

    def listed_while_names_move(near, **options):
        found = true(near, **options)
        os.utime(path.parent)  # as a rename does
        return [sibling for sibling in found if sibling.path != rotated]

    log.restart()
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "siblings", listed_while_names_move)
        log.poll(3, step_s=10.0)
    log.settle()
    assert sorted(log.lines) == [b"a", b"b", b"c"]
    assert not any(event.is_loss for event in log.events)


def test_a_folder_in_which_names_never_rest_is_believed_in_the_end(path, monkeypatch):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    path.unlink()
    write(path, b"ccc\n")
    true = recovery.siblings
    ticks = itertools.count()

    def restless(near, **options):
        os.utime(path.parent, ns=(next(ticks), next(ticks)))
        return true(near, **options)

    monkeypatch.setattr(recovery, "siblings", restless)
    log.restart()
    log.poll(5, step_s=10.0)
    assert not any(event.is_loss for event in log.events)
    log.poll(40, step_s=10.0)
    assert [event.kind for event in log.events if event.is_loss] == ["replaced"]


def test_a_copy_that_is_longer_than_the_log_it_was_made_of_is_not_read_again(path):
    log = Log(path)
    path.touch()
    log.poll()
    write(path, b"line 0\n")
    log.poll()
    write(path, b"line 1\nline 2\n")
    shutil.copyfile(path, path.with_name("app.log.1"))
    os.truncate(path, 0)
    write(path, b"line 3\n")
    log.settle()
    assert sorted(log.lines) == [b"line 0", b"line 1", b"line 2", b"line 3"]


def test_a_copy_with_the_inode_of_an_empty_file_is_not_read_again(path):
    log = Log(path)
    path.touch()
    log.settle()
    inode = path.stat().st_ino
    path.rename(path.with_name("app.log.1"))
    write(path, b"a\n")
    path.with_name("app.log.1").unlink()
    log.settle()
    for n in range(50):
        copy = path.with_name(f"app.log.{n + 1}")
        shutil.copyfile(path, copy)
        if copy.stat().st_ino == inode:
            break
        copy.unlink()
    else:
        pytest.skip("this file system does not give an inode again")
    os.truncate(path, 0)
    log.settle()
    assert log.lines == [b"a"]


def test_a_file_that_comes_back_to_its_place_is_followed_there(path):
    log = Log(path)
    write(path, b"aaaaaa\n")
    log.settle()
    path.rename(path.with_name("aside"))
    path.mkdir()
    log.poll()
    path.rmdir()
    path.with_name("aside").rename(path)
    os.truncate(path, 0)
    write(path, b"half")
    log.settle()
    assert log.lines == [b"aaaaaa"]  # a line is taken without its end from a file that is over
    write(path, b" and half\n")
    log.settle()
    assert log.lines == [b"aaaaaa", b"half and half"]
    assert "rotated" not in log.kinds


def test_a_copy_that_may_not_be_opened_when_its_log_is_wiped_is_read_later(path, monkeypatch):
    log = Log(path)
    write(path, b"a\n")
    log.settle()
    write(path, b"b\nc\n")
    shutil.copyfile(path, path.with_name("app.log.2"))
    os.truncate(path, 0)
    path.rename(path.with_name("app.log.1"))
    write(path, b"d\n")
    log.poll()
    with monkeypatch.context() as patch:
        patch.setattr(files, "open_log", refusing("app.log", "app.log.1", "app.log.2"))
        log.settle()
    log.settle()
    assert sorted(log.lines) == [b"a", b"b", b"c", b"d"]


def test_thousands_of_rotated_files_are_taken_in_step_by_step(path, monkeypatch):
    log = Log(path)
    path.touch()
    log.poll()
    for n in range(600):
        path.with_name(f"app.log.{n}.gz").write_bytes(gzip.compress(b"line %d\n" % n))
    heads = []
    true = recovery.head_of
    monkeypatch.setattr(recovery, "head_of", lambda fd: heads.append(fd) or true(fd))
    times = itertools.count()
    monkeypatch.setattr(log.clock, "monotonic_s", lambda: log.clock.at + next(times) / 1000)
    log.restart()
    log.poll()
    assert 0 < len(log.lines) < 600  # what was read so far can be stored
    log.settle()
    assert sorted(log.lines) == sorted(b"line %d" % n for n in range(600))
    assert len(heads) < 10 * 600


def test_a_file_of_zeros_holds_no_other_up(path):
    log = Log(path)
    path.touch()
    log.poll()
    write(path, b"\0")
    path.rename(path.with_name("app.log.2"))
    write(path.with_name("app.log.1"), b"\0a\n")
    path.touch()
    log.settle()
    assert log.lines == [b"a"]


def test_a_packed_file_that_was_only_announced_and_is_missed_once_is_read_when_it_turns_up(path):
    write(path, b"one\n")
    log = Log(path)
    log.poll()
    packed = path.with_name("app.log.2.bz2")
    path.rename(path.with_name("app.log.1"))
    write(path, b"four\n")
    packed.write_bytes(bz2.compress(b"two\nthree\n"))
    announced = None
    while announced is None:  # and there the process is killed
        for chunk in log.tailer.poll():
            log.committed[chunk.generation] = chunk.checkpoint
            log.lines += chunk.data.split(b"\n")[:-1]
            if chunk.checkpoint.path == str(packed):
                announced = chunk.checkpoint
                break
        log.clock.at += 1.0
    assert announced.offset == 0
    away = path.parent.parent / "away"
    packed.rename(away)  # as a folder that is listed amid renames shows it
    log.restart()
    log.settle()
    away.rename(path.with_name("app.log.3.bz2"))
    for _ in range(2):
        log.restart()
        assert sorted(log.settle()) == [b"four", b"one", b"three", b"two"]
