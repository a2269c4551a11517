"""The customer's side of the loopback messenger, for the page, the demo and tests. The relay never calls it."""

from __future__ import annotations

import base64
from typing import Literal

from flask import Blueprint, Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.simulator.bubble import BubbleStatus, Card, Spot
from app.simulator.loopback.messenger import Loopback, loopback_of
from app.simulator.loopback.state import Account, Address, Content, Conversation, Media, Message
from app.simulator.showing import shown
from app.simulator.world import World


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAccount(_Body):
    """Body of POST accounts."""

    token: str = Field(min_length=1)
    id: str = Field(min_length=1)
    name: str = ""
    auto_receipts: bool = True


class Upload(_Body):
    """One attachment of a customer's message."""

    name: str
    mime: str
    base64: str
    #: voice or sticker, where the type does not tell.
    kind: Literal["", "image", "video", "audio", "voice", "sticker", "file"] = ""


class Place(_Body):
    """A conversation of an account; `name` names its customer."""

    account: str
    conversation: str = Field(min_length=1)
    name: str = ""


class Known(_Body):
    """An address of a customer."""

    type: str
    value: str


class Words(Place):
    """Body of POST say. `address`: as whom the customer writes; `vouched`: what the service knows of them."""

    address: Known | None = None
    vouched: tuple[Known, ...] = ()

    text: str = ""
    reply_to: str | None = None
    attachments: tuple[Upload, ...] = ()
    place: Spot | None = None
    card: Card | None = None


class Chosen(Place):
    """A message of a conversation; with `text` it is changed, `emoji` reacts, `choice` presses a button."""

    message: str
    text: str = ""
    emoji: str = ""
    choice: int = 0


class Answer(Place):
    """Body of POST answer."""

    text: str = Field(min_length=1)
    colleague: str = "Robin"


class NewReceipt(_Body):
    """Body of POST receipt."""

    account: str
    message: str
    status: BubbleStatus
    reason: str | None = None


_WORDS = TypeAdapter(list[Words])


def admin(world: World) -> Blueprint:
    """The admin routes, under /_sim/loopback."""
    messenger = loopback_of(world)
    api = Blueprint("loopback_admin", __name__)
    api.register_error_handler(ValidationError, _invalid)
    _account_routes(api, messenger)
    _customer_routes(api, messenger, world)
    _second_thoughts(api, messenger)
    _message_routes(api, messenger)
    return api


def _account_routes(api: Blueprint, messenger: Loopback) -> None:
    @api.post("/accounts")
    def add_account() -> tuple[Response, int]:
        body = NewAccount.model_validate_json(request.get_data())
        messenger.add_account(Account(body.id, body.name or body.id, body.token, body.auto_receipts))
        return jsonify(id=body.id), 201

    @api.get("/accounts")
    def accounts() -> Response:
        return jsonify([one.model_dump(mode="json") for one in messenger.messengers()])

    @api.get("/conversations")
    def conversations() -> Response:
        chosen = request.args.get("account")
        found = [one for one in messenger.messengers() if chosen in {None, one.account}]
        return jsonify([chat.model_dump(mode="json") for one in found for chat in one.conversations])

    @api.get("/conversations/<conversation_id>/messages")
    def conversation_messages(conversation_id: str) -> Response:
        chosen = request.args.get("account")
        accounts = [one for one in messenger.accounts.values() if chosen in {None, one.id}]
        found = [one.conversations.get(conversation_id) for one in accounts]
        messages = [message for chat in found if chat is not None for message in list(chat.messages)]
        return jsonify([message.bubble().model_dump(mode="json") for message in messages])


def _customer_routes(api: Blueprint, messenger: Loopback, world: World) -> None:
    @api.post("/conversations")
    def open_conversation() -> tuple[Response, int]:
        account, conversation = _place(messenger, Place.model_validate_json(request.get_data()))
        world.events.publish("messenger_changed", {"service": "loopback", "account": account.id})
        return jsonify(conversation.chatter().model_dump(mode="json")), 201

    @api.post("/say")
    def say() -> tuple[Response, int]:
        body = Words.model_validate_json(request.get_data())
        account, conversation = _place(messenger, body)
        _introduce(conversation, body)
        content = _content(world, account, body)
        if content.is_empty:
            abort(400, "A message has a text, an attachment, a place or a contact card.")
        sent = messenger.say(account, conversation, content)
        return jsonify(sent.bubble().model_dump(mode="json")), 201

    @api.post("/say-all")
    def say_all() -> tuple[Response, int]:
        said = []
        for body in _WORDS.validate_json(request.get_data()):
            account, conversation = _place(messenger, body)
            said.append(messenger.say(account, conversation, _content(world, account, body)))
        return jsonify([{"id": one.id} for one in said]), 201

    @api.post("/block", defaults={"blocked": True})
    @api.post("/unblock", defaults={"blocked": False})
    def block(blocked: bool) -> Response:  # noqa: FBT001 - the route says which
        _, conversation = _place(messenger, Place.model_validate_json(request.get_data()))
        messenger.block(conversation, blocked=blocked)
        return jsonify(blocked=blocked)

    @api.post("/read")
    def read() -> Response:
        account, conversation = _place(messenger, Place.model_validate_json(request.get_data()))
        return jsonify(read=messenger.read(account, conversation))


