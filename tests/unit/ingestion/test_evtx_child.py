"""The process that reads event logs: its lines, and what poisoned files do to it."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from soc_copilot.ingestion.evtx import COMMAND
from tests.tools import evtx_writer
from tests.tools.evtx_writer import filetime

MEMORY = 512 << 20
N_FUZZED = int(os.environ.get("SOC_COPILOT_FUZZ", "40"))  # files; each takes 0.1 s
REAL_LOGS = os.environ.get("SOC_COPILOT_EVTX")  # a folder of *.evtx files to try


def run(path, after=0, when=0):
    with path.open("rb") as file:
        done = subprocess.run(
            [*COMMAND, str(MEMORY), "30", str(after), str(when)],
            stdin=file,
            capture_output=True,
            timeout=60,
            check=False,
        )
    lines = [line.split(b"\t") for line in done.stdout.split(b"\n") if line]
    return done, lines


def numbers(lines):
    return [int(line[1]) for line in lines if line[0] == b"R"]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.evtx"
    evtx_writer.write(path, 45)
    return path


def test_every_record_is_told_in_order(log):
    done, lines = run(log)
    assert done.returncode == 0
    assert lines[0] == [b"H", b"1", b"45", b"new"]
    assert numbers(lines) == list(range(1, 46))
    assert b"user7" in lines[7][3]
    assert int(lines[7][2]) == filetime(1_773_133_200 + 7)
    assert lines[-1] == [b"E", b"45"]


@pytest.mark.parametrize("after", [1, 19, 20, 44, 45])
def test_only_what_comes_after_a_known_record_is_told(log, after):
    _, lines = run(log, after, filetime(1_773_133_200 + after))
    assert lines[0][3] == b"same"
    assert numbers(lines) == list(range(after + 1, 46))


def test_another_log_with_the_same_numbers_is_told_and_read_whole(log):
    _, lines = run(log, 20, filetime(5))
    assert lines[0][3] == b"other"
    assert numbers(lines) == list(range(1, 46))


def test_log_that_ends_before_the_known_record_is_another(log):
    _, lines = run(log, 1_000, filetime(5))
    assert lines[0][3] == b"other"


def test_log_that_was_written_over_says_where_it_begins(tmp_path):
    path = tmp_path / "a.evtx"
    evtx_writer.write(path, 20, first=100)
    _, lines = run(path, 50, filetime(5))
    assert lines[0] == [b"H", b"100", b"119", b"wrapped"]
    assert numbers(lines) == list(range(100, 120))


def test_damaged_record_is_counted_and_others_are_read(log):
    raw = bytearray(log.read_bytes())
    place = raw.find("user7".encode("utf-16-le"))
    raw[place - 4 : place] = b"\xff\xff\xff\xff"
    log.write_bytes(raw)
    done, lines = run(log)
    assert done.returncode == 0
    found = set(numbers(lines))
    assert found >= set(range(21, 46))
    assert 7 not in found
    (bad,) = (line for line in lines if line[0] == b"B")
    assert len(found) + int(bad[1]) == 45


def test_numbers_rise_even_where_chunks_overlap(tmp_path):
    path = tmp_path / "a.evtx"
    one = evtx_writer.log(20, first=1)[4096:]
    two = evtx_writer.log(20, first=11, start_s=1.0)[4096:]
    path.write_bytes(evtx_writer.header(2, 31) + two + one)
    _, lines = run(path)
    found = numbers(lines)
    assert len(found) == 40
    assert found == sorted(found)


@pytest.mark.parametrize("raw", [b"", b"x" * 10_000])
def test_other_files_are_refused_with_a_reason(tmp_path, raw):
    path = tmp_path / "a.evtx"
    path.write_bytes(raw)
    done, lines = run(path)
    assert done.returncode == 0
    assert lines[0][0] == b"X"


def test_memory_limit_holds_from_the_start(log):
    with log.open("rb") as file:
        command = [*COMMAND, str(16 << 20), "30", "0", "0"]
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=60, check=False)
    lines = done.stdout.split(b"\n")
    assert done.returncode != 0 or not any(line.startswith(b"E") for line in lines)


@pytest.mark.parametrize("seed", range(N_FUZZED))
def test_damaged_files_end_in_lines_that_make_sense(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    raw = bytearray(evtx_writer.log(60))
    if seed % 3 == 0:
        del raw[chance.randrange(len(raw)) :]
    elif seed % 3 == 1:
        for _ in range(chance.choice((1, 8, 64, 512))):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    else:
        at = chance.randrange(len(raw) - 4)
        raw[at : at + 4] = chance.choice((b"\xff" * 4, b"\0\0\0\x80", b"\xff\xff\xff\x7f"))
    path = tmp_path / "a.evtx"
    path.write_bytes(raw)
    done, lines = run(path)
    assert {line[0] for line in lines} <= {b"H", b"R", b"B", b"E", b"X"}
    found = numbers(lines)
    assert found == sorted(found)
    if done.returncode == 0:
        assert lines[-1][0] in {b"E", b"X"}


@pytest.mark.skipif(REAL_LOGS is None, reason="SOC_COPILOT_EVTX names no folder")
def test_real_logs_give_what_the_library_gives():
    from evtx import PyEvtxParser

    for path in sorted(Path(REAL_LOGS or "").glob("*.evtx")):
        try:
            parser = PyEvtxParser(str(path), skip_errors=True)
            wanted = sum(1 for _ in parser.records())
        except (RuntimeError, OSError):
            continue
        assert len(numbers(run(path)[1])) == wanted
