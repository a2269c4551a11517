"""Which messages of a service have become one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.columns import Id

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "album_items",
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("envelope_id", Id, nullable=True),
        sa.Column("album", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_album_items_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["envelope_id"], ["envelopes.id"], name=op.f("fk_album_items_envelope_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_album_items")),
    )
    op.create_index(op.f("ix_album_items_message_id"), "album_items", ["message_id"])
    op.create_index(op.f("ix_album_items_album"), "album_items", ["album"])
    op.create_index(op.f("ix_album_items_service_id"), "album_items", ["service_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("album_items")
