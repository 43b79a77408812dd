"""A fresh governance database for each test."""

import shutil
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


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a database as it is right after it was created; making one takes a while."""
    folder = tmp_path_factory.mktemp("made")
    with Governance.open(folder / "data" / "governance.db", actor=ANA, home=folder / "home"):
        pass
    return folder


@pytest.fixture
def governance(_made: Path, db: Path, home: Path) -> Iterator[Governance]:
    shutil.copytree(_made / "data", db.parent)
    shutil.copytree(_made / "home", home)
    with Governance.open(db, actor=ANA, home=home) as opened:
        yield opened
