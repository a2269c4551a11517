"""The customers' side of the simulated Telegram, for the page, the demo and tests. The relay never calls it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.simulator.showing import shown
from app.simulator.telegram.afterwards import delete, react
from app.simulator.telegram.customers import Thing, change_state, edit, press, say, text_content, thing_content
from app.simulator.telegram.messenger import Telegram, telegram_of
from app.simulator.telegram.sight import bubble_of, chatter_of
from app.simulator.telegram.state import Bot, Chat, ChatState, ChatType, Json
from app.simulator.world import World


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewBot(_Body):
    """Body of POST bots. `limits` switches the flood limits on."""

    token: str = Field(pattern=r"^\d+:[A-Za-z0-9_-]+$")
    username: str = "relay_bot"
    name: str = "Relay"
    limits: bool = False


class Person(_Body):
    """A User object's fields, as far as people have them."""

    id: int = 0
    first_name: str = Field("Dana", min_length=1)
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "en"


class Place(_Body):
    """A bot (its id, user name or token) and a chat with it."""

    bot: str = Field(coerce_numbers_to_str=True)
    chat_id: int


class NewChat(Place):
    """Body of POST chats; `users` are further members of a group."""

    type: ChatType = ChatType.PRIVATE
    user: Person = Person()
    users: tuple[Person, ...] = ()
    title: str = ""
    state: ChatState = ChatState.OPEN


class Words(Place):
    """Body of POST say."""

    text: str = Field(min_length=1)
    reply_to: int = 0
    entities: list[dict[str, Any]] = []
    user: int | None = None


class Sending(Place):
    """Body of POST send-kind: `kind` is one of customers.Kind, or what is done to a message, or raw."""

    kind: str
    message_id: int = 0
    text: str = ""
    data: str = ""
    emoji: str = ""
    update: dict[str, Any] = {}
    reply_to: int = 0
    user: int | None = None


class NewState(Place):
    """Body of POST chat-state."""

    state: ChatState
    migrate_to: int | None = None


_WORDS = TypeAdapter(list[Words])


def admin(world: World) -> Blueprint:
    """The admin routes, under /_sim/telegram."""
    telegram = telegram_of(world)
    api = Blueprint("telegram_admin", __name__)
    api.register_error_handler(ValueError, _invalid)
    _bot_routes(api, telegram)
    _chat_routes(api, telegram)
    _customer_routes(api, telegram)
    _state_routes(api, telegram)
    return api


def _bot_routes(api: Blueprint, telegram: Telegram) -> None:
    @api.post("/bots")
    def add_bot() -> tuple[Response, int]:
        body = NewBot.model_validate_json(request.get_data())
        bot = telegram.add_bot(body.token, username=body.username, name=body.name, limits=body.limits)
        return jsonify(bot.as_user()), 201

    @api.get("/bots")
    def bots() -> Response:
        return jsonify([one.model_dump(mode="json") for one in telegram.messengers()])

    @api.post("/bots/<name>/revoke")
    def revoke(name: str) -> Response:
        bot = _bot(telegram, name)
        bot.revoked = True
        telegram.changed(bot)
        return jsonify(revoked=True)

    @api.get("/files/<file_id>")
    def file(file_id: str) -> Response:
        stored = telegram.files.get(file_id)
        if stored is None:
            abort(404, "No such file.")
        return shown(stored.content, stored.mime)


def _chat_routes(api: Blueprint, telegram: Telegram) -> None:
    @api.post("/chats")
    def add_chat() -> tuple[Response, int]:
        body = NewChat.model_validate_json(request.get_data())
        bot = _bot(telegram, body.bot)
        chat = Chat(body.chat_id, body.type, _members(body), title=body.title, state=body.state)
        with telegram.world.lock:
            bot.chats[chat.id] = chat
        telegram.changed(bot)
        return jsonify(chatter_of(bot, chat).model_dump(mode="json")), 201

    @api.get("/chats/<name>/<chat_id>/messages")
    def messages(name: str, chat_id: str) -> Response:
        chat = _bot(telegram, name).chats.get(int(chat_id))
        found = list(chat.messages) if chat is not None else []
        if "raw" in request.args:
            return jsonify(found)
        return jsonify([bubble_of(chat, one).model_dump(mode="json") for one in found if chat is not None])


