"""What Loopback sends, for this connector's own tests and for the conformance suite."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from pydantic import JsonValue, SecretStr

from app.conformance import Batch, Samples
from app.connectors.loopback import LoopbackCredentials
from app.domain.account import Credentials
from app.domain.webhook import RawRequest

CREDENTIALS = LoopbackCredentials(token=SecretStr("token-of-loopback"), secret=SecretStr("secret-of-loopback"))
_PAYLOADS = Path(__file__).parent / "payloads" / "loopback"


def sign(body: bytes, credentials: Credentials) -> RawRequest:
    """Return the request that Loopback sends with that body."""
    if not isinstance(credentials, LoopbackCredentials):
        raise TypeError(type(credentials).__name__)
    signature = hmac.new(credentials.secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-loopback-signature": signature, "content-type": "application/json"}
    return RawRequest(method="POST", url="https://relay.example/webhooks/loopback/key", headers=headers, body=body)


def message(number: int) -> JsonValue:
    """Return an event: a message of Dana's."""
    return {
        "type": "message",
        "id": f"m{number}",
        "conversation": f"c{number % 3}",
        "time": "2026-11-22T10:00:00.123Z",
        "sender": {"id": "u1", "name": "Dana"},
        "text": f"Hello {number}",
    }


def delivery(events: list[JsonValue]) -> bytes:
    """Return a delivery's body."""
    return json.dumps({"id": "d1", "events": events}).encode()


SAMPLES = Samples(
    credentials=CREDENTIALS,
    sign=sign,
    payloads={path.stem: path.read_bytes() for path in sorted(_PAYLOADS.glob("*.json"))},
    accepted=b'{"id": "m9", "time": "2026-11-22T10:00:00.123Z"}',
    accepted_status=201,
    conversation="c1",
    batch=Batch(event=message, body=delivery),
)
