import os
import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.archive.files import FileLock, Owner, remove_file, sweep, write_file
from soc_copilot.domain.errors import StoreError


def named(*names: str):
    return lambda: frozenset(names)


def test_a_file_is_written_under_its_name_only(tmp_path: Path) -> None:
    write_file(tmp_path, "a.parquet", b"abc")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.parquet": b"abc"}


def test_nothing_stays_of_a_write_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="Input/output error"):
        write_file(tmp_path, "a.parquet", b"abc")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    first = FileLock.take(tmp_path / "x.lock")
    assert first is not None
    assert FileLock.take(tmp_path / "x.lock") is None
    first.release()
    again = FileLock.take(tmp_path / "x.lock")
    assert again is not None
    again.release(remove=True)
    assert not (tmp_path / "x.lock").exists()


def test_files_of_a_living_owner_are_left_alone(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    name = owner.new_name()
    write_file(tmp_path, name, b"abc")
    assert sweep(tmp_path, named()) == 0
    assert (tmp_path / name).exists()
    owner.close()
    assert sweep(tmp_path, named()) == 1
    assert list(tmp_path.iterdir()) == []


def test_named_files_stay_and_are_swept_when_they_lose_their_name(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    kept, lost = owner.new_name(), owner.new_name()
    write_file(tmp_path, kept, b"1")
    write_file(tmp_path, lost, b"2")
    (tmp_path / f"{lost}.part").write_bytes(b"half")
    owner.close()
    assert sweep(tmp_path, named(kept)) == 2
    assert (tmp_path / kept).exists()
    assert sweep(tmp_path, named()) == 1


def test_names_are_read_after_the_owner_is_found_dead(tmp_path: Path) -> None:
    """A commit between reading the names and finding the owner dead must not cost a file."""
    owner = Owner(tmp_path)
    name = owner.new_name()
    write_file(tmp_path, name, b"1")
    owner.close()
    lock_path = tmp_path / f"{name.partition('-')[0]}.lock"

    def read() -> frozenset[str]:
        assert FileLock.take(lock_path) is None  # held by the sweep: nobody commits any more
        return frozenset({name})

    assert sweep(tmp_path, read) == 0


def test_young_files_stay_for_the_grace_time(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    name = owner.new_name()
    write_file(tmp_path, name, b"1")
    owner.close()
    assert sweep(tmp_path, named(), grace_s=60) == 0
    os.utime(tmp_path / name, (0, 0))
    assert sweep(tmp_path, named(), grace_s=60) == 1


def test_the_claim_ends_with_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from soc_copilot.archive.files import Owner, write_file\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "owner = Owner(folder); name = owner.new_name(); write_file(folder, name, b'1')\n"
        "print(name, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert sweep(tmp_path, named()) == 0
        child.kill()
    assert sweep(tmp_path, named()) == 1
    assert not (tmp_path / name).exists()


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    assert remove_file(tmp_path, "nothing.parquet")
