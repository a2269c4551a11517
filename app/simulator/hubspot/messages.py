"""Publishing messages, reading them, and telling what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from flask import Response, request
from pydantic import field_validator

from app.simulator.faults import EFFECT_KINDS, Api
from app.simulator.hubspot import attachments, channels, publishing
from app.simulator.hubspot.bodies import Body, read
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.identifiers import PublicDeliveryIdentifier
from app.simulator.hubspot.routing import CHANNELS, READ, WRITE, Call, Router, created
from app.simulator.hubspot.state import Direction, Message, StatusType
from app.simulator.hubspot.views import message_view

# [U] Which changes of status are taken; every other one goes backwards or nowhere.
TRANSITIONS = {
    (StatusType.SENT, StatusType.SENT),
    (StatusType.SENT, StatusType.READ),
    (StatusType.SENT, StatusType.FAILED),
    (StatusType.FAILED, StatusType.SENT),
    (StatusType.FAILED, StatusType.FAILED),
    (StatusType.READ, StatusType.READ),
}


class ParticipantRequest(Body):
    """A sender or recipient; senderActorId since 2026-03."""

    deliveryIdentifier: PublicDeliveryIdentifier  # noqa: N815 - HubSpot's word
    name: str | None = None
    senderActorId: str | None = None  # noqa: N815 - likewise


class PreResolvedContact(Body):
    """A contact that the integration found itself."""

    contactVid: int  # noqa: N815 - HubSpot's word
    contactPropertiesLeadingToMatch: tuple[str, ...] = ()  # noqa: N815 - likewise


class PreResolvedContacts(Body):
    """Such contacts."""

    contacts: list[PreResolvedContact]


class PublishRequest(Body):
    """[D] the fields; [C] attachments, recipients and timestamp may be absent whatever the document says."""

    messageDirection: Direction  # noqa: N815 - HubSpot's word
    channelAccountId: str  # noqa: N815 - likewise
    text: str
    senders: list[ParticipantRequest]
    recipients: list[ParticipantRequest] | None = None
    attachments: list[dict[str, Any]] | None = None
    timestamp: datetime | None = None
    richText: str | None = None  # noqa: N815 - likewise
    integrationThreadId: str | None = None  # noqa: N815 - likewise
    integrationIdempotencyId: str | None = None  # noqa: N815 - likewise
    inReplyToId: str | None = None  # noqa: N815 - likewise
    associateWithContactId: int | None = None  # noqa: N815 - likewise
    preResolvedContacts: PreResolvedContacts | None = None  # noqa: N815 - likewise

    @field_validator("timestamp", mode="before")
    @classmethod
    def _iso(cls, value: object) -> object:
        """[I] Only ISO 8601 text is read; without an offset it is taken as UTC."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError("timestamp is not ISO 8601")
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class StatusRequest(Body):
    """[D] RECEIVED cannot be set, and there is no DELIVERED."""

    statusType: Literal["SENT", "FAILED", "READ"]  # noqa: N815 - HubSpot's word
    errorMessage: str | None = None  # noqa: N815 - likewise


def register(router: Router) -> None:
    """Add the endpoints."""
    messages = "/<channel_id>/messages"
    router.add("POST", CHANNELS, messages, publish, scopes=frozenset({WRITE}))
    router.add("GET", CHANNELS, f"{messages}/<message_id>", get_message, scopes=frozenset({READ}))
    router.add("PATCH", CHANNELS, f"{messages}/<message_id>", set_status, scopes=frozenset({WRITE}))


def publish(call: Call, channel_id: str) -> Response:
    """Store a message. [D] The idempotency id is unique per account; [U] what its repetition answers: a switch."""
    channel = channels.find(call, channel_id)
    body = read(PublishRequest)
    account = publishing.find_account(call, channel, body.channelAccountId)
    first = publishing.published_before(call.state, account, body.integrationIdempotencyId)
    if first is not None:
        call.state.observed.duplicate_publishes += 1
        if call.world.switches.duplicate_policy == "conflict":
            raise ApiError(409, "A message with this integrationIdempotencyId already exists", category="CONFLICT")
        return _created(call, first)
    _check(call, body)
    kept = attachments.accept(call.world, channel, call.portal_id, attachments=body.attachments or [])
    content = publishing.Content(
        direction=body.messageDirection,
        text=body.text,
        rich_text=body.richText,
        senders=[_participant(call, sender) for sender in body.senders],
        recipients=[_participant(call, recipient) for recipient in body.recipients or []],
        attachments=kept,
        created_at=body.timestamp.timestamp() if body.timestamp else call.world.clock.now(),
        integration_thread_id=body.integrationThreadId,
        idempotency_id=body.integrationIdempotencyId,
        in_reply_to=body.inReplyToId,
        contact_id=_contact_id(body),
    )
    message = publishing.store(call, channel, account, content=content)
    response = _created(call, message)
    if call.world.faults.draw(Api.HUBSPOT, request.method, request.path, kinds=EFFECT_KINDS, body=request.get_data):
        publishing.forget(call.world, message)
    return response


