"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: SQLite only counts up by itself in a column of exactly this type.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make every table, those that others point to first."""
    _boots()
    _portals()
    _accounts()
    _envelopes()
    _lanes()
    _threads()
    _messages()
    _thread_aliases()
    _unopened()
    _dead_letters()
    _media()
    _parts()
    _receipts()
    _statuses()
    _attempts()
    _sent_ids()


def downgrade() -> None:
    """Drop every table."""
    for table in (
        "sent_ids",
        "attempts",
        "statuses",
        "receipts",
        "parts",
        "media",
        "dead_letters",
        "unopened",
        "thread_aliases",
        "messages",
        "threads",
        "lanes",
        "envelopes",
        "accounts",
        "portals",
        "boots",
    ):
        op.drop_table(table)


def _boots() -> None:
    op.create_table(
        "boots",
        sa.Column("boot_id", sa.String(length=64), nullable=False),
        sa.Column("epoch_offset", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("boot_id", name=op.f("pk_boots")),
    )


def _portals() -> None:
    op.create_table(
        "portals",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("access_token", sa.Text(), nullable=True),
        sa.Column("access_expires_at", sa.Double(), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("refresh_owner", sa.Text(), nullable=True),
        sa.Column("refresh_lease", sa.Double(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portals")),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("hubspot_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identifier", JSON, nullable=False),
        sa.Column("credentials", sa.Text(), nullable=False),
        sa.Column("credentials_version", sa.Integer(), nullable=False),
        sa.Column("dead_letters", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("service_state", sa.String(length=16), nullable=False),
        sa.Column("service_hint", sa.Text(), nullable=False),
        sa.Column("hubspot_state", sa.String(length=16), nullable=False),
        sa.Column("hubspot_hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["portal_id"], ["portals.id"], name=op.f("fk_accounts_portal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("key", name=op.f("uq_accounts_key")),
        sa.UniqueConstraint(
            "portal_id", "channel_id", "hubspot_id", name=op.f("uq_accounts_portal_id_channel_id_hubspot_id")
        ),
    )


def _envelopes() -> None:
    op.create_table(
        "envelopes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("dedupe", sa.String(length=128), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_envelopes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelopes")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_envelopes_dedupe")),
    )


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease", sa.Double(), nullable=True),
        sa.Column("wake", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Double(), nullable=True),
        sa.Column("rung_until", sa.Double(), nullable=True),
        sa.Column("slot", sa.Double(), nullable=True),
        sa.Column("passed", sa.BigInteger(), nullable=True),
        sa.Column("held_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lanes_account_id")),
        sa.ForeignKeyConstraint(["portal_id"], ["portals.id"], name=op.f("fk_lanes_portal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
        sa.UniqueConstraint("account_id", "kind", "conversation", name=op.f("uq_lanes_account_id_kind_conversation")),
    )
    op.create_index(
        "ix_lanes_due",
        "lanes",
        ["due"],
        unique=False,
        postgresql_where=sa.text("due IS NOT NULL"),
        sqlite_where=sa.text("due IS NOT NULL"),
    )


def _threads() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("person", JSON, nullable=True),
        sa.Column("hubspot_thread_id", sa.Text(), nullable=True),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_threads_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("account_id", "conversation", name=op.f("uq_threads_account_id_conversation")),
    )
    op.create_index(
        op.f("ix_threads_account_id_hubspot_thread_id"), "threads", ["account_id", "hubspot_thread_id"], unique=False
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("lane_id", ID, nullable=False),
        sa.Column("thread_id", sa.String(length=36), nullable=True),
        sa.Column("envelope_id", ID, nullable=True),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("order_key", sa.BigInteger(), nullable=False),
        sa.Column("sender", JSON, nullable=True),
        sa.Column("content", JSON, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("calling", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("hubspot_id", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("accepted_at", sa.Double(), nullable=False),
        sa.Column("deadline_at", sa.Double(), nullable=True),
        sa.Column("not_before", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_messages_account_id")),
        sa.ForeignKeyConstraint(
            ["envelope_id"], ["envelopes.id"], name=op.f("fk_messages_envelope_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("fk_messages_lane_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_messages_thread_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("identity", name=op.f("uq_messages_identity")),
    )
    op.create_index(
        "ix_messages_deadline",
        "messages",
        ["deadline_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending' AND deadline_at IS NOT NULL"),
        sqlite_where=sa.text("status = 'pending' AND deadline_at IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_head",
        "messages",
        ["lane_id", "begun", "order_key", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
        sqlite_where=sa.text("status = 'pending'"),
    )
    op.create_index(op.f("ix_messages_hubspot_id"), "messages", ["hubspot_id"], unique=False)
    op.create_index(op.f("ix_messages_service_id"), "messages", ["service_id"], unique=False)
    op.create_index(op.f("ix_messages_thread_id_id"), "messages", ["thread_id", "id"], unique=False)


def _thread_aliases() -> None:
    op.create_table(
        "thread_aliases",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("integration_thread_id", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_thread_aliases_account_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_thread_aliases_thread_id")),
        sa.PrimaryKeyConstraint("account_id", "integration_thread_id", name=op.f("pk_thread_aliases")),
    )


def _unopened() -> None:
    op.create_table(
        "unopened",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("envelope_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["envelope_id"], ["envelopes.id"], name=op.f("fk_unopened_envelope_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unopened")),
    )
    op.create_index(op.f("ix_unopened_envelope_id"), "unopened", ["envelope_id"], unique=False)
    op.create_index(op.f("ix_unopened_waits_for"), "unopened", ["waits_for"], unique=False)


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("message_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("replayed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_dead_letters_account_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_dead_letters_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(
        op.f("ix_dead_letters_account_id_created_at"), "dead_letters", ["account_id", "created_at"], unique=False
    )


def _media() -> None:
    op.create_table(
        "media",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attachment", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease", sa.Double(), nullable=True),
        sa.Column("due", sa.Double(), nullable=True),
        sa.Column("rung_until", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("hubspot_file_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_media_message_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("message_id", "position", name=op.f("uq_media_message_id_position")),
    )
    op.create_index(
        "ix_media_due",
        "media",
        ["due"],
        unique=False,
        postgresql_where=sa.text("due IS NOT NULL"),
        sqlite_where=sa.text("due IS NOT NULL"),
    )


def _parts() -> None:
    op.create_table(
        "parts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_parts_message_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parts")),
        sa.UniqueConstraint("message_id", "position", name=op.f("uq_parts_message_id_position")),
    )
    op.create_index(op.f("ix_parts_attempt_id"), "parts", ["attempt_id"], unique=False)


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("covers_earlier", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("message_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_receipts_account_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_receipts_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint(
            "account_id",
            "service_id",
            "status",
            "conversation",
            name=op.f("uq_receipts_account_id_service_id_status_conversation"),
        ),
    )
    op.create_index(
        "ix_receipts_unmatched",
        "receipts",
        ["account_id", "service_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NULL"),
        sqlite_where=sa.text("message_id IS NULL"),
    )


def _statuses() -> None:
    op.create_table(
        "statuses",
        sa.Column("message_id", ID, nullable=False),
        sa.Column("lane_id", ID, nullable=False),
        sa.Column("want", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.Double(), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("fk_statuses_lane_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_statuses_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_statuses")),
    )
    op.create_index(
        "ix_statuses_untold",
        "statuses",
        ["lane_id", "message_id"],
        unique=False,
        postgresql_where=sa.text("want > told"),
        sqlite_where=sa.text("want > told"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("part_id", ID, nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_attempts_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_attempts_part_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_message_id"), "attempts", ["message_id"], unique=False)


def _sent_ids() -> None:
    op.create_table(
        "sent_ids",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("part_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sent_ids_account_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_sent_ids_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_sent_ids_part_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "service_id", "conversation", name=op.f("pk_sent_ids")),
    )
    op.create_index(op.f("ix_sent_ids_message_id"), "sent_ids", ["message_id"], unique=False)
