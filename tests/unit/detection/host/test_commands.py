import polars as pl
import pytest

from soc_copilot.detection.host.commands import COMMANDS, expression, signs
from soc_copilot.detection.host.rules import COMMAND_RULES


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.programs[0])
def test_every_expression_can_be_run_and_matches_no_empty_line(command):
    found = pl.Series(["", " ", "\0", "a" * 10_000]).str.contains(expression(command))
    assert not found.any()
    assert command.rule in COMMAND_RULES


def test_signs_are_small_letters_and_few():
    found = signs()
    assert all(sign and sign == sign.lower() for sign in found)
    assert len(found) == len(set(found))
    assert min(map(len, found)) >= 3  # shorter ones stand in nearly every command
