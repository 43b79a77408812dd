"""A fresh governance database for each test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance

ANA = Actor("ana", "window")
SERVER = "SOC_COPILOT_TEST_SERVER"
"""Variable with the URL of a PostgreSQL database to test on instead of SQLite; it is emptied."""


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
def _url() -> str:
    """The server's database, emptied."""
    engine = create_engine(os.environ[SERVER])
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return os.environ[SERVER]


@pytest.fixture
def governance(request: pytest.FixtureRequest, db: Path, home: Path) -> Iterator[Governance]:
    target: str | Path = db
    if SERVER in os.environ:
        target = request.getfixturevalue("_url")
    else:
        made = request.getfixturevalue("_made")
        shutil.copytree(made / "data", db.parent)
        shutil.copytree(made / "home", home)
    with Governance.open(target, actor=ANA, home=home) as opened:
        yield opened
