"""Arguments of the controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, RootModel

from app.simulator import seed
from app.simulator.hubspot.errors import ApiError
from app.simulator.world import World


def arguments() -> dict[str, Any]:
    """The request's JSON object; an empty body counts as an empty object.

    Raises:
        ApiError: 400 for anything else.
    """
    given = request.get_json(silent=True, force=True) if request.get_data() else {}
    if not isinstance(given, dict):
        raise ApiError(400, "Send a JSON object.")
    return given


def locked(world: World, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A view around a handler: under the world's lock, its answer as JSON."""

    def view(**path: str) -> Any:
        with world.lock:
            answer = handler(world, **path)
        return answer if isinstance(answer, Response) else jsonify(answer)

    return view


class Given(BaseModel):
    """Arguments of a control; unknown ones are refused, because a test would otherwise pass for the wrong reason."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class RoutesGiven(RootModel[dict[str, list[str]]]):
    """Hosts of webhooks, and the addresses (`name:port`) that take turns for each."""


class InboxGiven(Given):
    """An inbox."""

    id: str
    name: str = "Inbox"
    type: str = "INBOX"


class ContactGiven(Given):
    """A CRM contact."""

    id: str
    name: str = ""
    email: str = ""
    phone: str = ""


class NewContactGiven(ContactGiven):
    """A CRM contact that somebody makes in a portal."""

    portal: str = seed.PORTAL_ID


class PortalGiven(Given):
    """A portal, and with `app` an installation of that app (default: the only one)."""

    id: str
    inboxes: list[InboxGiven] = []
    contacts: list[ContactGiven] = []
    teams: dict[str, str] = {}
    refreshToken: str | None = None  # noqa: N815 - JSON's spelling
    app: str | None = None
    scopes: list[str] = sorted(seed.SCOPES)


class AppGiven(Given):
    """Another developer's app."""

    id: str
    clientId: str  # noqa: N815 - JSON's spelling
    clientSecret: str  # noqa: N815 - likewise
    developerKey: str  # noqa: N815 - likewise
    eventsUrl: str = ""  # noqa: N815 - likewise


class ChannelGiven(Given):
    """A channel."""

    id: str | None = None
    app: str | None = None
    name: str = "Relay"
    webhookUrl: str | None = None  # noqa: N815 - JSON's spelling
    redirectUrl: str | None = None  # noqa: N815 - likewise
    capabilities: dict[str, Any] = seed.CAPABILITIES


class AccountGiven(Given):
    """A channel account with an id of one's choice."""

    id: str | None = None
    portal: str = seed.PORTAL_ID
    channel: str = seed.CHANNEL_ID
    inbox: str = seed.INBOX_ID
    name: str = "Account"
    identifier: dict[str, str] | None = None
    active: bool = True
    authorized: bool = True


class ReplyGiven(Given):
    """What an agent answers; `count` sends it so often, numbered."""

    text: str = ""
    richText: str | None = None  # noqa: N815 - JSON's spelling
    agent: str = ""
    attachments: list[dict[str, Any]] = []
    truncated: bool = False
    inReplyTo: str | None = None  # noqa: N815 - JSON's spelling
    count: int = Field(1, ge=1, le=10_000)


class ShortReplyGiven(Given):
    """One of many answers."""

    thread: str
    text: str


class RepliesGiven(RootModel[list[ShortReplyGiven]]):
    """What agents answer in many threads."""


class AssignmentGiven(Given):
    """Who takes a thread; `agent` is another word for its owner, and an empty text means nobody."""

    owner: str | None = None
    agent: str | None = None
    team: str | None = None


class FileGiven(Given):
    """A file that an agent drops."""

    name: str
    mime: str
    base64: str
    portal: str = ""


class InboxChosen(Given):
    """Where something goes."""

    inbox: str


class ImportsGiven(Given):
    """From where files may be imported."""

    hosts: list[str]
