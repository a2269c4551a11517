"""A relay between two small servers of ours: no worker and no receiver runs, a test calls what they would call."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from app.domain.person import Identifier
from app.domain.webhook import RawRequest
from app.relay import accept
from app.relay.services import Services, build
from app.storage import accounts, portals
from app.storage.accounts import AccountRow, NewAccount
from tests.app.relay.world import basic_settings, hubspot_headers

PORTAL, CHANNEL, ACCOUNT = 4711, "7", "70"
_SECRET = "signing-secret-of-the-bridge"


class OtherSide:
    """HubSpot's API and the loopback service's in one server, as far as the engine calls them.

    ``sent`` is called with the id of each message before its answer leaves; ``refuse`` says with which status a call
    is refused, by its path and body, None: not at all.
    """

    def __init__(
        self,
        *,
        sent: Callable[[str], None] = lambda _id: None,
        refuse: Callable[[str, Any], int | None] = lambda _path, _body: None,
    ) -> None:
        self._numbers = itertools.count(1)
        self._sent, self._refuse = sent, refuse
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        refused = self._refuse(path, body)
        if refused is not None:
            return refused, {"error": "refused", "message": "refused"}
        number = f"s{next(self._numbers)}"
        if "/token" in path:
            return 200, {"access_token": number, "refresh_token": "refresh", "expires_in": 1800}
        if path.startswith("/loopback"):
            self._sent(number)
        return 201, {"id": number, "time": _now(), "conversationsThreadId": "t1"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        side = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(content) if content[:1] == b"{" else None
                status, answer = side.answer(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_PATCH(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class Bridge:
    """The relay, and what the two sides send to it."""

    def __init__(self, services: Services, account: AccountRow) -> None:
        self.services = services
        self.account = account
        self._numbers = itertools.count(1)

    def from_loopback(self, *events: dict[str, Any]) -> None:
        """Accept one signed delivery of the service."""
        body = json.dumps({"id": f"d{next(self._numbers)}", "events": events}).encode()
        signature = hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
        raw = RawRequest("POST", "", headers={"x-loopback-signature": signature}, body=body)
        accept.accept_service(self.services, "loopback", self.account.key, raw)

    def from_hubspot(self, *events: dict[str, Any]) -> None:
        """Accept one signed request of HubSpot's."""
        body, url = json.dumps(events).encode(), f"{self.services.settings.public_url}/webhooks/hubspot"
        headers = {name.lower(): value for name, value in hubspot_headers(url, body).items()}
        accept.accept_hubspot(self.services, RawRequest("POST", url, headers=headers, body=body))

    def said(self, conversation: str, text: str = "Hello?") -> dict[str, Any]:
        """A customer's message."""
        sender = {"id": conversation, "name": "Dana"}
        known = {"id": f"m{next(self._numbers)}", "conversation": conversation, "sender": sender, "text": text}
        return {"type": "message", "time": _now(), **known}

    def answered(self, conversation: str, text: str = "Hello Dana") -> dict[str, Any]:
        """An agent's message."""
        recipient = {"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": conversation}}
        message = {
            "id": f"h{next(self._numbers)}",
            "channelAccountId": ACCOUNT,
            "conversationsThreadId": f"of {conversation}",
            "createdAt": _now(),
            "text": text,
            "recipients": [recipient],
        }
        kind = "OUTGOING_CHANNEL_MESSAGE_CREATED"
        return {"type": kind, "portalId": PORTAL, "channelId": CHANNEL, "eventTimestamp": _now(), "message": message}


def receipt(message: str, status: str = "read") -> dict[str, Any]:
    """What the service reports about a message of ours."""
    return {"type": "receipt", "message": message, "conversation": "", "time": _now(), "status": status}


@contextmanager
def bridge(
    folder: Path, environment: pytest.MonkeyPatch, database_url: str, side: OtherSide, **overrides: Any
) -> Iterator[Bridge]:
    """Build a relay with one portal and one loopback account on a migrated database."""
    environment.setenv("RELAY_LOOPBACK_API_URL", f"{side.url}/loopback")
    settings = basic_settings(folder, database_url=database_url, hubspot_api_url=side.url, **overrides)
    services = build(settings)
    try:
        yield Bridge(services, _connect(services))
    finally:
        services.close()


def _connect(services: Services) -> AccountRow:
    new = NewAccount(
        connector="loopback",
        portal_id=PORTAL,
        channel_id=CHANNEL,
        hubspot_id=ACCOUNT,
        name="Shop",
        identifier=Identifier(value="shop"),
        credentials=services.vault.seal(json.dumps({"token": "token-of-the-bridge", "secret": _SECRET})),
    )
    with services.database.write() as connection:
        portals.add(connection, PORTAL, name="Test", refresh_token=services.vault.seal("refresh"))
        return accounts.add(connection, new)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
