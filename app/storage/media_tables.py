"""The tables of attachments: their way to the other side, and the bytes that are kept for it."""

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

from app.storage.columns import Id, Json, id_column, metadata

# What was prepared for a messaging service. Two attachments of a portal that become the same share a row.
stored_media = Table(
    "stored_media",
    metadata,
    id_column(),
    # Hashed from the portal, the content before its conversion, and what it was made into; empty
    # until all of it is there, and when it may not be used any more.
    Column("sameness", String(64), nullable=False, default=""),
    Column("kind", String(16), nullable=False, default=""),
    Column("suffix", Text, nullable=False, default=""),
    Column("mime", Text, nullable=False, default=""),
    Column("size", BigInteger, nullable=False, default=0),
    Column("kept_until", Double, nullable=False),
    Index("ix_stored_media_kept_until", "kept_until"),
    Index(None, "sameness"),
)

media_chunks = Table(
    "media_chunks",
    metadata,
    Column("stored_id", Id, ForeignKey("stored_media.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
)

media = Table(
    "media",
    metadata,
    id_column(),
    Column("message_id", Id, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("attachment", Json, nullable=False),
    Column("state", String(16), nullable=False, default="pending"),
    Column("owner", Text),
    Column("lease", Double),
    Column("due", Double),
    Column("rung_until", Double),
    Column("attempts", Integer, nullable=False, default=0),
    Column("hubspot_file_id", Text),
    Column("kind", String(16), nullable=False, default="", server_default=text("''")),
    Column("name", Text, nullable=False, default=""),
    Column("mime", Text, nullable=False, default=""),
    Column("size", BigInteger),
    Column("hint", Text, nullable=False, default=""),
    # The row of ``stored_media`` that has its bytes, of what goes to a service; no key, because its bytes go first.
    Column("stored_id", Id),
    # As in ``stored_media``, of what went to HubSpot.
    Column("sameness", String(64), nullable=False, default="", server_default=text("''")),
    # Another attachment's file in HubSpot was taken for it; once it turned out to be gone, none is taken again.
    Column("reused", Boolean, nullable=False, default=False, server_default=false()),
    # Its message went without it: it becomes a message of its own.
    Column("late", Boolean, nullable=False, default=False, server_default=false()),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    UniqueConstraint("message_id", "position"),
    Index("ix_media_due", "due", postgresql_where=text("due IS NOT NULL"), sqlite_where=text("due IS NOT NULL")),
    Index("ix_media_stored_id", "stored_id"),
    Index(None, "sameness", postgresql_where=text("sameness <> ''"), sqlite_where=text("sameness <> ''")),
)
