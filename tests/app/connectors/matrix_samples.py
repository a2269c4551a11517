"""What a homeserver sends, for this connector's own tests and for the conformance suite.

The payloads beside it were recorded from Synapse 1.163.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import JsonValue, SecretStr

from app.conformance.samples import Batch, Samples
from app.connectors.matrix import MatrixCredentials
from app.domain.account import Account, Credentials
from app.domain.person import Identifier
from app.domain.webhook import RawRequest

CREDENTIALS = MatrixCredentials(
    homeserver_url="https://matrix.relay.test",
    server_name="relay.test",
    as_token=SecretStr("as-token-of-the-tests"),
    hs_token=SecretStr("hs-token-of-the-tests"),
)
ROOM = "!WQ1WronQDHH6xm_Txejx_dK96_UsEGCZkA3EVkmEwKY"
ALICE = "@alice:relay.test"

_PAYLOADS = Path(__file__).parent / "payloads" / "matrix"
#: Those that hold something to relay; the others are noise or our own doing.
_TELLING = (
    "text",
    "formatted",
    "image_with_caption",
    "voice",
    "location",
    "sticker",
    "reply",
    "edit",
    "reaction",
    "redaction",
    "encrypted",
    "poll",
    "read",
    "invitation",
    "leave",
    "return",
)


def payload(name: str) -> dict[str, Any]:
    """Return a recorded transaction."""
    body: dict[str, Any] = json.loads(payload_bytes(name))
    return body


def payload_bytes(name: str) -> bytes:
    """Return a recorded transaction as it came."""
    return (_PAYLOADS / f"{name}.json").read_bytes()


def account(credentials: MatrixCredentials = CREDENTIALS, api_url: str = "") -> Account:
    """Return an account."""
    return Account(
        id=1,
        key="key",
        connector="matrix",
        portal_id=1,
        channel_id="1",
        hubspot_id="1",
        name="Matrix",
        identifier=Identifier(value=credentials.speaker),
        credentials=credentials,
        credentials_version=1,
        api_url=api_url,
    )


def request(
    body: object = None, *, method: str = "PUT", path: str = "/_matrix/app/v1/transactions/15", token: str | None = None
) -> RawRequest:
    """Return a request of the homeserver's; ``body`` is bytes or what becomes JSON."""
    secret = CREDENTIALS.hs_token.get_secret_value() if token is None else token
    return RawRequest(
        method=method,
        url=f"https://relay.example/webhooks/matrix/key{path}",
        path=path,
        headers={"authorization": f"Bearer {secret}", "content-type": "application/json"},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


def event(number: int = 1, *, kind: str = "m.room.message", **changes: Any) -> dict[str, Any]:
    """Return an event of Alice's; ``changes`` replace or add fields."""
    return {
        "type": kind,
        "event_id": f"$event-{number}",
        "room_id": ROOM,
        "sender": ALICE,
        "origin_server_ts": 1_795_365_976_000 + number,
        "content": {"msgtype": "m.text", "body": f"Message {number}"},
        **changes,
    }


def _sign(body: bytes, credentials: Credentials) -> RawRequest:
    if not isinstance(credentials, MatrixCredentials):
        raise TypeError(type(credentials).__name__)
    return request(body, token=credentials.hs_token.get_secret_value())


def _batch(events: list[JsonValue]) -> bytes:
    return json.dumps({"events": events, "ephemeral": []}).encode()


SAMPLES = Samples(
    credentials=CREDENTIALS,
    sign=_sign,
    payloads={name: payload_bytes(name) for name in _TELLING},
    accepted=b'{"event_id": "$sent"}',
    conversation=ROOM,
    signs_body=False,
    batch=Batch(event=event, body=_batch),
)
