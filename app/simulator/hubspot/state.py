"""What the simulated HubSpot remembers. Times are seconds since the epoch; ids are strings as in HubSpot's JSON."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.simulator.hubspot.grants import AccessToken, AuthorizationCode, RefreshToken
from app.simulator.hubspot.import_tasks import ImportTask
from app.simulator.hubspot.observed import Observations


class Direction(StrEnum):
    """Seen from HubSpot."""

    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


class StatusType(StrEnum):
    """Of a message. RECEIVED is that of incoming ones and cannot be set."""

    RECEIVED = "RECEIVED"
    SENT = "SENT"
    READ = "READ"
    FAILED = "FAILED"


class ThreadStatus(StrEnum):
    """Of a thread."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class Access(StrEnum):
    """Of a file. Only the public ones open under their plain url."""

    PUBLIC_INDEXABLE = "PUBLIC_INDEXABLE"
    PUBLIC_NOT_INDEXABLE = "PUBLIC_NOT_INDEXABLE"
    PRIVATE = "PRIVATE"
    HIDDEN_INDEXABLE = "HIDDEN_INDEXABLE"
    HIDDEN_NOT_INDEXABLE = "HIDDEN_NOT_INDEXABLE"
    HIDDEN_PRIVATE = "HIDDEN_PRIVATE"
    HIDDEN_SENSITIVE = "HIDDEN_SENSITIVE"
    SENSITIVE = "SENSITIVE"


@dataclass(frozen=True)
class Identifier:
    """A delivery identifier."""

    type: str
    value: str

    def as_json(self) -> dict[str, str]:
        """HubSpot's object form."""
        return {"type": self.type, "value": self.value}


@dataclass
class App:
    """A developer's app. `events_url` receives the conversation subscriptions."""

    id: str
    client_id: str
    client_secret: str
    developer_key: str
    events_url: str = ""
    redirect_urls: frozenset[str] = frozenset()


@dataclass
class Inbox:
    """An inbox or help desk."""

    id: str
    name: str
    type: str = "INBOX"


@dataclass
class Actor:
    """Somebody who takes part: an agent (A-), a visitor (V-), an integration (I-)."""

    id: str
    type: str
    name: str = ""
    email: str = ""


@dataclass
class Contact:
    """A CRM contact."""

    id: str
    name: str = ""
    email: str = ""
    phone: str = ""
    created_at: float = 0.0


@dataclass
class Portal:
    """A customer's account."""

    id: str
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    # Team id -> name.
    teams: dict[str, str] = field(default_factory=dict)
    # Links that an agent or the API made: identifier -> contact id.
    links: dict[Identifier, str] = field(default_factory=dict)
    visitors: dict[Identifier, str] = field(default_factory=dict)
    # When the searches of the last second were.
    searches: deque[float] = field(default_factory=deque)


@dataclass
class Channel:
    """A registered channel."""

    id: str
    app_id: str
    name: str
    capabilities: dict[str, Any]
    webhook_url: str | None
    redirect_url: str | None
    description: str | None
    logo_url: str | None
    created_at: float


@dataclass
class Account:
    """A channel account."""

    id: str
    channel_id: str
    portal_id: str
    inbox_id: str
    name: str
    identifier: Identifier | None
    created_at: float
    active: bool = True
    authorized: bool = True
    archived_at: float | None = None


@dataclass
class Participant:
    """A sender or recipient of a message."""

    identifier: Identifier | None
    name: str | None = None
    actor_id: str | None = None


@dataclass
class Message:
    """A message of a thread; `type` is MESSAGE, COMMENT or a note about the thread (`extra` holds its fields)."""

    id: str
    thread_id: str
    account_id: str
    channel_id: str
    direction: Direction
    text: str
    created_at: float
    created_by: str
    received_at: float
    type: str = "MESSAGE"
    rich_text: str | None = None
    senders: list[Participant] = field(default_factory=list)
    recipients: list[Participant] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    status: StatusType | None = None
    failure: str | None = None
    status_patches: list[str] = field(default_factory=list)
    in_reply_to: str | None = None
    idempotency_id: str | None = None
    integration_app_id: str | None = None
    truncation: str = "NOT_TRUNCATED"
    original_text: str | None = None
    updated_at: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Thread:
    """A conversation."""

    id: str
    portal_id: str
    inbox_id: str
    account_id: str
    channel_id: str
    created_at: float
    customer: Identifier | None = None
    customer_name: str = ""
    visitor_id: str = ""
    contact_id: str | None = None
    # A link of this conversation alone.
    linked_contact: str | None = None
    status: ThreadStatus = ThreadStatus.OPEN
    integration_ids: list[str] = field(default_factory=list)
    merged_into: str | None = None
    closed_at: float | None = None
    archived: bool = False
    assigned_to: str | None = None
    team_id: str | None = None
    ticket_id: str | None = None
    messages: list[Message] = field(default_factory=list)


@dataclass
class StoredFile:
    """A file. `secret` is the unguessable part of its address."""

    id: str
    portal_id: str
    name: str
    mime: str
    content: bytes
    access: Access
    secret: str
    created_at: float
    folder: str = "/"
    expires_at: float | None = None
    signed: dict[str, float] = field(default_factory=dict)


@dataclass
class StagingToken:
    """What the connection pop-up fills."""

    token: str
    channel_id: str
    portal_id: str
    inbox_id: str
    created_at: float
    account_name: str | None = None
    identifier: Identifier | None = None
    used: bool = False
    closed: bool = False


@dataclass
class HubSpotState:
    """All of it."""

    apps: dict[str, App] = field(default_factory=dict)
    portals: dict[str, Portal] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    # (account id, idempotency id) -> message id
    idempotency: dict[tuple[str, str], str] = field(default_factory=dict)
    # (scope id, integration thread id) -> thread id
    integration_threads: dict[tuple[str, str], str] = field(default_factory=dict)
    # (account id, customer's identifier) -> thread id
    identifier_threads: dict[tuple[str, Identifier], str] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    imports: dict[str, ImportTask] = field(default_factory=dict)
    # Hosts (`name:port`) from which files may be imported; the simulator fetches from nowhere else.
    importable_hosts: set[str] = field(default_factory=set)
    staging: dict[str, StagingToken] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    observed: Observations = field(default_factory=Observations)