def _customer_routes(api: Blueprint, telegram: Telegram) -> None:
    @api.post("/say")
    def speak() -> tuple[Response, int]:
        body = Words.model_validate_json(request.get_data())
        bot, chat = _place(telegram, body)
        content = text_content(body.text, body.entities)
        return jsonify(say(telegram, bot, chat, content=content, user=body.user, reply_to=body.reply_to)), 201

    @api.post("/say-all")
    def speak_all() -> tuple[Response, int]:
        said = []
        for body in _WORDS.validate_json(request.get_data()):
            bot, chat = _place(telegram, body)
            content = text_content(body.text, body.entities)
            said.append(say(telegram, bot, chat, content=content, user=body.user, reply_to=body.reply_to))
        return jsonify([{"id": str(one["message_id"])} for one in said]), 201

    @api.post("/send-kind")
    def send_kind() -> tuple[Response, int]:
        body = Sending.model_validate_json(request.get_data())
        bot, chat = _place(telegram, body)
        made = _send(telegram, bot, chat, body)
        if made is None:
            abort(404, "The chat has no message with this id.")
        return jsonify(made), 201


def _state_routes(api: Blueprint, telegram: Telegram) -> None:
    @api.post("/block", defaults={"state": ChatState.BLOCKED})
    @api.post("/unblock", defaults={"state": ChatState.OPEN})
    def block(state: ChatState) -> Response:
        bot, chat = _place(telegram, Place.model_validate_json(request.get_data()))
        change_state(
            telegram, bot, chat, ChatState.KICKED if state is ChatState.BLOCKED and not chat.private else state
        )
        return jsonify(blocked=state is ChatState.BLOCKED)

    @api.post("/chat-state")
    def chat_state() -> Response:
        body = NewState.model_validate_json(request.get_data())
        bot, chat = _place(telegram, body)
        change_state(telegram, bot, chat, body.state, migrate_to=body.migrate_to)
        return jsonify(state=chat.state.value)


def _send(telegram: Telegram, bot: Bot, chat: Chat, body: Sending) -> Json | None:
    if body.kind == "edited_message":
        return edit(telegram, bot, chat, message_id=body.message_id, text=body.text)
    if body.kind == "callback_query":
        return press(telegram, bot, chat, message_id=body.message_id, data=body.data)
    if body.kind == "message_reaction":
        return react(telegram, bot, chat, message_id=body.message_id, emoji=body.emoji)
    if body.kind == "deletion":
        return delete(telegram, bot, chat, message_id=body.message_id)
    if body.kind == "raw":
        return telegram.emit_raw(bot, body.update, chat_id=chat.id)
    content = thing_content(telegram, Thing.model_validate_json(request.get_data()))
    return say(telegram, bot, chat, content=content, user=body.user, reply_to=body.reply_to)


def _members(body: NewChat) -> dict[int, Json]:
    first = body.user if body.user.id else body.user.model_copy(update={"id": abs(body.chat_id)})
    return {one.id: {**one.model_dump(exclude_none=True), "is_bot": False} for one in (first, *body.users)}


def _bot(telegram: Telegram, name: str) -> Bot:
    bots = list(telegram.bots.values())
    found = next((bot for bot in bots if name in {str(bot.id), bot.username, bot.token}), None)
    if found is None:
        abort(404, "No bot has this id, user name or token.")
    return found


def _place(telegram: Telegram, place: Place) -> tuple[Bot, Chat]:
    bot = _bot(telegram, place.bot)
    chat = bot.chats.get(place.chat_id)
    if chat is None:
        abort(404, "The bot has no chat with this id; POST chats makes one.")
    return bot, chat


def _invalid(error: ValueError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400