def get_message(call: Call, channel_id: str, message_id: str) -> dict[str, Any]:
    """One message of the channel."""
    return message_view(_find(call, channel_id, message_id), call.world.clock)


def set_status(call: Call, channel_id: str, message_id: str) -> dict[str, Any]:
    """Record what the integration says about a message. [U] transitions; [U] incoming messages: a switch."""
    message = _find(call, channel_id, message_id)
    body = read(StatusRequest)
    if message.direction is Direction.INCOMING and call.world.switches.incoming_status_answer == "400":
        raise ApiError(400, "The status of an incoming message cannot be changed")
    limit = call.world.switches.error_message_limit
    if limit and len(body.errorMessage or "") > limit:
        raise ApiError(400, f"errorMessage is longer than {limit} characters")
    status = StatusType(body.statusType)
    message.status_patches.append(status.value)
    if message.status is not None and (message.status, status) not in TRANSITIONS:
        if call.world.switches.status_regression == "400":
            raise ApiError(400, f"Status cannot change from {message.status.value} to {status.value}")
        return message_view(message, call.world.clock)
    message.status = status
    message.failure = body.errorMessage if status is StatusType.FAILED else None
    message.updated_at = call.world.clock.now()
    call.world.events.publish(
        "status_changed",
        {"thread": message.thread_id, "message": message.id, "status": status.value, "failure": message.failure},
    )
    return message_view(message, call.world.clock)


def _created(call: Call, message: Message) -> Response:
    return created(message_view(message, call.world.clock), f"{request.path.rstrip('/')}/{message.id}")


def _find(call: Call, channel_id: str, message_id: str) -> Message:
    channel = channels.find(call, channel_id)
    message = call.state.messages.get(message_id)
    thread = call.state.threads.get(message.thread_id) if message else None
    if message is None or thread is None or thread.portal_id != call.portal_id or message.channel_id != channel.id:
        raise not_found()
    return message


def _check(call: Call, body: PublishRequest) -> None:
    switches = call.world.switches
    absent = [name for name in ("recipients", "attachments", "timestamp") if getattr(body, name) is None]
    if switches.publish_strict and absent:
        listed = ", ".join(absent)
        raise ApiError(400, f"Cannot build PublishRequest, some of required attributes are not set [{listed}]")
    if not body.text.strip() and not body.attachments and switches.empty_text == "reject":
        raise ApiError(400, "text must not be empty without an attachment")
    if switches.text_limit and len(body.text) > switches.text_limit:
        raise ApiError(400, f"text is longer than {switches.text_limit} characters")
    if not body.senders:
        raise ApiError(400, "At least one sender is required")
    if body.inReplyToId and body.inReplyToId not in call.state.messages and switches.unknown_reply_answer == "400":
        raise ApiError(400, f"Message {body.inReplyToId} not found", context={"inReplyToId": [body.inReplyToId]})
    limit = switches.integration_thread_id_limit
    if limit and len(body.integrationThreadId or "") > limit:
        raise ApiError(400, f"integrationThreadId is longer than {limit} characters")


def _participant(call: Call, given: ParticipantRequest) -> publishing.Named:
    # [D] The field did not exist in 2025-09.
    actor_id = given.senderActorId if call.version != "2025-09" else None
    return publishing.Named(given.deliveryIdentifier.checked(), given.name, actor_id)


def _contact_id(body: PublishRequest) -> str | None:
    if body.associateWithContactId is not None:
        return str(body.associateWithContactId)
    if body.preResolvedContacts and body.preResolvedContacts.contacts:
        return str(body.preResolvedContacts.contacts[0].contactVid)
    return None
