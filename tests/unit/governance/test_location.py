import os
import stat
import sys
from pathlib import Path

import pytest

from soc_copilot.domain.errors import StoreError
from soc_copilot.governance import location
from soc_copilot.governance.location import (
    HOME_VARIABLE,
    locate,
    make_private_file,
    make_private_folder,
    refuse_network,
)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


def test_a_path_keeps_its_companions_beside_it_and_its_keys_apart(tmp_path: Path) -> None:
    place = locate(tmp_path / "g.db", tmp_path / "home")
    assert place.path == tmp_path / "g.db"
    assert place.head == tmp_path / "g.db.audit"
    assert place.marker == tmp_path / "g.db.kill"
    assert place.keys == tmp_path / "home" / "keys"


def test_a_sqlite_url_is_a_path(tmp_path: Path) -> None:
    assert locate(f"sqlite:///{tmp_path}/g.db").path == tmp_path / "g.db"


def test_the_variable_names_the_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert locate(None).path == tmp_path / "governance.db"


def test_the_platform_names_the_default_folder_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    path = locate(None).path
    assert path is not None
    assert path.name == "governance.db"
    assert "soc-copilot" in str(path)


def test_a_server_keeps_its_companions_in_the_data_folder(tmp_path: Path) -> None:
    place = locate("postgresql+psycopg://ana:secret@db/soc", tmp_path)
    assert place.path is None
    assert place.head.parent == place.marker.parent == tmp_path
    assert "secret" not in place.title


@pytest.mark.parametrize("target", ["sqlite://", "sqlite:///:memory:", "://nothing"])
def test_a_target_that_would_not_last_is_refused(target: str) -> None:
    with pytest.raises(StoreError):
        locate(target)


@needs_posix
def test_files_and_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    assert make_private_file(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes() == b"x"


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_bytes(b"old")
    assert not make_private_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        make_private_folder(tmp_path / "file" / "folder")
    with pytest.raises(StoreError):
        make_private_file(tmp_path / "file" / "folder" / "x")


def test_an_unknown_file_system_is_no_reason_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "file_system_type", lambda path: "")
    refuse_network(tmp_path / "g.db")


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(location, "file_system_type", lambda path: "nfs4")
    with pytest.raises(StoreError, match="nfs4"):
        refuse_network(tmp_path / "g.db")


@needs_posix
def test_syncing_a_folder_that_is_gone_is_harmless(tmp_path: Path) -> None:
    location.sync_folder(tmp_path / "gone")
    assert not os.path.lexists(tmp_path / "gone")
