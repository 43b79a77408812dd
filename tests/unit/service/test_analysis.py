from pathlib import Path

from tests.unit.service.analysis_parts import Analysing


def test_what_is_known_is_kept_over_a_restart_where_a_file_is_given(tmp_path: Path) -> None:
    path = str(tmp_path / "answers.jsonl")
    for is_known in (False, True):
        with Analysing(phishing__cache_file=path) as service:
            answer = service.analyze("http://evil.example/")[1]
            assert (answer["cached"], answer["prediction"]) == (is_known, "phish")


def test_nothing_is_told_before_it_is_open() -> None:
    side = Analysing().side
    assert side.trouble() == ""
    assert side.health() == ()
    assert side.info() is None
    assert side.stop()
