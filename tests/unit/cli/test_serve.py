import argparse
from pathlib import Path

import pytest

from soc_copilot.cli import build_parser, main


def test_the_help_says_how_to_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["serve", "--help"])
    text = capsys.readouterr().out
    assert "curl" in text
    assert "--config" in text


def test_options_are_read() -> None:
    options = build_parser().parse_args(["serve", "--config", "a.yaml", "--db", "x", "--json"])
    assert isinstance(options, argparse.Namespace)
    assert (options.config, options.db, options.json) == (Path("a.yaml"), "x", True)


def test_a_configuration_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["serve", "--db", str(tmp_path / "g.db"), "--config", str(tmp_path / "no.yaml")])
    assert code == 2
    assert "Cannot read the configuration" in capsys.readouterr().err
    assert not (tmp_path / "g.db").exists()
