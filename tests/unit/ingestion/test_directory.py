"""A folder as one source: patterns, new files, links, rotation among its own names."""

import bz2
import gzip
import lzma
import os
import shutil

import pytest
from backports import zstd

from soc_copilot.ingestion import files, siblings
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
        self.committed, self.lines, self.events = {}, [], []
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
                self.events += chunk.events
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


def test_a_thousand_files_need_no_more_handles_than_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "handle_limit", lambda: 100)
    for n in range(1000):
        write(tmp_path / f"{n}x.log", b"%d\n" % n)
    folder = Folder(tmp_path, from_start=True)
    while len(folder.poll(1)) < 1000:
        assert len(folder.watcher._handles) <= 100
    assert any("kept open" in message for message in folder.watcher.status().messages)
    write(tmp_path / "5x.log", b"again\n")
    assert b"again" in folder.poll(3)
    (tmp_path / "6x.log").unlink()
    folder.poll()
    assert folder.watcher.status().n_files == 999


def test_unreadable_files_name_themselves_and_the_rest_goes_on(tmp_path, monkeypatch):
    for n in range(50):
        write(tmp_path / f"{n:02}x.log", b"%d\n" % n)
    true = files.open_log

    def refuse(path, *, follow=True):
        if path.name in {"07x.log", "08x.log"}:
            raise PermissionError(13, "Permission denied", str(path))
        return true(path, follow=follow)

    folder = Folder(tmp_path, from_start=True)
    with monkeypatch.context() as patch:
        patch.setattr(files, "open_log", refuse)
        assert len(folder.poll(3)) == 48
        status = folder.watcher.status()
        assert status.state == "denied"
        assert "07x.log" in status.detail
        assert "2 files of 50 have trouble" in status.detail
    assert len(folder.poll(12)) == 50
    assert folder.watcher.status().state == "live"
    assert {"denied", "restored"} <= {event.kind for event in folder.events}


def test_a_copy_in_the_making_is_not_read_and_its_rest_is_found_after_the_truncation(tmp_path):
    path, copy = tmp_path / "a.log", tmp_path / "a.log.1"
    text = b"".join(b"line %d\n" % n for n in range(50))
    folder = Folder(tmp_path, "a.log*", from_start=True)
    write(path, text[:200])
    folder.poll(2)
    write(path, text[200:])
    folder.poll(2)
    write(copy, text[:250])  # shorter than what was read of the log
    assert folder.poll(4) == sorted(text.splitlines())
    os.truncate(path, 0)
    write(path, b"new\n")
    assert folder.poll(20) == sorted([*text.splitlines(), b"new"])
    folder.restart()
    assert folder.poll(20) == sorted([*text.splitlines(), b"new"])


def test_a_file_that_begins_like_another_is_read_whole_once_it_holds_more(tmp_path):
    write(tmp_path / "a-1.log", b"header\n")
    write(tmp_path / "a-2.log", b"header\nmore\n")
    folder = Folder(tmp_path, from_start=True)
    assert folder.poll() == [b"header", b"header", b"more"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_a_rotated_file_that_is_packed_slowly_is_not_read_again(tmp_path, suffix):
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstd.compress}
    path, plain = tmp_path / "a.log", tmp_path / "a.log.1"
    folder = Folder(tmp_path, "a.log*", from_start=True)
    text = b"".join(b"line %d\n" % n for n in range(500))
    write(path, text)
    folder.poll(2)
    path.rename(plain)
    write(path, b"new\n")
    folder.poll(6)
    packed = pack[suffix](text)
    for n in range(0, len(packed), 300):
        write(tmp_path / f"a.log.1{suffix}", packed[n : n + 300])
        folder.poll(2)
    plain.unlink()
    assert folder.poll(20) == sorted([*text.splitlines(), b"new"])
    folder.restart()
    assert folder.poll(20) == sorted([*text.splitlines(), b"new"])


def test_links_in_a_circle_and_to_nothing_are_passed_over(tmp_path):
    (tmp_path / "a.log").symlink_to(tmp_path / "b.log")
    (tmp_path / "b.log").symlink_to(tmp_path / "a.log")
    (tmp_path / "c.log").symlink_to(tmp_path / "none")
    write(tmp_path / "d.log", b"one\n")
    folder = Folder(tmp_path, from_start=True)
    assert folder.poll() == [b"one"]
    assert folder.watcher.status().state == "live"


def test_a_folder_that_goes_and_comes_back_is_read_on(tmp_path):
    logs, away = tmp_path / "logs", tmp_path / "away"
    logs.mkdir()
    write(logs / "a.log", b"one\n")
    folder = Folder(logs, from_start=True)
    folder.poll()
    logs.rename(away)
    folder.poll()
    assert folder.watcher.status().state == "missing"
    write(away / "a.log", b"two\n")
    away.rename(logs)
    assert folder.poll() == [b"one", b"two"]
    assert folder.watcher.status().state == "live"


def test_a_missing_folder_is_told_and_read_when_it_comes(tmp_path):
    folder = Folder(tmp_path / "logs")
    folder.poll()
    assert folder.watcher.status().state == "missing"


def test_a_huge_file_does_not_keep_the_others_from_their_turn(tmp_path):
    write(tmp_path / "a.log", b"x" * 99 + b"\n")
    with (tmp_path / "a.log").open("ab") as f:
        f.write((b"x" * 99 + b"\n") * 200_000)
    for n in range(40):
        write(tmp_path / f"small-{n}x.log", b"%d\n" % n)
    folder = Folder(tmp_path, from_start=True)
    seen = 0
    for _ in range(6):
        before = len(folder.lines)
        folder.poll(1)
        seen += sum(len(line) < 99 for line in folder.lines[before:])
        assert sum(len(line) + 1 for line in folder.lines[before:]) < 2 << 20
    assert seen == 40
    assert len(folder.lines) < 100_000


def test_a_hint_of_one_file_looks_at_that_file_only(tmp_path, monkeypatch):
    for n in range(20):
        write(tmp_path / f"{n}x.log", b"old\n")
    folder = Folder(tmp_path, from_start=True)
    folder.poll(40)  # long quiet
    watcher = folder.watcher
    monkeypatch.setattr(watcher, "_scan_s", 1e9)
    write(tmp_path / "3x.log", b"new\n")
    looked_at = []
    for path, tailer in watcher._tailers.items():
        true = tailer.poll
        monkeypatch.setattr(tailer, "poll", lambda n, p=path, t=true: looked_at.append(p) or t(n))
    watcher.hint.note(str(tmp_path / "3x.log"))
    assert b"new" in folder.poll(1)
    assert looked_at == [str(tmp_path / "3x.log")]


def test_rotated_files_that_the_folder_follows_are_left_to_their_own_tailers(tmp_path, monkeypatch):
    for n in range(1, 31):
        (tmp_path / f"app.log.{n}").write_bytes(b"line %d\n" % n)
    (tmp_path / "app.log").write_bytes(b"line 0\n")
    asked = []
    true = siblings._sibling

    def counted(path, of):
        asked.append(path)
        return true(path, of)

    monkeypatch.setattr(siblings, "_sibling", counted)
    watcher = DirectoryWatcher(tmp_path, pattern="*.log*", from_start=True)
    lines = [line for _ in range(5) for c in watcher.poll() for line in c.data.splitlines()]
    assert sorted(lines) == sorted(b"line %d" % n for n in range(31))
    assert len(asked) <= 5 * 31  # those of the log itself; not 31 for each of 31
