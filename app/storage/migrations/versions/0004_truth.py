"""Messages of our own side, what HubSpot tells of conversations, and when a message's content was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns, the index and the tables. Releases before this one leave the columns as they are."""
    op.add_column("messages", sa.Column("own", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("messages", sa.Column("erased_at", sa.Double(), nullable=True))
    op.create_index(
        "ix_messages_own",
        "messages",
        ["thread_id"],
        postgresql_where=sa.text("own"),
        sqlite_where=sa.text("own = 1"),
    )
    op.create_table(
        "former_threads",
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("hubspot_thread_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_former_threads_thread_id")),
        sa.PrimaryKeyConstraint("thread_id", "hubspot_thread_id", name=op.f("pk_former_threads")),
    )
    op.create_index(op.f("ix_former_threads_hubspot_thread_id"), "former_threads", ["hubspot_thread_id"])
    op.create_table(
        "conversation_states",
        sa.Column("portal_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hubspot_thread_id", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "hubspot_thread_id", "name", name=op.f("pk_conversation_states")),
    )
    op.create_index(op.f("ix_conversation_states_received_at"), "conversation_states", ["received_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("conversation_states")
    op.drop_table("former_threads")
    op.drop_index("ix_messages_own", table_name="messages")
    op.drop_column("messages", "erased_at")
    op.drop_column("messages", "own")
