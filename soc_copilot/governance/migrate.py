"""Bringing a database to the program's schema: refuse, back up, migrate, give it an identity."""

import logging
import re
import uuid
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import to_us, utc_now
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.audit_head import AuditKey, Head, HeadFile
from soc_copilot.governance.chain import AuditChain, Entry
from soc_copilot.governance.engine import IMMEDIATE, sqlite_driver
from soc_copilot.governance.location import Place, make_private_file, move_aside
from soc_copilot.governance.schema import SCHEMA_HEAD, DatabaseModel, KillSwitchModel

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r"v(\d+)_(\d+)")


def prepare(engine: Engine, place: Place, actor: Actor, *, read_only: bool) -> AuditChain:
    """Make the database fit for this program and return its audit chain.

    Raises:
        StoreError: It belongs to another program or to a newer version of this one, or it
            needs a migration and may only be read.
    """
    with engine.connect() as connection:
        found = _revision(connection, place)
        if _is_current(found, place):
            chain = _chain_of(connection, place)
            if chain is not None:
                return chain
    if read_only:
        raise StoreError(
            f'The governance database "{place.title}" has to be brought up to date first. '
            "Open it once with a command that writes."
        )
    if found is not None and found != SCHEMA_HEAD and place.path is not None:
        _back_up(engine, place.path, found)
    return _migrate(engine, place, actor)


def _revision(connection: Connection, place: Place) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
    if tables:
        raise StoreError(
            f'"{place.title}" is a database of another program. Choose another place with --db.'
        )
    return None


def _is_current(found: str | None, place: Place) -> bool:
    """True when no migration is needed.

    Raises:
        StoreError: A newer version of the program made the schema.
    """
    if found is None:
        return False
    theirs, ours = _REVISION.fullmatch(found), _REVISION.fullmatch(SCHEMA_HEAD)
    if ours is None or theirs is None:
        raise StoreError(
            f'The governance database "{place.title}" has the unknown schema "{found}". '
            "Install the version of SOC Copilot that made it."
        )
    if int(theirs[1]) > int(ours[1]):
        raise StoreError(
            f'The governance database "{place.title}" has schema {theirs[1]}.{theirs[2]}, newer '
            f"than the {ours[1]}.{ours[2]} of this program. Install a newer SOC Copilot."
        )
    # A newer minor schema only adds; it is used as it is.
    return (int(theirs[1]), int(theirs[2])) >= (int(ours[1]), int(ours[2]))


def _chain_of(connection: Connection, place: Place) -> AuditChain | None:
    row = connection.execute(select(DatabaseModel.database_id, DatabaseModel.key_id)).first()
    if row is None:
        return None
    if not re.fullmatch(r"[0-9a-f]{32}", row.database_id):
        raise StoreError(f'The governance database "{place.title}" has a damaged identity.')
    return AuditChain(
        AuditKey(place.keys, row.database_id, row.key_id),
        HeadFile(place.head, row.database_id),
        row.database_id,
    )


def _back_up(engine: Engine, path: Path, revision: str) -> None:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    copy = path.with_name(f"{path.name}.backup-{revision}-{stamp}")
    make_private_file(copy)
    driver = sqlite_driver()
    raw = engine.raw_connection()
    try:
        with closing(driver.connect(str(copy))) as target:
            source = raw.driver_connection
            if source is None:
                raise StoreError(f'Cannot back up "{path}": the connection is gone.')
            source.backup(target)
    except BaseException:
        copy.unlink(missing_ok=True)  # half a backup would be taken for one
        raise
    finally:
        raw.close()
    logger.info("Backed the database up before migrating it. copy=%s", copy)


def _migrate(engine: Engine, place: Place, actor: Actor) -> AuditChain:
    head: Head | None = None
    with engine.connect() as connection:
        connection.info[IMMEDIATE] = True
        with connection.begin():
            before = _revision(connection, place)  # another process may have been faster
            if not _is_current(before, place):
                _upgrade(connection)
            chain = _chain_of(connection, place)
            who = (actor.name, actor.surface)
            now_us = to_us(utc_now())
            if chain is None:
                chain = _identify(connection, place, now_us)
                entry = Entry("database.created", "database", None, SCHEMA_HEAD)
                head = chain.append(connection, now_us, who, [entry])
            elif before != SCHEMA_HEAD:
                entry = Entry("database.migrated", "database", before, SCHEMA_HEAD)
                head = chain.append(connection, now_us, who, [entry])
    if head is not None:
        chain.publish(head)
    return chain


def _upgrade(connection: Connection) -> None:
    # Imported here: most starts need no migration, and Alembic takes a while to load.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _identify(connection: Connection, place: Place, now_us: int) -> AuditChain:
    """Give a new database its id, key and head file, and a released kill switch."""
    database_id = uuid.uuid4().hex
    # Key and head file are on disk before the row that makes them required.
    key_id = AuditKey.create(place.keys, database_id)
    head_file = HeadFile(place.head, database_id)
    head_file.create()
    for folder in (place.archive, place.spool, place.quarantine):
        move_aside(folder)  # of a former database: its numbers would be taken for ours
    connection.execute(
        insert(DatabaseModel).values(
            id=1, database_id=database_id, key_id=key_id, created_us=now_us
        )
    )
    # No row at all would count as unknown, and so as engaged.
    connection.execute(
        insert(KillSwitchModel).values(
            engaged=0,
            at_us=now_us,
            actor="SOC Copilot",
            surface="database",
            reason="The database was created.",
        )
    )
    return AuditChain(AuditKey(place.keys, database_id, key_id), head_file, database_id)
