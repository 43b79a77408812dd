import errno
import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.domain.errors import DiskFullError
from soc_copilot.governance.database import Governance
from soc_copilot.governance.reserve import Reserve, takes_no_more
from tests.unit.governance.helpers import commit, move

SIZE = 64 * 1024  # of the reserve in tests, and of the margin
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set how much room the disk says it has."""

    def set_room(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, free))

    return set_room


def test_its_blocks_are_really_taken(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "r")
    assert reserve.ensure()
    found = (tmp_path / "r").stat()
    assert found.st_size == SIZE
    if sys.platform != "win32":
        assert found.st_blocks * 512 >= SIZE
        assert found.st_mode & 0o777 == 0o600
    assert reserve.state().reserve_bytes == SIZE
    assert not reserve.state().is_full


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files are made otherwise there")
def test_a_hollow_file_is_filled_when_looked_at_thoroughly(tmp_path: Path) -> None:
    with (tmp_path / "r").open("wb") as file:
        file.truncate(SIZE)
    assert (tmp_path / "r").stat().st_blocks == 0
    reserve = Reserve(tmp_path / "r")
    assert reserve.ensure(thoroughly=True)
    assert (tmp_path / "r").stat().st_blocks * 512 >= SIZE


def test_where_the_system_allocates_nothing_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    assert Reserve(tmp_path / "r").ensure()
    assert (tmp_path / "r").read_bytes() == bytes(SIZE)


def test_it_is_not_made_where_room_is_scarce_and_made_when_there_is_some(
    tmp_path: Path, room: Any
) -> None:
    reserve = Reserve(tmp_path / "r")
    room(2 * SIZE - 1)
    assert not reserve.ensure()
    assert not (tmp_path / "r").exists()
    assert reserve.state().is_full
    room(2 * SIZE)
    assert reserve.ensure()
    room(SIZE)
    assert reserve.ensure()
    assert not reserve.state().is_full


def test_it_is_given_back_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "r")
    assert not reserve.release()
    reserve.ensure()
    assert reserve.release()
    assert not (tmp_path / "r").exists()
    assert not reserve.release()


def test_a_disk_that_fills_up_meanwhile_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    reserve = Reserve(tmp_path / "r")
    assert not reserve.ensure()
    assert list(tmp_path.iterdir()) == []
    assert takes_no_more(tmp_path)


def test_what_keeps_it_from_being_made_otherwise_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "r").mkdir()
    reserve = Reserve(tmp_path / "r")
    assert reserve.ensure(thoroughly=True)
    assert reserve.ensure(thoroughly=True)
    assert len(caplog.records) <= 1
    assert not takes_no_more(tmp_path)
    assert not takes_no_more(tmp_path / "gone")


def test_a_database_has_one_and_makes_it_again(
    governance: Governance, db: Path, home: Path
) -> None:
    path = db.with_name(db.name + ".reserve")
    assert path.stat().st_size == SIZE
    path.unlink()
    governance.audit.record("a.b", "x")
    assert path.exists()
    path.unlink()
    with Governance.open(db, home=home, read_only=True):
        assert not path.exists()
    with Governance.open(db, home=home):
        assert path.exists()


def test_batches_leave_the_last_room_alone(governance: Governance, db: Path, room: Any) -> None:
    governance.sources.add("file", "/var/log/a.log")
    path = db.with_name(db.name + ".reserve")
    path.unlink()
    room(SIZE)
    assert governance.disk_state().is_full
    with pytest.raises(DiskFullError, match="Free some space"):
        governance.batches.store(commit(moves=[move(-1, 10)]))
    assert governance.sources.checkpoints(1) == ()
    governance.kill_switch.engage("the disk is full")
    governance.kill_switch.release("seen")
    governance.audit.record("a.b", "x")
    room(1 << 30)
    governance.batches.store(commit(moves=[move(-1, 10)]))
    assert path.exists()
    assert not governance.disk_state().is_full


@pytest.mark.parametrize("has_reserve", [True, False])
def test_a_person_is_let_in_by_the_reserve(
    governance: Governance, db: Path, has_reserve: bool, room: Any
) -> None:
    path = db.with_name(db.name + ".reserve")
    calls = []

    def act() -> str:
        calls.append(path.exists())
        if path.exists() or not has_reserve:
            raise DiskFullError("full")
        return "done"

    room(0)
    if has_reserve:
        assert governance._session.insist(act) == "done"
        assert calls == [True, False]
    else:
        path.unlink()
        with pytest.raises(DiskFullError):
            governance._session.insist(act)
        assert calls == [False]
