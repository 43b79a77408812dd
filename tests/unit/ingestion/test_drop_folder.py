import os
import sys

import pytest

from soc_copilot.ingestion.drop_folder import SETTLE_S, Settling, files_in


def names(folder, *, recursive=False):
    found = files_in(folder, recursive=recursive)
    return {str(os.path.relpath(one.path, folder)).replace(os.sep, "/") for one in found}


def make(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")


def test_unfinished_and_hidden_files_are_left_out(tmp_path):
    make(tmp_path, "a.eml", "b.mbox", "c", ".d.eml", "e.eml.part", "f.tmp", "~g", "h~", "i.PART")
    assert names(tmp_path) == {"a.eml", "b.mbox", "c"}


def test_folders_below_are_read_when_asked_for(tmp_path):
    make(tmp_path, "a.eml", "below/b.eml", "below/more/c.eml", ".hidden/d.eml")
    assert names(tmp_path) == {"a.eml"}
    assert names(tmp_path, recursive=True) == {"a.eml", "below/b.eml", "below/more/c.eml"}


@pytest.mark.parametrize("box", ["", "box/"])
def test_of_a_maildir_what_was_delivered_is_read(tmp_path, box):
    make(tmp_path, *(f"{box}{name}" for name in ("new/1", "cur/2:2,S", "tmp/3", ".dovecot")))
    found = list(files_in(tmp_path, recursive=False))
    assert names(tmp_path) == {f"{box}new/1", f"{box}cur/2:2,S"}
    assert all(one.is_delivered for one in found)
    assert names(tmp_path, recursive=True) == names(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_not_followed(tmp_path):
    make(tmp_path, "in/a.eml", "out/b.eml")
    (tmp_path / "in" / "b.eml").symlink_to(tmp_path / "out" / "b.eml")
    (tmp_path / "in" / "below").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in" / "c.eml")
    assert names(tmp_path / "in", recursive=True) == {"a.eml"}


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(files_in(tmp_path / "nowhere", recursive=False))


def only(folder):
    (found,) = files_in(folder, recursive=False)
    return found


def test_a_file_is_whole_once_it_rests(tmp_path):
    settling = Settling()
    path = tmp_path / "a.eml"
    path.write_bytes(b"From: a")
    now_ns = only(tmp_path).changed_ns
    assert not settling.is_whole(only(tmp_path), 0.0, now_ns)
    path.write_bytes(b"From: a\n")
    assert not settling.is_whole(only(tmp_path), SETTLE_S, now_ns)  # it grew: time begins anew
    assert settling.n_waiting == 1
    assert not settling.is_whole(only(tmp_path), SETTLE_S * 1.9, now_ns)
    assert settling.is_whole(only(tmp_path), SETTLE_S * 2, now_ns)
    assert settling.n_waiting == 0


def test_an_empty_file_is_not_filled_yet(tmp_path):
    (tmp_path / "a.eml").touch()
    assert not Settling().is_whole(only(tmp_path), 1e9, 1 << 62)


def test_what_lies_there_for_long_or_was_delivered_need_not_wait(tmp_path):
    make(tmp_path, "a.eml")
    found = only(tmp_path)
    assert Settling().is_whole(found, 0.0, found.changed_ns + 10_000_000_000)
    make(tmp_path, "new/1", "cur/2")
    (tmp_path / "a.eml").unlink()
    for one in files_in(tmp_path, recursive=False):
        assert Settling().is_whole(one, 0.0, one.changed_ns)


def test_files_that_are_gone_are_forgotten(tmp_path):
    settling = Settling()
    make(tmp_path, "a.eml")
    found = only(tmp_path)
    settling.is_whole(found, 0.0, found.changed_ns)
    settling.forget(set())
    assert settling.n_waiting == 0
