import json
from typing import Any

import pytest

from soc_copilot.cli import build_parser, main
from soc_copilot.service import bench_phishing
from soc_copilot.service.bench import LoadFigures
from soc_copilot.service.bench_phishing import KindFigures, PhishingFigures
from soc_copilot.service.bench_sockets import SocketFigures

ONE = LoadFigures(20, 0, 5_000, 0, 1_234.5, 7.25, 15.5)
FIGURES = PhishingFigures(
    2, "phishing-1", (KindFigures("url", ONE, 0.456),),
    KindFigures("known", LoadFigures(1, 0, 9, 0, 3_210.0, 0.31, 0.9), 0.1),
    (SocketFigures(1_000, 70_000, 23_456.7),),
)  # fmt: skip


def test_figures_are_shown_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def fake(seconds: float, **options: Any) -> PhishingFigures:
        asked.append((seconds, options["concurrent"], options["clients"]))
        return FIGURES

    monkeypatch.setattr(bench_phishing, "bench_phishing", fake)
    words = ["bench", "phishing", "--seconds", "1", "--concurrent", "20", "--clients", "1000"]
    assert main(words) == 0
    text = capsys.readouterr().out
    for figure in ("1,234", "7.25", "15.50", "0.456", "0.31", "23,457", "2 processor cores"):
        assert figure in text
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FIGURES.to_json()
    assert asked == [(1.0, [20], [1000])] * 2


def test_the_defaults_are_those_of_the_contest() -> None:
    options = build_parser().parse_args(["bench", "phishing"])
    assert (options.concurrent, options.clients) == ([1, 20, 100], [10, 1_000])
