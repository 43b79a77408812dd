"""Run one command as a terminal would, and see what it says."""

import argparse
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from soc_copilot.cli.common import EXIT_ERROR, print_error
from soc_copilot.domain.errors import SocCopilotError


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal:
    """Commands of one module, with --db given."""

    def __init__(self, module: ModuleType, db: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._parser = argparse.ArgumentParser(prog="soc-copilot")
        module.add_parser(self._parser.add_subparsers())
        self._db = db
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        options = self._parser.parse_args([*arguments, "--db", self._db])
        try:
            code = options.func(options)
        except SocCopilotError as error:
            print_error(error)
            code = EXIT_ERROR
        out, err = self._capsys.readouterr()
        return Said(code, out, err)

    def help(self, *arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            self._parser.parse_args([*arguments, "--help"])
        assert caught.value.code == 0
        return self._capsys.readouterr().out

    def refuses(self, *arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            self._parser.parse_args([*arguments, "--db", self._db])
        assert caught.value.code == 2
        return self._capsys.readouterr().err
