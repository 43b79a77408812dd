"""Series of hours as they were judged, and what was detected in them."""

import sqlalchemy as sa
from alembic import op

revision = "v1_3"
down_revision = "v1_2"
branch_labels = None
depends_on = None

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NUMBERS = ("value", "forecast", "lower", "upper", "benchmark", "score")


def upgrade() -> None:
    """Add three tables; nothing is changed or removed."""
    op.create_table(
        "series",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "series_hour",
        sa.Column("series_id", RowId, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=True) for name in _NUMBERS),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("odd", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
        sa.PrimaryKeyConstraint("series_id", "hour"),
    )
    op.create_table(
        "series_interval",
        sa.Column("series_id", RowId, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
        sa.PrimaryKeyConstraint("series_id", "first"),
    )
