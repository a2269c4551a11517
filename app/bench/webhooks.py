"""Signed webhooks, as Loopback and HubSpot send them, ready for the wire."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from app.bench.cluster import Cluster
from app.bench.scene import CHANNEL, Connected
from app.bench.wire import request
from app.simulator.hubspot.signature import sign_v3

_HUBSPOT = "/webhooks/hubspot"


@dataclass(frozen=True)
class Text:
    """One message: its customer's conversation, and its words."""

    conversation: str
    words: str


class Sender:
    """HubSpot and Loopback, sending to the first web of a relay. No two of its messages have the same id."""

    def __init__(self, cluster: Cluster) -> None:
        """Send for the relay's accounts in turn."""
        self._cluster = cluster
        self._ids = count(1)
        self._prefix = uuid4().hex[:12]
        self.port = urlsplit(cluster.webs[0]).port or 0

    def loopback(self, texts: Sequence[Text]) -> bytes:
        """Return one delivery that holds these customers' messages."""
        account = self._account()
        body = _encode({"id": self._id(), "events": [self._event(one) for one in texts]})
        signed = hmac.new(account.secret.encode(), body, hashlib.sha256).hexdigest()
        return request("POST", f"/webhooks/loopback/{account.key}", body, x_loopback_signature=signed)

    def hubspot(self, text: Text) -> bytes:
        """Return the event of an agent's message. Its signature is good for five minutes."""
        settings, account, now = self._cluster.settings, self._account(), round(time.time() * 1000)
        body = _encode(self._outgoing(account, text, now))
        secret = settings.hubspot_client_secret.get_secret_value()
        signed = sign_v3(secret, "POST", settings.public_url + _HUBSPOT, body=body, timestamp=now)
        headers = {"x_hubspot_signature_v3": signed, "x_hubspot_request_timestamp": str(now)}
        return request("POST", _HUBSPOT, body, **headers)

    def _account(self) -> Connected:
        accounts = self._cluster.accounts
        return accounts[next(self._ids) % len(accounts)]

    def _id(self) -> str:
        return f"{self._prefix}-{next(self._ids)}"

    def _event(self, text: Text) -> dict[str, object]:
        return {
            "type": "message",
            "id": self._id(),
            "conversation": text.conversation,
            "time": datetime.now(UTC).isoformat(),
            "sender": {"id": text.conversation, "name": "Dana"},
            "text": text.words,
        }

    def _outgoing(self, account: Connected, text: Text, now: int) -> dict[str, object]:
        customer = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": text.conversation}
        message = {
            "id": self._id(),
            "channelId": CHANNEL,
            "channelAccountId": account.hubspot_id,
            "conversationsThreadId": f"t-{text.conversation}",
            "createdAt": datetime.fromtimestamp(now / 1000, UTC).isoformat(),
            "createdBy": "A-1",
            "direction": "OUTGOING",
            "senders": [{"actorId": "A-1", "name": "Alex"}],
            "recipients": [{"actorId": "V-1", "name": "Dana", "deliveryIdentifier": customer}],
            "text": text.words,
            "truncationStatus": "NOT_TRUNCATED",
            "attachments": [],
        }
        return {
            "type": "OUTGOING_CHANNEL_MESSAGE_CREATED",
            "portalId": account.portal_id,
            "channelId": CHANNEL,
            "eventTimestamp": now,
            "channelIntegrationThreadIds": [],
            "message": message,
        }


def _encode(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
