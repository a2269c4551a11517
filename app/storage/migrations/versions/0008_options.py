"""What an account relays beside messages, by an operator's choice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("accounts", sa.Column("options", json, server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("accounts", "options")
