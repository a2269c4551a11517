"""Every table. Times are seconds since 1970 by the database's clock (``clock.now``), durations seconds.

A row's road: an envelope is what arrived; its messages stand in lanes; a message becomes parts, one call each; every
call is an attempt. ``migrations/`` makes these tables; a test holds both together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from app.storage.account_tables import accounts, breakers, former_accounts, portals
from app.storage.columns import Id, Json, account_column, id_column, metadata
from app.storage.media_tables import media, media_chunks, stored_media

__all__ = [
    "accounts",
    "actors",
    "album_items",
    "attempts",
    "boots",
    "breakers",
    "contacts",
    "conversation_states",
    "dead_letters",
    "envelopes",
    "former_accounts",
    "former_threads",
    "lanes",
    "media",
    "media_chunks",
    "messages",
    "metadata",
    "parts",
    "portals",
    "receipts",
    "sent_ids",
    "statuses",
    "stored_media",
    "thread_aliases",
    "threads",
    "unopened",
]

threads = Table(
    "threads",
    metadata,
    Column("id", String(36), primary_key=True),
    account_column(),
    Column("conversation", Text, nullable=False),
    Column("person", Json),
    Column("hubspot_thread_id", Text),
    Column("opted_out", Boolean, nullable=False, default=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("account_id", "conversation"),
    Index(None, "account_id", "hubspot_thread_id"),
)

thread_aliases = Table(
    "thread_aliases",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("integration_thread_id", Text, primary_key=True),
    Column("thread_id", String(36), ForeignKey("threads.id"), nullable=False),
    # NULL in rows of an older release; the newest is the one that HubSpot goes by.
    Column("learned_at", Double),
)

contacts = Table(
    "contacts",
    metadata,
    Column("thread_id", String(36), ForeignKey("threads.id"), primary_key=True),
    # The value of the person's identifier: in a group each of them is somebody else.
    Column("person", Text, primary_key=True),
    account_column(),
    Column("phone", Text),
    Column("email", Text),
    Column("state", String(8), nullable=False, default="new"),
    Column("contact_id", BigInteger),
    Column("told_in", Text),
    Column("asked_at", Double),
    Column("without", Id),
    Index(None, "account_id", "phone"),
    Index(None, "account_id", "email"),
)

actors = Table(
    "actors",
    metadata,
    Column("portal_id", BigInteger, ForeignKey("portals.id"), primary_key=True),
    Column("actor_id", Text, primary_key=True),
    Column("name", Text, nullable=False, default=""),
    Column("fresh_until", Double),
    Column("asked_until", Double),
)

# The ids that HubSpot gave a thread before its present one.
former_threads = Table(
    "former_threads",
    metadata,
    Column("thread_id", String(36), ForeignKey("threads.id"), primary_key=True),
    Column("hubspot_thread_id", Text, primary_key=True, index=True),
)

# What HubSpot tells of conversations, whether we know them yet or not: events may be faster than our own answers.
conversation_states = Table(
    "conversation_states",
    metadata,
    Column("portal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hubspot_thread_id", Text, primary_key=True),
    Column("name", String(16), primary_key=True),
    Column("value", Text, nullable=False, default=""),
    Column("occurred_at", Double, nullable=False),
    Column("received_at", Double, nullable=False, index=True),
)

lanes = Table(
    "lanes",
    metadata,
    id_column(),
    account_column(),
    Column("portal_id", BigInteger, ForeignKey("portals.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("conversation", Text, nullable=False, default=""),
    Column("owner", Text),
    Column("lease", Double),
    Column("wake", BigInteger, nullable=False, default=0),
    Column("due", Double),
    Column("rung_until", Double),
    Column("slot", Double),
    Column("passed", BigInteger),
    Column("dated", Double),
    Column("held_by", Id),
    UniqueConstraint("account_id", "kind", "conversation"),
    Index(
        "ix_lanes_due",
        "account_id",
        "kind",
        "due",
        postgresql_where=text("due IS NOT NULL"),
        sqlite_where=text("due IS NOT NULL"),
    ),
    # What the scheduler counts at every look: few lanes, however many are due.
    Index(
        "ix_lanes_in_flight",
        "portal_id",
        "account_id",
        postgresql_where=text("owner IS NOT NULL OR rung_until IS NOT NULL OR slot IS NOT NULL"),
        sqlite_where=text("owner IS NOT NULL OR rung_until IS NOT NULL OR slot IS NOT NULL"),
    ),
)

envelopes = Table(
    "envelopes",
    metadata,
    id_column(),
    Column("source", String(32), nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id")),
    Column("dedupe", String(128), nullable=False, unique=True),
    Column("method", String(8), nullable=False),
    Column("url", Text, nullable=False),
    Column("path", Text, nullable=False, default=""),
    Column("query", Text, nullable=False, default=""),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Double, nullable=False),
)

unopened = Table(
    "unopened",
    metadata,
    id_column(),
    Column("envelope_id", Id, ForeignKey("envelopes.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("waits_for", Text, index=True),
    Column("raw", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    account_column(),
    Column("lane_id", Id, ForeignKey("lanes.id"), nullable=False),
    Column("thread_id", String(36), ForeignKey("threads.id")),
    Column("envelope_id", Id, ForeignKey("envelopes.id", ondelete="SET NULL")),
    Column("direction", String(8), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("service_id", Text, nullable=False),
    Column("revision", Text, nullable=False, default=""),
    Column("identity", String(64), nullable=False, unique=True),
    Column("order_key", BigInteger, nullable=False),
    Column("sender", Json),
    Column("content", Json, nullable=False),
    Column("status", String(16), nullable=False, default="pending"),
    Column("begun", Boolean, nullable=False, default=False),
    Column("late", Boolean, nullable=False, default=False),
    # Written on our side of the service: HubSpot is shown it as sent by us.
    Column("own", Boolean, nullable=False, default=False, server_default=false()),
    Column("calling", String(32)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("crashes", Integer, nullable=False, default=0),
    Column("reason", Text, nullable=False, default=""),
    Column("hint", Text, nullable=False, default=""),
    Column("hubspot_id", Text, index=True),
    # The message that went without the file which this one brings.
    Column("follows", Id),
    Column("sent_at", Double, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("deadline_at", Double),
    Column("not_before", Double),
    Column("finished_at", Double),
    Column("erased_at", Double),
    Index(
        "ix_messages_head",
        "lane_id",
        "begun",
        "order_key",
        "id",
        postgresql_where=text("status = 'pending'"),
        sqlite_where=text("status = 'pending'"),
    ),
    Index(
        "ix_messages_deadline",
        "deadline_at",
        postgresql_where=text("status = 'pending' AND deadline_at IS NOT NULL"),
        sqlite_where=text("status = 'pending' AND deadline_at IS NOT NULL"),
    ),
    Index(None, "thread_id", "id"),
    Index(None, "service_id"),
    # Looked through for each of an agent's messages: whether HubSpot tells us of what we published ourselves.
    Index("ix_messages_own", "thread_id", postgresql_where=text("own"), sqlite_where=text("own = 1")),
)

# What a service tells as several messages and we as one: each item's own id and identity.
album_items = Table(
    "album_items",
    metadata,
    Column("identity", String(64), primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("envelope_id", Id, ForeignKey("envelopes.id", ondelete="SET NULL")),
    Column("album", Text, nullable=False, index=True),
    Column("service_id", Text, nullable=False, index=True),
)

parts = Table(
    "parts",
    metadata,
    id_column(),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("content", Json, nullable=False),
    Column("state", String(16), nullable=False, default="pending"),
    Column("attempt_id", String(32), index=True),
    UniqueConstraint("message_id", "position"),
)

sent_ids = Table(
    "sent_ids",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("service_id", Text, primary_key=True),
    Column("conversation", Text, primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("part_id", Id, ForeignKey("parts.id", ondelete="CASCADE"), nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("part_id", Id, ForeignKey("parts.id", ondelete="CASCADE")),
    Column("purpose", String(16), nullable=False),
    Column("worker", Text, nullable=False, default=""),
    Column("started_at", Double, nullable=False),
    Column("duration", Double),
    Column("outcome", String(16), nullable=False, default="calling"),
    Column("code", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
)

receipts = Table(
    "receipts",
    metadata,
    id_column(),
    account_column(),
    Column("conversation", Text, nullable=False, default=""),
    Column("service_id", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("covers_earlier", Boolean, nullable=False, default=False),
    Column("at", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE")),
    UniqueConstraint("account_id", "service_id", "status", "conversation"),
    Index(
        "ix_receipts_unmatched",
        "account_id",
        "service_id",
        postgresql_where=text("message_id IS NULL"),
        sqlite_where=text("message_id IS NULL"),
    ),
)

statuses = Table(
    "statuses",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("lane_id", Id, ForeignKey("lanes.id"), nullable=False),
    Column("want", Integer, nullable=False),
    Column("told", Integer, nullable=False, default=0),
    Column("sentence", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("wanted_at", Double, nullable=False),
    Column("told_at", Double),
    Index(
        "ix_statuses_untold",
        "lane_id",
        "message_id",
        postgresql_where=text("want > told"),
        sqlite_where=text("want > told"),
    ),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    account_column(),
    Column("reason", Text, nullable=False),
    Column("hint", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("replayed_at", Double),
    Index(None, "account_id", "created_at"),
)

boots = Table(
    "boots",
    metadata,
    Column("boot_id", String(64), primary_key=True),
    Column("epoch_offset", Double, nullable=False),
)

reconciled = Table(
    "reconciled",
    metadata,
    Column("portal_id", BigInteger, ForeignKey("portals.id"), primary_key=True, autoincrement=False),
    Column("owner", Text),
    Column("lease", Double),
    # Everything before this time was compared; ``ran_at`` is when the last comparison ended, however it did.
    Column("until", Double),
    Column("ran_at", Double),
    # A comparison that somebody asks for, and from when on.
    Column("wanted_at", Double),
    Column("wanted_since", Double),
    Column("reason", Text, nullable=False, default=""),
    # The oldest message that was left because of its age.
    Column("oldest_left", Double),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("since", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("seen", BigInteger, nullable=False, default=0),
)
