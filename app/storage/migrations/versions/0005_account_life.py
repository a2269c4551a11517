"""Where an account is in HubSpot, what HubSpot holds of its credentials, when it was removed, and its former ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the columns and the table."""
    op.add_column("accounts", sa.Column("inbox_id", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("accounts", sa.Column("inbox_type", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("accounts", sa.Column("authorized", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    identifier = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("accounts", sa.Column("hubspot_identifier", identifier, nullable=True))
    op.add_column("accounts", sa.Column("removed_at", sa.Double(), nullable=True))
    state = sa.Column("state_before", sa.String(length=16), server_default="running", nullable=False)
    op.add_column("accounts", state)
    op.create_table(
        "former_accounts",
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("hubspot_id", sa.Text(), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["portal_id"], ["portals.id"], name=op.f("fk_former_accounts_portal_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_former_accounts_account_id")),
        sa.PrimaryKeyConstraint("portal_id", "channel_id", "hubspot_id", name=op.f("pk_former_accounts")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("former_accounts")
    for name in ("state_before", "removed_at", "hubspot_identifier", "authorized", "inbox_type", "inbox_id"):
        op.drop_column("accounts", name)
