"""What HubSpot tells us about channels, accounts and messages, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field

from app.domain.status import Status
from app.hubspot.payloads import AnyIdentifier, Flag, Id, Object, Objects, Payload, Text, read_object, read_text

#: HubSpot's statuses of a message. It says RECEIVED of what reached its inbox.
STATUSES: Final = {
    "SENT": Status.SENT,
    "READ": Status.READ,
    "FAILED": Status.FAILED,
    "RECEIVED": Status.DELIVERED,
}


@dataclass(frozen=True)
class Rate:
    """What HubSpot's headers say about a portal's budget: ``remaining`` of ``limit`` calls in ``window`` seconds."""

    limit: int
    remaining: int
    window: float


@dataclass(frozen=True)
class Published:
    """HubSpot has the message. Its ids are None where the answer did not tell them (a repetition may not)."""

    message_id: str | None = None
    thread_id: str | None = None


class Channel(Payload):
    """A registered channel."""

    id: Id
    name: Text = ""
    webhook_url: Text = ""
    redirect_url: Text = Field(default="", validation_alias="channelAccountConnectionRedirectUrl")
    description: Text = Field(default="", validation_alias="channelDescription")
    logo_url: Text = Field(default="", validation_alias="channelLogoUrl")
    capabilities: Object = Field(default_factory=dict)


class ChannelAccount(Payload):
    """A channel account at HubSpot. ``active`` is the user's switch, ``authorized`` ours."""

    id: Id
    channel_id: Text = ""
    inbox_id: Text = ""
    name: Text = ""
    active: Flag = False
    authorized: Flag = False
    archived: Flag = False
    identifier: AnyIdentifier = Field(default=None, validation_alias="deliveryIdentifier")


class Inbox(Payload):
    """An inbox or a help desk: ``type`` is INBOX or HELP_DESK."""

    id: Id
    name: Text = ""
    type: Text = ""


def _read_status(value: object) -> dict[str, Any]:
    """A status is an object in answers and a bare word in HubSpot's guide."""
    return value if isinstance(value, dict) else {"statusType": value}


class _FailureDetails(Payload):
    error_message: Text = ""


class _StatusBody(Payload):
    status_type: Text = ""
    failure_details: Annotated[_FailureDetails, BeforeValidator(read_object)] = _FailureDetails()


class StoredMessage(Payload):
    """A message as HubSpot keeps it."""

    id: Id
    thread_id: Text = Field(default="", validation_alias="conversationsThreadId")
    channel_account_id: Text = ""
    text: Text = ""
    raw_status: Annotated[_StatusBody, BeforeValidator(_read_status)] = Field(_StatusBody(), validation_alias="status")

    @property
    def status(self) -> Status | None:
        """The status, None when HubSpot tells none that we know."""
        return STATUSES.get(self.raw_status.status_type)

    @property
    def sentence(self) -> str:
        """What agents read about a failure."""
        return self.raw_status.failure_details.error_message


class OriginalContent(Payload):
    """The whole text of a message that an event carried truncated."""

    text: Text = ""
    html: Text = Field(default="", validation_alias="richText")


class Page(BaseModel):
    """One page of a listing, with the cursor of the next."""

    results: Objects = []
    after: str = ""


def read_page(body: Mapping[str, Any]) -> Page:
    """Read a listing's answer."""
    following = read_object(read_object(body.get("paging")).get("next"))
    return Page.model_validate({"results": body.get("results"), "after": read_text(following.get("after"))})


def read_published(body: Mapping[str, Any] | None) -> Published:
    """Read the answer to a publication, which may be missing or hold no ids."""
    fields = body or {}
    return Published(read_text(fields.get("id")) or None, read_text(fields.get("conversationsThreadId")) or None)


def read_rate(headers: Mapping[str, str]) -> Rate | None:
    """Read the rate limit's headers (lower-case names); None where they are missing, as on some calls they are."""
    names = ("max", "remaining", "interval-milliseconds")
    values = [headers.get(f"x-hubspot-ratelimit-{name}", "") for name in names]
    if not all(value.isdecimal() for value in values):
        return None
    limit, remaining, interval = map(int, values)
    return Rate(limit=limit, remaining=remaining, window=interval / 1000)
