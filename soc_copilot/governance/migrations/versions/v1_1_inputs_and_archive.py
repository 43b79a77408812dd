"""Options of sources, more positions and counts, partial lines, source events, the archive."""

import sqlalchemy as sa
from alembic import op

revision = "v1_1"
down_revision = "v1_0"
branch_labels = None
depends_on = None

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Added in place, each with a default: SQLite then rewrites no row, however many there are.
_NUMBERS = (
    ("database", "anchor_seq"),
    ("position", "began_ns"),
    ("ledger", "stored"),
    ("ledger", "undecodable"),
    ("ledger", "lost"),
    ("ledger", "possible_losses"),
)
_TEXTS = (
    ("source", "options", sa.Text(), "{}"),
    ("position", "encoding", sa.String(length=32), ""),
    ("position", "cursor", sa.Text(), ""),
)


def upgrade() -> None:
    """Add columns and tables; nothing is changed or removed."""
    for table, name in _NUMBERS:
        zero = sa.text("0")
        op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default=zero))
    for table, name, kind, default in _TEXTS:
        words = sa.text(f"'{default}'")
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=words))
    _create_source_tables()
    _create_archive_tables()


def _create_source_tables() -> None:
    op.create_table(
        "partial_line",
        sa.Column("source_id", RowId, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("seen_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("source_id", "generation"),
    )
    op.create_table(
        "source_event",
        sa.Column("id", RowId, nullable=False),
        sa.Column("source_id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("is_loss", sa.Boolean(), nullable=False),
        sa.Column("n_lost", sa.BigInteger(), nullable=True),
        sa.Column("start_offset", sa.BigInteger(), nullable=False),
        sa.Column("end_offset", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_source_event_source", "source_event", ["source_id", "id"], unique=False)


def _create_archive_tables() -> None:
    op.create_table(
        "segment",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("min_us", sa.BigInteger(), nullable=False),
        sa.Column("max_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="uq_segment_name"),
    )
    op.create_table(
        "segment_share",
        sa.Column("segment_id", RowId, nullable=False),
        sa.Column("source_id", RowId, nullable=False),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("min_us", sa.BigInteger(), nullable=False),
        sa.Column("max_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"]),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("segment_id", "source_id"),
    )
