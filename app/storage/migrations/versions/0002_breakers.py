"""Breakers, and the time that a lane's last message was given at HubSpot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the column."""
    op.create_table(
        "breakers",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("scope_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("failed_lanes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=True),
        sa.Column("probe_at", sa.Double(), nullable=True),
        sa.Column("probe_lane", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("last_probe_lane", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "scope_id", name=op.f("pk_breakers")),
    )

    op.add_column("lanes", sa.Column("dated", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("lanes", "dated")
    op.drop_table("breakers")
