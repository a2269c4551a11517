"""Breakers, the time that a lane's last message was given at HubSpot, and indexes for the scheduler's look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, the column and the indexes."""
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
    op.drop_index("ix_lanes_due", table_name="lanes")
    _index("ix_lanes_due", ["account_id", "kind", "due"], "due IS NOT NULL")
    in_flight = "owner IS NOT NULL OR rung_until IS NOT NULL OR slot IS NOT NULL"
    _index("ix_lanes_in_flight", ["portal_id", "account_id"], in_flight)


def downgrade() -> None:
    """Drop them, and put the first index back."""
    op.drop_index("ix_lanes_in_flight", table_name="lanes")
    op.drop_index("ix_lanes_due", table_name="lanes")
    _index("ix_lanes_due", ["due"], "due IS NOT NULL")
    op.drop_column("lanes", "dated")
    op.drop_table("breakers")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "lanes", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
