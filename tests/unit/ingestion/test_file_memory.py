"""What is remembered of files, and the sample of their content."""

import os
import sys
import time
from dataclasses import replace

import pytest

from soc_copilot.ingestion.file_memory import FileMemory, entropy, look, sampled_entropy


@pytest.mark.parametrize(
    ("data", "bits"), [(b"a" * 99, 0.0), (b"ab" * 50, 1.0), (bytes(range(256)) * 4, 8.0)]
)
def test_entropy_is_in_bits_per_byte(data, bits):
    assert entropy(data) == bits


def test_nothing_has_no_entropy():
    assert entropy(b"") is None


def test_sample_is_of_the_start_and_the_middle(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"a" * 1_000 + b"b" * 1_000)
    assert sampled_entropy(str(path), 200) == 1.0
    path.write_bytes(b"a" * 1_000 + b"b" * 100)
    assert sampled_entropy(str(path), 200) == 0.0


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
def test_special_files_and_links_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/etc/passwd")
    begun = time.monotonic()
    for name in ("fifo", "link", "missing", "a\0b"):
        assert sampled_entropy(str(tmp_path / name), 100) is None
    assert time.monotonic() - begun < 5
    assert look(str(tmp_path / "fifo")).kind == "other"
    assert look(str(tmp_path / "link")).kind == "link"
    assert look(str(tmp_path / "missing")) is None
    assert look("a\0b") is None


@pytest.mark.skipif(sys.platform != "linux", reason="O_NOATIME")
def test_sampling_leaves_the_time_of_access(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    os.utime(path, (1_000_000_000, 1_700_000_000))
    sampled_entropy(str(path), 100)
    assert path.stat().st_atime == 1_000_000_000


def test_memory_is_bounded_and_moves_trees(tmp_path):
    seen = look(str(tmp_path))
    memory = FileMemory(limit=3)
    for name in ("/d", "/d/a", "/d/b"):
        memory.put(name, seen)
    memory.move("/d", "/e", is_folder=True)
    assert memory.get("/d/a") is None
    assert sorted(memory.below("/e")) == ["/e/a", "/e/b"]
    memory.put("/e", replace(seen, size=5))
    assert not memory.has_forgotten
    memory.put("/new", seen)
    assert (len(memory), memory.has_forgotten) == (3, True)
    assert memory.get("/e/a") is None  # untouched for longest
    assert memory.pop("/new") == seen
    assert memory.pop("/new") is None
