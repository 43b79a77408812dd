"""A home and a database of its own for each test."""

from pathlib import Path

import pytest

from soc_copilot.governance.location import HOME_VARIABLE


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "governance.db"
