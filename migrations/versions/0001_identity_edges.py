"""Merges of shoppers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "identity_edges"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("from_id", sa.String(128), nullable=False),
        sa.Column("into_id", sa.String(128), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_identity_edges"),
    )
    op.create_index("ix_identity_edges_from_id", TABLE, ["from_id"])
    op.create_index("ix_identity_edges_into_id", TABLE, ["into_id"])
    in_force = sa.text("undone_at IS NULL")
    op.create_index(
        "uq_identity_edges_in_force",
        TABLE,
        ["from_id"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )


def downgrade() -> None:
    op.drop_table(TABLE)
