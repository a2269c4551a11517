"""Contacts and actors of HubSpot, what an account does with them, and when an alias of a thread was learnt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the columns."""
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "contacts",
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("account_id", id_type, nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("told_in", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("without", id_type, nullable=True),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_contacts_thread_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_contacts_account_id")),
        sa.PrimaryKeyConstraint("thread_id", "person", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_account_id_phone"), "contacts", ["account_id", "phone"])
    op.create_index(op.f("ix_contacts_account_id_email"), "contacts", ["account_id", "email"])
    op.create_table(
        "actors",
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fresh_until", sa.Double(), nullable=True),
        sa.Column("asked_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["portal_id"], ["portals.id"], name=op.f("fk_actors_portal_id")),
        sa.PrimaryKeyConstraint("portal_id", "actor_id", name=op.f("pk_actors")),
    )
    op.add_column("accounts", sa.Column("contacts", sa.String(length=8), server_default="off", nullable=False))
    op.add_column("accounts", sa.Column("agent_names", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("thread_aliases", sa.Column("learned_at", sa.Double(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("thread_aliases", "learned_at")
    op.drop_column("accounts", "agent_names")
    op.drop_column("accounts", "contacts")
    op.drop_table("actors")
    op.drop_index(op.f("ix_contacts_account_id_email"), table_name="contacts")
    op.drop_index(op.f("ix_contacts_account_id_phone"), table_name="contacts")
    op.drop_table("contacts")
