"""Webhooks out: payloads, signatures, and the ways in which both go wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from app.simulator.delivery import HUBSPOT_POLICY, RetryPolicy, WebhookTarget
from app.simulator.faults import SIGNATURE_KINDS, Api, FaultKind
from app.simulator.hubspot import signature
from app.simulator.hubspot.state import Account, App, Channel, Identifier, Message, Thread
from app.simulator.hubspot.views import message_view, present
from app.simulator.world import World

# How far a stale or future timestamp is off: past the five minutes that receivers allow.
TIMESTAMP_SLIP = 301_000


class AccountEvent(StrEnum):
    """What happened to a channel account."""

    CREATED = "CHANNEL_ACCOUNT_CREATED"
    UPDATED = "CHANNEL_ACCOUNT_UPDATED"
    PURGED = "CHANNEL_ACCOUNT_PURGED"


def fire_message(world: World, thread: Thread, message: Message) -> None:
    """Tell the integration of a message that somebody sent from HubSpot. Call with the lock held."""
    payload = {
        "type": "OUTGOING_CHANNEL_MESSAGE_CREATED",
        "portalId": thread.portal_id,
        "channelId": message.channel_id,
        "eventTimestamp": world.clock.iso(),
        "eventId": world.ids.uuid(),
        "channelIntegrationThreadIds": _thread_ids(world, thread),
        "message": _message(world, message),
    }
    post(world, world.hubspot.channels.get(message.channel_id), payload)


def fire_account(world: World, account: Account, event: AccountEvent) -> None:
    """Tell the integration of a change of an account, and the pages that show it. Call with the lock held."""
    world.events.publish("settings_changed", {"portal": account.portal_id, "account": account.id})
    payload: dict[str, Any] = {
        "type": event.value,
        "portalId": account.portal_id,
        "channelId": account.channel_id,
        "eventTimestamp": world.clock.iso(),
        "channelAccountId": account.id,
    }
    form = world.switches.webhook_account_identifier_form
    if account.identifier is not None and form != "absent":
        payload["channelAccountDeliveryIdentifier"] = _identifier(account.identifier, form)
    post(world, world.hubspot.channels.get(account.channel_id), payload)


def post(world: World, channel: Channel | None, payload: dict[str, Any]) -> None:
    """Send one event to the channel's registered address, if it has one."""
    app = world.hubspot.apps.get(channel.app_id) if channel else None
    if channel is None or app is None or not channel.webhook_url:
        return
    if world.switches.webhook_unknown_fields:
        payload = {**payload, "simulatedField": {"nested": [1, None]}}
    body = _encode([payload] if world.switches.webhook_array else payload)
    send_raw(world, app, channel.webhook_url, body=body, label=str(payload.get("type", "")))


def send_raw(world: World, app: App, url: str, *, body: bytes, label: str, legacy: str | None = None) -> str:
    """Post a body, signed afresh for each attempt, and return the delivery's id."""
    switches = world.switches
    policy = RetryPolicy(
        HUBSPOT_POLICY.name, HUBSPOT_POLICY.delays[: switches.webhook_retries], timeout=switches.webhook_timeout
    )
    kind = legacy or switches.webhook_legacy_signature

    def headers(_attempt: int) -> Mapping[str, str]:
        return _headers(world, app, url, body=body, legacy=kind)

    return world.delivery.post(WebhookTarget(url, Api.HUBSPOT, policy=policy), body, headers, label=label)


def _headers(world: World, app: App, url: str, *, body: bytes, legacy: str) -> dict[str, str]:
    drawn = {fault.kind for fault in world.faults.draw(Api.HUBSPOT, "POST", urlsplit(url).path, kinds=SIGNATURE_KINDS)}
    if FaultKind.NO_SIGNATURE in drawn:
        return {}
    secret = "somebody-elses-secret" if FaultKind.WRONG_SECRET in drawn else app.client_secret
    # [I] Every attempt carries its own time, or late retries would all be too old.
    timestamp = world.clock.milliseconds()
    if FaultKind.STALE_TIMESTAMP in drawn:
        timestamp -= TIMESTAMP_SLIP
    if FaultKind.FUTURE_TIMESTAMP in drawn:
        timestamp += TIMESTAMP_SLIP
    signed = json.dumps(json.loads(body), indent=1).encode() if FaultKind.REENCODED_BODY in drawn else body
    headers = {
        "X-HubSpot-Signature-v3": signature.sign_v3(secret, "POST", url, body=signed, timestamp=timestamp),
        "X-HubSpot-Request-Timestamp": str(timestamp),
    }
    if legacy == "v1":
        headers |= {
            "X-HubSpot-Signature": signature.sign_v1(secret, signed),
            "X-HubSpot-Signature-Version": "v1",
        }
    if legacy == "v2":
        headers |= {
            "X-HubSpot-Signature": signature.sign_v2(secret, "POST", url, body=signed),
            "X-HubSpot-Signature-Version": "v2",
        }
    return headers


def _thread_ids(world: World, thread: Thread) -> list[str]:
    # [U] what the array holds after a merge
    form = world.switches.merged_thread_ids
    if form == "none" and len(thread.integration_ids) > 1:
        return []
    return thread.integration_ids[-1:] if form == "newest" else list(thread.integration_ids)


def _message(world: World, message: Message) -> dict[str, Any]:
    """The message in its webhook form, with the oddities that are switched on."""
    switches = world.switches
    view = message_view(message, world.clock)
    if switches.webhook_status_form == "string" and message.status is not None:
        view["status"] = message.status.value
    if switches.webhook_attachments == "never" or (
        switches.webhook_attachments == "when_any" and not message.attachments
    ):
        view.pop("attachments", None)
    if not switches.webhook_client:
        view.pop("client", None)
    for party in [*view["senders"], *view["recipients"]]:
        if switches.webhook_identifier_form == "string" and "deliveryIdentifier" in party:
            party["deliveryIdentifier"] = party["deliveryIdentifier"]["value"]
    if not switches.webhook_sender_name:
        view["senders"] = [{key: item for key, item in sender.items() if key != "name"} for sender in view["senders"]]
    if switches.webhook_unknown_fields:
        view["simulatedField"] = "unknown"
    return present(view)


def _identifier(identifier: Identifier, form: str) -> dict[str, str] | str:
    return identifier.as_json() if form == "object" else identifier.value


def _encode(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
