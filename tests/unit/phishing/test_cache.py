import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from soc_copilot.domain.phishing import Analysis
from soc_copilot.phishing.cache import MemoryCache
from soc_copilot.phishing.orchestrator import Orchestrator
from tests.unit.phishing.parts import FakePart, TurnedClock, url


@pytest.fixture(scope="module")
def answer() -> Analysis:
    pipeline = Orchestrator([FakePart()])
    found = pipeline.analyse(url("evil"), "r-1")
    assert pipeline.close()
    return found


def test_an_answer_is_known_for_its_time(answer: Analysis) -> None:
    clock = TurnedClock()
    cache = MemoryCache(ttl_s=300, clock=clock)
    assert cache.get("a") is None
    cache.put("a", answer)
    clock.s += 299
    assert cache.get("a") == answer
    clock.s += 1
    assert cache.get("a") is None
    cache.put("b", answer)  # and what is over makes room
    assert len(cache) == 1


def test_its_number_and_size_are_bounded(answer: Analysis) -> None:
    cache = MemoryCache(max_entries=3)
    for key in "abcd":
        cache.put(key, answer)
    assert cache.get("a") is None
    assert all(cache.get(key) for key in "bcd")
    size = cache.n_bytes // 3
    cache = MemoryCache(max_bytes=size * 2 + size // 2)
    for key in "abc":
        cache.put(key, answer)
    assert (len(cache), cache.get("a")) == (2, None)
    assert cache.n_bytes <= size * 2 + size // 2
    cache.put("d", replace(answer, model_version="x" * size * 3))  # none has that much room
    assert cache.get("d") is None
    assert len(cache) == 2


def test_put_again_counts_once(answer: Analysis) -> None:
    cache = MemoryCache()
    cache.put("a", answer)
    n_bytes = cache.n_bytes
    cache.put("a", answer)
    assert (len(cache), cache.n_bytes) == (1, n_bytes)


def test_it_survives_a_restart_where_a_file_is_given(tmp_path: Path, answer: Analysis) -> None:
    clock, path = TurnedClock(), tmp_path / "kept" / "answers.jsonl"
    cache = MemoryCache(path, ttl_s=300, clock=clock)
    cache.put("a", answer)
    clock.s += 200
    cache.put("b", answer)
    cache.close()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    clock.s += 150
    cache = MemoryCache(path, ttl_s=300, clock=clock)
    assert (cache.get("a"), cache.get("b")) == (None, answer)  # the first one's time is over
    clock.s += 150
    assert cache.get("b") is None


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b'{"format":99}\n', b'{"format":1}\n{"key"'])
def test_a_file_that_cannot_be_used_counts_as_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(data)
    assert len(MemoryCache(path)) == 0


def test_a_clock_set_back_does_not_keep_answers_longer(tmp_path: Path, answer: Analysis) -> None:
    clock, path = TurnedClock(), tmp_path / "answers.jsonl"
    cache = MemoryCache(path, ttl_s=300, clock=clock)
    cache.put("a", answer)
    cache.close()
    clock.s -= 500
    cache = MemoryCache(path, ttl_s=300, clock=clock)
    clock.s += 301
    assert cache.get("a") is None
