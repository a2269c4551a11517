"""The tables of who is connected: portals, their channel accounts, and what stops them. See ``tables``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from app.storage.columns import Id, Json, account_column, id_column, metadata

portals = Table(
    "portals",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, default=""),
    Column("refresh_token", Text, nullable=False),
    Column("access_token", Text),
    Column("access_expires_at", Double),
    Column("token_version", Integer, nullable=False, default=0),
    Column("refresh_owner", Text),
    Column("refresh_lease", Double),
    Column("state", String(16), nullable=False, default="running"),
    Column("hint", Text, nullable=False, default=""),
    Column("full", Boolean, nullable=False, default=False),
    Column("created_at", Double, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("key", String(64), nullable=False, unique=True),
    Column("connector", String(32), nullable=False),
    Column("portal_id", BigInteger, ForeignKey("portals.id"), nullable=False),
    Column("channel_id", Text, nullable=False),
    Column("hubspot_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("identifier", Json, nullable=False),
    Column("credentials", Text, nullable=False),
    Column("credentials_version", Integer, nullable=False, default=1),
    Column("dead_letters", String(8), nullable=False, default="skip"),
    Column("contacts", String(8), nullable=False, default="off", server_default="off"),
    Column("agent_names", Boolean, nullable=False, default=False, server_default=false()),
    # Only what an operator has switched: what is missing is as the release has it.
    Column("options", Json, nullable=False, server_default=text("'{}'")),
    Column("state", String(16), nullable=False, default="running"),
    Column("hint", Text, nullable=False, default=""),
    # The two sides pause apart: a revoked bot token must not stop what customers write from reaching HubSpot.
    Column("service_state", String(16), nullable=False, default="running"),
    Column("service_hint", Text, nullable=False, default=""),
    Column("hubspot_state", String(16), nullable=False, default="running"),
    Column("hubspot_hint", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("inbox_id", Text, nullable=False, server_default=text("''")),
    Column("inbox_type", Text, nullable=False, server_default=text("''")),
    # What HubSpot shall hold of the service's credentials: the last word that was sent on its way there.
    Column("authorized", Boolean, nullable=False, server_default=text("true")),
    # HubSpot's word for the account, where it is another than its service's.
    Column("hubspot_identifier", Json),
    Column("removed_at", Double),
    Column("state_before", String(16), nullable=False, server_default="running"),
    UniqueConstraint("portal_id", "channel_id", "hubspot_id"),
)

former_accounts = Table(
    "former_accounts",
    metadata,
    # HubSpot's ids of accounts that it has made anew under another one, for events and messages that come late.
    Column("portal_id", BigInteger, ForeignKey("portals.id"), primary_key=True),
    Column("channel_id", Text, primary_key=True),
    Column("hubspot_id", Text, primary_key=True),
    account_column(),
)

breakers = Table(
    "breakers",
    metadata,
    # An account's id for its two sides, a portal's for the portal.
    Column("scope", String(8), primary_key=True),
    Column("scope_id", BigInteger, primary_key=True, autoincrement=False),
    Column("failed_lanes", Json, nullable=False),
    Column("refused", Boolean, nullable=False, default=False),
    Column("hint", Text, nullable=False, default=""),
    Column("opened_at", Double),
    Column("probe_at", Double),
    Column("probe_lane", Id),
    Column("last_probe_lane", Id),
    Column("probes", Integer, nullable=False, default=0),
)
