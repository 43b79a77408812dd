"""Suppressions, and which alerts they keep out of the list."""

import sqlalchemy as sa
from alembic import op

revision = "v1_4"
down_revision = "v1_3"
branch_labels = None
depends_on = None

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAGES = (
    ("ix_alert_page", ["last_us", "id", "severity", "is_suppressed"]),
    ("ix_alert_open_page", ["is_open", "is_suppressed", "last_us", "id", "severity"]),
    ("ix_alert_status_page", ["status", "is_suppressed", "last_us", "id", "severity"]),
)
_SUPPRESSED = sa.text("suppressed_by IS NOT NULL")


def upgrade() -> None:
    """Add a table and two columns; the indexes that pages are read by are made anew."""
    _create_table()
    # Added in place: SQLite then rewrites no alert, however many there are.
    zero = sa.text("0")
    op.add_column(
        "alert", sa.Column("is_suppressed", sa.Integer(), nullable=False, server_default=zero)
    )
    op.add_column("alert", sa.Column("suppressed_by", sa.BigInteger(), nullable=True))
    for name, columns in _PAGES:
        op.drop_index(name, table_name="alert")
        op.create_index(name, "alert", columns, unique=False)
    op.create_index(
        "ix_alert_suppressed",
        "alert",
        ["suppressed_by", "last_us", "id"],
        unique=False,
        sqlite_where=_SUPPRESSED,
        postgresql_where=_SUPPRESSED,
    )


def _create_table() -> None:
    op.create_table(
        "suppression",
        sa.Column("id", RowId, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=True)
            for name in ("rule", "entity", "entity_type", "detector", "technique")
        ),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("up_to", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("reason", "made_from", "actor", "surface")
        ),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("n_alerts", sa.BigInteger(), nullable=False),
        sa.Column("n_occurrences", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_suppression_ended", "suppression", ["ended_us", "id"], unique=False)
