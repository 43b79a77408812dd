from pathlib import Path

from soc_copilot.parsing.registry import detect
from soc_copilot.pipeline.bench import make_access_log


def test_the_same_seed_makes_the_same_log(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    share = make_access_log(first, 2_000, 0.1)
    assert make_access_log(second, 2_000, 0.1) == share
    assert first.read_bytes() == second.read_bytes()
    lines = first.read_text().splitlines()
    assert len(lines) == 2_000
    assert detect(lines[:50]).format.name == "access"


def test_the_share_of_distinct_requests_follows_the_wish(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    few, many = make_access_log(log, 4_000, 0.0), make_access_log(log, 4_000, 1.0)
    assert few < 0.4
    assert many > 0.95
