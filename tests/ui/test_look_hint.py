from pathlib import Path

import pytest

from soc_copilot.ui.look_hint import hint_path


def test_the_hint_lies_beside_a_database_that_is_a_file() -> None:
    assert hint_path("/srv/soc/governance.db") == Path("/srv/soc/governance.db.window.ini")


@pytest.mark.parametrize("db", [None, "sqlite:////srv/soc/governance.db"])
def test_without_a_path_it_lies_in_the_home_of_the_program(
    db: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path))
    assert hint_path(db) == tmp_path / "window.ini"


def test_without_a_home_it_lies_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOC_COPILOT_HOME", raising=False)
    assert hint_path(None).parent.name == "soc-copilot"
