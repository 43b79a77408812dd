import stat
import sys
import threading
from pathlib import Path

import pytest

from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.audit_head import (
    KEY_BYTES,
    AuditKey,
    Head,
    HeadFile,
    key_id_of,
    write_atomically,
)

MAC = "0123456789abcdef" * 4


def head_file(tmp_path: Path) -> HeadFile:
    file = HeadFile(tmp_path / "g.db.audit", "d1")
    file.create()
    return file


def test_a_key_is_long_random_and_private(tmp_path: Path) -> None:
    ids = {AuditKey.create(tmp_path, "a"), AuditKey.create(tmp_path, "b")}
    assert len(ids) == 2
    path = tmp_path / "a.key"
    assert len(path.read_bytes()) == KEY_BYTES
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_is_read_once(tmp_path: Path) -> None:
    key = AuditKey(tmp_path, "a", AuditKey.create(tmp_path, "a"))
    first = key.read()
    (tmp_path / "a.key").unlink()
    assert key.read() == first


def test_a_missing_key_is_never_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="audit reanchor"):
        AuditKey(tmp_path, "a", "id").read()
    assert not (tmp_path / "a.key").exists()


def test_an_unreadable_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.key").mkdir()
    with pytest.raises(StoreError, match=r"a\.key"):
        AuditKey(tmp_path, "a", "id").read()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * KEY_BYTES])
def test_another_key_is_told_from_the_right_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.key").write_bytes(content)
    with pytest.raises(StoreError, match="not the one"):
        AuditKey(tmp_path, "a", key_id_of(b"y" * KEY_BYTES)).read()


def test_heads_come_back_in_order(tmp_path: Path) -> None:
    file = head_file(tmp_path)
    for seq in (1, 2, 5):
        file.append(Head(seq, MAC))
    assert list(file.lines()) == [Head(1, MAC), Head(2, MAC), Head(5, MAC)]


def test_an_older_head_is_passed_over(tmp_path: Path) -> None:
    file = head_file(tmp_path)
    for seq in (3, 2, 3):
        file.append(Head(seq, MAC))
    assert list(file.lines()) == [Head(3, MAC)]


def test_a_line_torn_by_a_power_loss_is_written_again(tmp_path: Path) -> None:
    file = head_file(tmp_path)
    file.append(Head(1, MAC))
    with file.path.open("ab") as raw:
        raw.write(b"2 0123")
    assert list(file.lines()) == [Head(1, MAC)]
    file.append(Head(2, MAC))
    assert list(file.lines()) == [Head(1, MAC), Head(2, MAC)]


@pytest.mark.parametrize(
    "line", [b"x\n", b"", b"1 abc\n", b"-1 " + MAC.encode() + b"\n", b"\n", b"1  " + b"\n"]
)
def test_an_altered_line_is_found(tmp_path: Path, line: bytes) -> None:
    file = head_file(tmp_path)
    with file.path.open("ab") as raw:
        raw.write(line + b"1 " + MAC.encode() + b"\n1 " + MAC.encode() + b"\n")
    with pytest.raises(StoreError, match="altered"):
        list(file.lines())


def test_a_missing_head_file_is_never_made_anew(tmp_path: Path) -> None:
    file = HeadFile(tmp_path / "g.db.audit", "d1")
    with pytest.raises(StoreError, match="audit reanchor"):
        file.require()
    with pytest.raises(StoreError, match="audit reanchor"):
        list(file.lines())
    with pytest.raises(FileNotFoundError):
        file.append(Head(1, MAC))
    assert not file.path.exists()


def test_another_databases_head_file_is_found(tmp_path: Path) -> None:
    head_file(tmp_path)
    with pytest.raises(StoreError, match="another database"):
        list(HeadFile(tmp_path / "g.db.audit", "d2").lines())


def test_a_former_databases_head_file_is_kept_aside(tmp_path: Path) -> None:
    old = head_file(tmp_path)
    old.append(Head(1, MAC))
    for name in ("d2", "d3"):
        fresh = HeadFile(tmp_path / "g.db.audit", name)
        fresh.create()
        assert list(fresh.lines()) == []
    assert MAC in (tmp_path / "g.db.audit.old-1").read_text("ascii")
    assert (tmp_path / "g.db.audit.old-2").exists()


def test_appending_at_once_from_threads_loses_the_order_never(tmp_path: Path) -> None:
    file = head_file(tmp_path)

    def append(start: int) -> None:
        for seq in range(start, 100, 4):
            file.append(Head(seq, MAC))

    threads = [threading.Thread(target=append, args=(start,)) for start in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seqs = [head.seq for head in file.lines()]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 99


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "g.db.kill"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    (tmp_path / "folder" / "in").mkdir(parents=True)
    with pytest.raises(StoreError, match="folder"):
        write_atomically(tmp_path / "folder", b"three")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "g.db.kill"]
