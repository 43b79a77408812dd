from pathlib import Path

import pytest

from soc_copilot.cli import settings
from soc_copilot.settings import SETTINGS
from tests.unit.cli.helpers import Terminal


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(settings, str(db), capsys)


def test_every_setting_is_listed(run: Terminal) -> None:
    out = run("settings", "list").out
    assert all(setting.key in out for setting in SETTINGS)
    told = run("settings", "list", "--json").objects
    assert {row["key"]: row["value"] for row in told} == {s.key: s.default for s in SETTINGS}


def test_a_setting_is_changed_and_read_back(run: Terminal) -> None:
    assert run("settings", "set", "ui.theme", "dark").out == "ui.theme = dark\n"
    assert run("settings", "get", "ui.theme").out == "ui.theme = dark\n"
    assert run("settings", "get", "ui.theme", "--json").objects == [
        {"key": "ui.theme", "value": "dark"}
    ]


def test_a_change_that_waits_for_a_restart_says_so(run: Terminal) -> None:
    out = run("settings", "set", "detection.web.enabled", "off").out
    assert out.startswith("detection.web.enabled = false\n")
    assert "next start" in out


def test_a_wrong_key_or_value_exits_with_2(run: Terminal) -> None:
    for arguments in (("get", "no.such"), ("set", "ui.theme", "pink"), ("set", "no.such", "1")):
        said = run("settings", *arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err
