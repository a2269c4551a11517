"""Bytes that are kept for messaging services, files that came too late, and those that HubSpot has already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EMPTY = sa.text("''")
_NAMED = "sameness <> ''"


def upgrade() -> None:
    """Make the tables and columns."""
    op.create_table(
        "stored_media",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("sameness", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("suffix", sa.Text(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_media")),
    )
    op.create_index("ix_stored_media_kept_until", "stored_media", ["kept_until"])
    op.create_index(op.f("ix_stored_media_sameness"), "stored_media", ["sameness"])
    op.create_table(
        "media_chunks",
        sa.Column("stored_id", _ID, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stored_id"], ["stored_media.id"], name=op.f("fk_media_chunks_stored_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("stored_id", "position", name=op.f("pk_media_chunks")),
    )
    op.add_column("media", sa.Column("kind", sa.String(length=16), server_default=_EMPTY, nullable=False))
    op.add_column("media", sa.Column("stored_id", _ID, nullable=True))
    op.add_column("media", sa.Column("sameness", sa.String(length=64), server_default=_EMPTY, nullable=False))
    op.add_column("media", sa.Column("reused", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("media", sa.Column("late", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_media_stored_id", "media", ["stored_id"])
    op.create_index(
        op.f("ix_media_sameness"), "media", ["sameness"], postgresql_where=sa.text(_NAMED), sqlite_where=sa.text(_NAMED)
    )
    op.add_column("messages", sa.Column("follows", _ID, nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("messages", "follows")
    for name in ("sameness", "stored_id"):
        op.drop_index(f"ix_media_{name}", table_name="media")
    for name in ("late", "reused", "sameness", "stored_id", "kind"):
        op.drop_column("media", name)
    op.drop_table("media_chunks")
    op.drop_index("ix_stored_media_sameness", table_name="stored_media")
    op.drop_index("ix_stored_media_kept_until", table_name="stored_media")
    op.drop_table("stored_media")
