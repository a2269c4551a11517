"""The loopback messenger's API, as the relay's connector sees it."""

from __future__ import annotations

import httpx
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.simulator.bubble import Button, Card, Spot
from app.simulator.faults import Api, Fault, guard
from app.simulator.loopback.messenger import Loopback, loopback_of
from app.simulator.loopback.state import TEXT_LIMIT, Account, Content, Conversation, Media, Message
from app.simulator.world import World

#: Seconds within which a file's address has to give it.
FETCH_TIMEOUT = 30.0

#: Most buttons under a message.
MOST_CHOICES = 10

#: The protocol's words for statuses that faults ask for.
ERRORS = {401: "token_revoked", 403: "blocked", 404: "unknown_conversation", 413: "too_long", 429: "rate_limited"}


class Offered(BaseModel):
    """A file of a new message, to be fetched."""

    model_config = ConfigDict(frozen=True)

    kind: str
    url: str
    name: str = "file"
    mime: str = "application/octet-stream"
    size: int | None = None


class NewMessage(BaseModel):
    """Body of POST /v1/messages."""

    model_config = ConfigDict(frozen=True)

    conversation: str
    text: str = ""
    reply_to: str | None = None
    attachments: tuple[Offered, ...] = ()
    place: Spot | None = None
    card: Card | None = None
    choices: tuple[Button, ...] = Field((), max_length=MOST_CHOICES)


class WebhookAddress(BaseModel):
    """Body of PUT /v1/webhook."""

    model_config = ConfigDict(frozen=True)

    url: str
    secret: str


class Refused(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, **body: object) -> None:
        """`body` is the JSON object of the answer."""
        super().__init__(status)
        self.status = status
        self.body = body


def blueprint(world: World) -> Blueprint:
    """The service, to be registered at the root."""
    messenger = loopback_of(world)
    service = Blueprint("loopback", __name__, url_prefix="/loopback")
    guard(service, Api.LOOPBACK, world.faults, _fault)
    service.register_error_handler(Refused, _refused)
    service.register_error_handler(ValidationError, _invalid)

    @service.get("/v1/me")
    def me() -> Response:
        account = _account(messenger)
        return jsonify(id=account.id, name=account.name)

    @service.put("/v1/webhook")
    def webhook() -> Response:
        account = _account(messenger)
        address = WebhookAddress.model_validate_json(request.get_data())
        messenger.register(account, address.url, address.secret)
        return jsonify(url=address.url)

    @service.post("/v1/messages")
    def messages() -> tuple[Response, int]:
        account = _account(messenger)
        sent, is_new = _publish(world, messenger, account)
        if is_new:
            messenger.echo(account, sent)
        return jsonify(id=sent.id, time=world.clock.iso(sent.time)), 201 if is_new else 200

    @service.get("/v1/media/<media_id>")
    def media(media_id: str) -> Response:
        account = _account(messenger)
        found = messenger.media.get(media_id)
        if found is None or found.account != account.id:
            raise Refused(404, error="unknown_media")
        return Response(found.content, content_type=found.mime)

    return service


def _account(messenger: Loopback) -> Account:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    account = messenger.with_token(token) if scheme == "Bearer" else None
    if account is None:
        raise Refused(401, error="token_revoked")
    return account


def _publish(world: World, messenger: Loopback, account: Account) -> tuple[Message, bool]:
    """The message, and whether it was written just now or came of an earlier call with this key."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise Refused(400, error="idempotency_key_missing")
    with world.lock:
        known = account.accepted.get(key)
        if known is not None:
            return known, False
        wanted = NewMessage.model_validate_json(request.get_data())
        conversation = _open_conversation(account, wanted)
    # Without the lock: whoever gives the file may need the world.
    media = tuple(_fetched(messenger, account, one) for one in wanted.attachments)
    content = Content(wanted.text, wanted.reply_to, media, wanted.place, wanted.card, wanted.choices)
    with world.lock:
        known = account.accepted.get(key)
        return (known, False) if known else (messenger.deliver(account, conversation, content, key=key), True)


def _fetched(messenger: Loopback, account: Account, offered: Offered) -> Media:
    """The bytes behind a file's address, as of now.

    Raises:
        Refused: 400 when the address does not give them.
    """
    try:
        answer = httpx.get(offered.url, timeout=FETCH_TIMEOUT)
    except httpx.HTTPError as error:
        raise Refused(400, error="attachment_unreachable") from error
    if not answer.is_success or offered.size not in {None, len(answer.content)}:
        raise Refused(400, error="attachment_unreachable")
    return messenger.keep(account, offered.kind, offered.name, mime=offered.mime, content=answer.content)


def _open_conversation(account: Account, wanted: NewMessage) -> Conversation:
    conversation = account.conversations.get(wanted.conversation)
    if conversation is None:
        raise Refused(404, error="unknown_conversation")
    if conversation.blocked:
        raise Refused(403, error="blocked")
    if len(wanted.text) > TEXT_LIMIT:
        raise Refused(413, error="too_long", limit=TEXT_LIMIT)
    if not (wanted.text.strip() or wanted.attachments or wanted.place or wanted.card):
        raise Refused(400, error="empty_text")
    return conversation


def _refused(refusal: Refused) -> tuple[Response, int]:
    return jsonify(refusal.body), refusal.status


def _invalid(_error: ValidationError) -> tuple[Response, int]:
    return jsonify(error="invalid_body"), 400


def _fault(fault: Fault) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status)
    response = jsonify(error=ERRORS.get(fault.status, "server_error"))
    response.status_code = fault.status
    return response
