"""A fresh governance database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance

ANA = Actor("ana", "window")


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "data" / "governance.db"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def governance(db: Path, home: Path) -> Iterator[Governance]:
    with Governance.open(db, actor=ANA, home=home) as opened:
        yield opened