def _second_thoughts(api: Blueprint, messenger: Loopback) -> None:
    @api.post("/edit")
    def edit() -> Response:
        body, account, conversation, message = _chosen(messenger)
        if not message.mine or message.deleted or not body.text.strip():
            abort(400, "Only what the customer wrote can be changed, and not into nothing.")
        messenger.edit(account, conversation, message, body.text)
        return jsonify(message.bubble().model_dump(mode="json"))

    @api.post("/delete")
    def delete() -> Response:
        _, account, conversation, message = _chosen(messenger)
        if not message.mine or message.deleted:
            abort(400, "Only what the customer wrote can be deleted, and once.")
        messenger.delete(account, conversation, message)
        return jsonify(message.bubble().model_dump(mode="json"))

    @api.post("/react")
    def react() -> Response:
        body, account, conversation, message = _chosen(messenger)
        messenger.react(account, conversation, message, body.emoji)
        return jsonify(message.bubble().model_dump(mode="json"))

    @api.post("/press")
    def press() -> tuple[Response, int]:
        body, account, conversation, message = _chosen(messenger)
        if not 1 <= body.choice <= len(message.content.choices):
            abort(404, "The message has no such button.")
        sent = messenger.press(account, conversation, message, body.choice)
        return jsonify(sent.bubble().model_dump(mode="json")), 201


def _message_routes(api: Blueprint, messenger: Loopback) -> None:
    @api.post("/answer")
    def answer() -> tuple[Response, int]:
        body = Answer.model_validate_json(request.get_data())
        account, conversation = _place(messenger, body)
        written = messenger.answer(account, conversation, text=body.text, colleague=body.colleague)
        return jsonify(written.bubble().model_dump(mode="json")), 201

    @api.post("/receipt")
    def receipt() -> Response:
        body = NewReceipt.model_validate_json(request.get_data())
        account = _known(messenger, body.account)
        messages = [one for chat in account.conversations.values() for one in chat.messages if one.id == body.message]
        if not messages or messages[0].mine:
            abort(404, "No message of the relay has this id.")
        return jsonify(reported=messenger.receipt(account, messages[0], body.status, reason=body.reason))

    @api.get("/media/<media_id>")
    def media(media_id: str) -> Response:
        found = messenger.media.get(media_id)
        if found is None:
            abort(404, "No such media.")
        return shown(found.content, found.mime)


def _known(messenger: Loopback, account_id: str) -> Account:
    account = messenger.accounts.get(account_id)
    if account is None:
        abort(404, "No loopback account has this id.")
    return account


def _place(messenger: Loopback, place: Place) -> tuple[Account, Conversation]:
    account = _known(messenger, place.account)
    return account, messenger.converse(account, place.conversation, name=place.name)


def _introduce(conversation: Conversation, words: Words) -> None:
    conversation.address = Address(words.address.type, words.address.value) if words.address else None
    conversation.vouched = tuple(Address(one.type, one.value) for one in words.vouched)


def _content(world: World, account: Account, body: Words) -> Content:
    media = tuple(
        Media(world.ids.hex(), account.id, one.name, one.mime, base64.b64decode(one.base64), one.kind)
        for one in body.attachments
    )
    return Content(body.text, reply_to=body.reply_to, media=media, place=body.place, card=body.card)


def _chosen(messenger: Loopback) -> tuple[Chosen, Account, Conversation, Message]:
    body = Chosen.model_validate_json(request.get_data())
    account, conversation = _place(messenger, body)
    message = next((one for one in conversation.messages if one.id == body.message), None)
    if message is None:
        abort(404, "The conversation has no message with this id.")
    return body, account, conversation, message


def _invalid(error: ValidationError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400
