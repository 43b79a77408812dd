"""A folder as one source: patterns, new files, links, rotation among its own names."""

import gzip
import os
import shutil

from soc_copilot.ingestion.directory import DirectoryWatcher


class StillClock:
    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        return 10**18

    def monotonic_s(self):
        self.at += 1.0  # every look is a second later: nothing waits in these tests
        return self.at


class Folder:
    def __init__(self, path, pattern="*.log", **options):
        self.path, self.pattern, self.options = path, pattern, options
        self.committed, self.lines = {}, []
        self.open()

    def open(self):
        self.watcher = DirectoryWatcher(
            self.path,
            self.pattern,
            clock=StillClock(),
            linger_s=0.0,
            **{**self.options, "checkpoints": tuple(self.committed.values())},
        )

    def restart(self):
        self.watcher.close()
        self.open()

    def poll(self, times=8):
        for _ in range(times):
            for chunk in self.watcher.poll():
                held = self.committed.get(chunk.generation)
                assert chunk.start == (held.offset if held else -1)
                self.committed[chunk.generation] = chunk.checkpoint
                self.lines += chunk.data.split(b"\n")[:-1]
        return sorted(self.lines)


def write(path, data):
    with path.open("ab") as f:
        f.write(data)


def test_files_present_follow_from_start_and_new_ones_are_read_whole(tmp_path):
    write(tmp_path / "a.log", b"old\n")
    write(tmp_path / "a.txt", b"no\n")
    folder = Folder(tmp_path)
    assert folder.poll() == []
    write(tmp_path / "a.log", b"new\n")
    write(tmp_path / "b.log", b"whole\n")
    assert folder.poll() == [b"new", b"whole"]
    folder.restart()
    write(tmp_path / "c.log", b"later\n")
    assert folder.poll() == [b"later", b"new", b"whole"]


def test_an_empty_folder_is_remembered_as_begun(tmp_path):
    folder = Folder(tmp_path)
    folder.poll()
    assert folder.watcher.status().state == "waiting"
    write(tmp_path / "a.log", b"while stopped\n")
    folder.restart()
    assert folder.poll() == [b"while stopped"]


def test_folders_below_are_read_when_asked(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "a.log", b"deep\n")
    assert Folder(tmp_path, from_start=True).poll() == []
    assert Folder(tmp_path, from_start=True, recursive=True).poll() == [b"deep"]


def test_links_out_of_the_folder_are_refused_and_said(tmp_path):
    outside, inside = tmp_path / "secret", tmp_path / "logs"
    inside.mkdir()
    write(outside, b"secret\n")
    (inside / "a.log").symlink_to(outside)
    folder = Folder(inside, from_start=True)
    assert folder.poll() == []
    assert "not followed" in folder.watcher.status().messages[0]


def test_rotation_within_the_pattern_reads_nothing_twice(tmp_path):
    path = tmp_path / "a.log"
    folder = Folder(tmp_path, "a.log*", from_start=True)
    write(path, b"1\n")
    folder.poll()
    write(path, b"2\n")
    path.rename(tmp_path / "a.log.1")
    write(path, b"3\n")
    assert folder.poll() == [b"1", b"2", b"3"]
    (tmp_path / "a.log.1").rename(tmp_path / "a.log.2")
    path.rename(tmp_path / "a.log.1")
    write(path, b"4\n")
    assert folder.poll(20) == [b"1", b"2", b"3", b"4"]
    folder.restart()
    assert folder.poll(20) == [b"1", b"2", b"3", b"4"]


def test_a_copy_and_a_packed_copy_are_not_read_again(tmp_path):
    path = tmp_path / "a.log"
    folder = Folder(tmp_path, "a.log*", from_start=True)
    write(path, b"1\n2\n")
    folder.poll()
    shutil.copyfile(path, tmp_path / "a.log.1")
    assert folder.poll() == [b"1", b"2"]
    os.truncate(path, 0)
    write(path, b"3\n")
    assert folder.poll(20) == [b"1", b"2", b"3"]
    with gzip.open(tmp_path / "a.log.1.gz", "wb") as packed:
        packed.write((tmp_path / "a.log.1").read_bytes())
    (tmp_path / "a.log.1").unlink()
    assert folder.poll(20) == [b"1", b"2", b"3"]
    folder.restart()
    assert folder.poll(20) == [b"1", b"2", b"3"]


def test_a_thousand_files_need_few_handles(tmp_path):
    for n in range(1000):
        write(tmp_path / f"{n}.log", b"%d\n" % n)
    folder = Folder(tmp_path, from_start=True)
    assert len(folder.poll(3)) == 1000
    assert len(folder.watcher._handles) <= 128
    write(tmp_path / "5.log", b"again\n")
    assert b"again" in folder.poll(3)
    (tmp_path / "6.log").unlink()
    folder.poll()
    assert folder.watcher.status().n_files == 999


def test_a_missing_folder_is_told_and_read_when_it_comes(tmp_path):
    folder = Folder(tmp_path / "logs")
    folder.poll()
    assert folder.watcher.status().state == "missing"
