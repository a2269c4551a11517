"""What a service sends to the relay, without the service."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from app.domain.webhook import RawRequest
from app.relay import accept
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import dead_letters
from tests.app.relay.world import LOOPBACK_SECRET, RelayWorld


def deliver(relay: RelayWorld, *events: dict[str, Any], id_: str = "d1") -> None:
    """Accept one signed delivery of the loopback service, in this thread."""
    body = json.dumps({"id": id_, "events": events}).encode()
    signature = hmac.new(LOOPBACK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    raw = RawRequest("POST", "", headers={"x-loopback-signature": signature}, body=body)
    accept.accept_service(relay.services, "loopback", relay.account.key, raw)


def message(id_: str = "m1", text: str = "Hello", conversation: str = "c1", **more: Any) -> dict[str, Any]:
    """A customer's message."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    sender = {"id": "dana", "name": "Dana"}
    known = {"id": id_, "text": text, "conversation": conversation, "time": time, "sender": sender}
    return {"type": "message", **known, **more}


def oddity() -> dict[str, Any]:
    """An event that this release does not know."""
    return {"type": "dance"}


def refuse(relay: RelayWorld, times: int = 1) -> None:
    """Let HubSpot find fault with the next messages."""
    fault = Fault(kind=FaultKind.STATUS, status=400)
    relay.world.faults.add(FaultRule(api=Api.HUBSPOT, method="POST", path="/messages", times=times, fault=fault))


def bury(relay: RelayWorld, *service_ids: str) -> None:
    """Make customers' messages dead letters, each in a conversation of its own."""
    for one in service_ids:
        refuse(relay)
        deliver(relay, message(one, conversation=f"of {one}"), id_=one)
        work(relay)


def work(relay: RelayWorld) -> None:
    """Do everything that is due, in this thread."""
    while relay.work_once():
        pass


def dead_ids(relay: RelayWorld) -> list[int]:
    """The dead letters."""
    with relay.services.database.read() as connection:
        return [one.message_id for one in dead_letters.waiting(connection)]
