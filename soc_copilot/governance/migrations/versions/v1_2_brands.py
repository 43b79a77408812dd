"""Protected brands and the pictures that they are known by."""

import sqlalchemy as sa
from alembic import op

revision = "v1_2"
down_revision = "v1_1"
branch_labels = None
depends_on = None

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables; nothing is changed or removed."""
    op.create_table(
        "brand",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domains", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "brand_reference",
        sa.Column("id", RowId, nullable=False),
        sa.Column("brand_id", RowId, nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("added_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_brand_reference_brand", "brand_reference", ["brand_id", "id"], unique=False)
