"""One handler, many addresses: every published version of an API works on the same state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.simulator.hubspot import auth, limits
from app.simulator.hubspot.errors import bad_path_id
from app.simulator.hubspot.state import HubSpotState, Portal
from app.simulator.world import World

# [D] The published addresses, section by section of the facts: version -> base path.
CHANNELS = {
    "v3": "/conversations/v3/custom-channels",
    "v3-alias": "/conversations/custom-channels/v3",
    "2025-09": "/conversations/custom-channels/2025-09",
    "2026-03": "/conversations/custom-channels/2026-03",
    "2026-09": "/conversations/custom-channels/2026-09",
}
CONVERSATIONS = {
    "v3": "/conversations/v3/conversations",
    "v3-alias": "/conversations/conversations/v3",
    "2026-09-beta": "/conversations/conversations/2026-09-beta",
    "2026-09": "/conversations/conversations/2026-09",
}
# [I] the dated form, after that of the other CRM objects
CRM = {"v3": "/crm/v3/objects", "2026-03": "/crm/objects/2026-03", "2026-09": "/crm/objects/2026-09"}
FILES = {"v3": "/files/v3/files", "2026-03": "/files/2026-03/files", "2026-09-beta": "/files/2026-09-beta/files"}

# Path parameters that HubSpot parses as numbers: ours -> the name in its error.
NUMBERS = {
    "channel_id": "channelId",
    "account_id": "channelAccountId",
    "inbox_id": "inboxId",
    "file_id": "fileId",
    "thread_id": "threadId",
}

READ = "conversations.custom_channels.read"
WRITE = "conversations.custom_channels.write"
EITHER = frozenset({READ, WRITE})


class Auth(Enum):
    """What an endpoint asks for."""

    DEVELOPER_KEY = "key"
    BEARER = "bearer"


@dataclass(frozen=True)
class Call:
    """One authenticated request. `portal_id` is empty for developer-key calls."""

    world: World
    version: str
    app_id: str
    portal_id: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def state(self) -> HubSpotState:
        """HubSpot's memory."""
        return self.world.hubspot

    @property
    def portal(self) -> Portal:
        """The portal of the bearer token."""
        return self.world.hubspot.portals[self.portal_id]


Handler = Callable[..., Any]


class Router:
    """Registers handlers on a blueprint, with authentication, limits and the world's lock around them."""

    def __init__(self, blueprint: Blueprint, world: World) -> None:
        self._blueprint = blueprint
        self._world = world

    def add(
        self,
        method: str,
        bases: Mapping[str, str],
        suffix: str,
        handler: Handler,
        *,
        auth: Auth = Auth.BEARER,
        scopes: frozenset[str] = frozenset(),
    ) -> None:
        """Answer `method` under every base + suffix.

        The handler gets a `Call` and the path's parameters; it returns a body (200), (body, status) or a Response.
        """
        for version, base in bases.items():
            self._blueprint.add_url_rule(
                base + suffix,
                endpoint=f"{method} {base}{suffix}".replace(".", "_"),
                view_func=self._view(version.removesuffix("-alias"), handler, auth, scopes=scopes),
                methods=[method],
                strict_slashes=False,
            )

    def _view(self, version: str, handler: Handler, kind: Auth, *, scopes: frozenset[str]) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            request.get_data(parse_form_data=True)  # before the lock: a large file's sender holds up nobody else
            with self._world.lock:
                call = self._authenticate(version, kind, scopes)
                for name in path.keys() & NUMBERS.keys():
                    if not path[name].isdecimal():
                        raise bad_path_id(NUMBERS[name])
                return _answer(handler(call, **path))

        return view

    def _authenticate(self, version: str, kind: Auth, scopes: frozenset[str]) -> Call:
        if kind is Auth.DEVELOPER_KEY:
            return Call(self._world, version, auth.developer(self._world).id)
        token = auth.bearer(self._world, scopes)
        limits.charge(self._world, token.app_id, token.portal_id)
        return Call(self._world, version, token.app_id, token.portal_id, token.scopes)


def created(body: dict[str, Any], location: str) -> Response:
    """A 201 with its Location header."""
    response = jsonify(body)
    response.status_code = 201
    response.headers["Location"] = location
    return response


def no_content() -> Response:
    """A 204."""
    return Response(status=204)


def _answer(result: Any) -> Response:
    if isinstance(result, Response):
        return result
    return jsonify(result)
