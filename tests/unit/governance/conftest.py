"""A fresh governance database for each test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select, text

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.governance.schema import Base
from tests.unit.governance.helpers import HeldClock, commit, finding

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


@pytest.fixture(scope="session")
def _made_there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], None]]:
    """Makes the server's database as it is right after it was created, with its keys in a folder.

    The schema is made once: a test finds its tables emptied, and the first rows in them again.
    """
    engine, made = create_engine(os.environ[SERVER]), tmp_path_factory.mktemp("made-there")
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    with Governance.open(os.environ[SERVER], actor=ANA, home=made / "home"):
        pass
    tables = Base.metadata.sorted_tables
    with engine.connect() as connection:
        rows = {one: connection.execute(select(one)).mappings().all() for one in tables}

    def make(home: Path) -> None:
        shutil.copytree(made / "home", home)
        with engine.begin() as connection:
            names = ", ".join(one.name for one in tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
            for one, first in rows.items():
                if first:
                    connection.execute(insert(one), [dict(row) for row in first])

    yield make
    engine.dispose()


@pytest.fixture
def governance(request: pytest.FixtureRequest, db: Path, home: Path) -> Iterator[Governance]:
    target: str | Path = db
    if SERVER in os.environ:
        target = os.environ[SERVER]
        request.getfixturevalue("_made_there")(home)
    else:
        made = request.getfixturevalue("_made")
        shutil.copytree(made / "data", db.parent)
        shutil.copytree(made / "home", home)
    with Governance.open(target, actor=ANA, home=home) as opened:
        yield opened


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def desk(governance: Governance, db: Path, home: Path, clock: HeldClock) -> Iterator[Governance]:
    """The database, at a time that the test sets, with one alert to suppress from."""
    target = governance.path or governance._session.place.url.render_as_string(False)
    with Governance.open(target, actor=ANA, home=home, clock=clock) as opened:
        opened.batches.store(commit([finding(severity=Severity.MEDIUM)]))
        yield opened
