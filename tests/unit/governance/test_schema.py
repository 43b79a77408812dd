from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from soc_copilot.governance.migrate import MIGRATIONS
from soc_copilot.governance.schema import SCHEMA_HEAD, Base


def test_every_table_can_be_made_on_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in Base.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect)).strip().startswith("CREATE TABLE")
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))


def test_times_have_room_for_microseconds() -> None:
    dialect = postgresql.dialect()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_us"):
                assert column.type.compile(dialect=dialect) == "BIGINT", column


def test_the_head_names_the_newest_migration() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    assert names[-1].startswith(SCHEMA_HEAD + "_")
