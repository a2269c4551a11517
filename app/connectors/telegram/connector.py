"""The Telegram connector: one bot is one channel account.

A conversation is a chat: a private one, a group or a channel. In groups the sender is whoever wrote. Telegram has no
idempotency key and cannot be asked what was sent, so a call whose answer was lost is made again: a customer reads a
text twice rather than never.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast
from urllib.parse import quote

from pydantic import JsonValue
from typing_extensions import override

from app.connectors.base import Connector, MediaRequest, Profile
from app.connectors.telegram import files, sending, updates
from app.connectors.telegram.calls import (
    LARGEST_DOWNLOAD,
    ChatMoved,
    FormattingRefused,
    FormRefused,
    call,
    credentials_of,
)
from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.account import Account, Credentials
from app.domain.capability import (
    Capabilities,
    LengthUnit,
    RateLimit,
    RateScope,
    RichTextDialect,
    UnknownOutcome,
)
from app.domain.message import Attachment, Event, Unopened
from app.domain.part import Part, Sent
from app.domain.person import Identifier
from app.domain.webhook import Answer
from app.errors import OutcomeUnknown, Rejected, SignatureInvalid

if TYPE_CHECKING:
    from app.domain.webhook import RawRequest
    from app.http import Http

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
#: Telegram's default; more parallel requests would only shuffle the order in which chats arrive.
MAX_CONNECTIONS = 40

#: Soft limits of https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
RATES = (
    RateLimit(RateScope.ACCOUNT, count=30, seconds=1),
    RateLimit(RateScope.CONVERSATION, count=1, seconds=1),
    RateLimit(RateScope.GROUP, count=20, seconds=60),
)


class TelegramConnector(Connector):
    """Speaks to one bot's chats."""

    name = "telegram"
    title = "Telegram"
    credentials = TelegramCredentials
    capabilities: ClassVar[Capabilities] = Capabilities(
        text_length=sending.TEXT_LENGTH,
        text_unit=LengthUnit.UTF16,
        attachments=files.ATTACHMENTS,
        caption_length=sending.CAPTION_LENGTH,
        captioned=files.CAPTIONED,
        choices=sending.MOST_CHOICES,
        choice_length=sending.CHOICE_LENGTH,
        places=True,
        cards=True,
        rich_text=RichTextDialect.TELEGRAM,
        replies=True,
        rates=RATES,
        unknown_outcome=UnknownOutcome.RESEND,
    )
    api_url = "https://api.telegram.org"

    @override
    def is_group(self, conversation: str) -> bool:
        """Groups and channels have negative ids; a Business conversation has its connection's id in front."""
        return conversation.rpartition(":")[2].startswith("-")

    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        expected = cast("TelegramCredentials", credentials).webhook_secret.get_secret_value()
        given = raw.header(SECRET_HEADER)
        if not given:
            raise SignatureInvalid(f"The header {SECRET_HEADER} is missing: register the webhook from here again.")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise SignatureInvalid("The webhook secret does not match: register the webhook from here again.")

    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        try:
            body = raw.json()
        except (ValueError, RecursionError):
            return [Unopened(reason="The body is not JSON: it does not come from Telegram's Bot API.")]
        return updates.read(body, credentials_of(account).bot_id)

    @override
    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:
        try:
            number = raw.json()["update_id"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return None
        return str(number) if type(number) is int else None

    @override
    def answer(self, raw: RawRequest) -> Answer:
        """Let a pressed button stop waiting: an answer may carry one call, whose result nobody is told.

        https://core.telegram.org/bots/api#making-requests-when-getting-updates
        """
        try:
            pressed = raw.json()["callback_query"]["id"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return Answer()
        body = {"method": "answerCallbackQuery", "callback_query_id": str(pressed)}
        return Answer(body=json.dumps(body), content_type="application/json")

    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        """Send a text, a file, a place or a contact.

        A refusal because the group moved, because of the formatting, or because a file is no picture (video, voice
        note) to Telegram's liking is followed by the one call that it asks for: it is certain then that nothing was
        sent before.
        """
        request: sending.Request | None = sending.request(part)
        while request is not None:
            try:
                result = call(request.method, request.payload, account=account, http=http, upload=request.upload)
                return Sent(ids=(_message_id(result),), moved_to=request.moved_to)
            except (ChatMoved, FormattingRefused, FormRefused) as refusal:
                request = request.remedied(refusal)
                if request is None:
                    raise
        raise AssertionError("a call is made or refused")

    def test(self, account: Account, http: Http) -> Profile:
        """See ``TestsCredentials``."""
        me = call("getMe", {}, account=account, http=http)
        username, name = _text(me, "username"), _text(me, "first_name")
        shown = f"{name} (@{username})" if username else name
        return Profile(identifier=Identifier(value=str(credentials_of(account).bot_id)), name=shown)

    def mark_read(self, conversation: str, account: Account, http: Http, *, message: str) -> None:
        """See ``MarksRead``. Only Telegram Business has such a mark, and only for messages.

        https://core.telegram.org/bots/api#readbusinessmessage
        """
        business, _, chat = conversation.rpartition(updates.BUSINESS_SEPARATOR)
        if business and message.isdecimal():
            payload: dict[str, JsonValue] = {
                "business_connection_id": business,
                "chat_id": sending.chat_id(chat),
                "message_id": int(message),
            }
            call("readBusinessMessage", payload, account=account, http=http)

    def show_typing(self, conversation: str, account: Account, http: Http) -> None:
        """See ``ShowsTyping``: five seconds at most, and until the answer is there.

        https://core.telegram.org/bots/api#sendchataction
        """
        business, _, chat = conversation.rpartition(updates.BUSINESS_SEPARATOR)
        payload: dict[str, JsonValue] = {"chat_id": sending.chat_id(chat), "action": "typing"}
        call(
            "sendChatAction",
            payload | ({"business_connection_id": business} if business else {}),
            account=account,
            http=http,
        )

    def register_webhook(self, account: Account, url: str, http: Http) -> None:
        """See ``RegistersWebhook``."""
        payload: dict[str, JsonValue] = {
            "url": url,
            "secret_token": credentials_of(account).webhook_secret.get_secret_value(),
            "allowed_updates": list(updates.ALLOWED_UPDATES),
            "max_connections": MAX_CONNECTIONS,
        }
        call("setWebhook", payload, account=account, http=http)

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:
        """See ``FetchesMedia``. The address holds the bot's token and is good for an hour: for the relay only."""
        if (attachment.size or 0) > LARGEST_DOWNLOAD:
            raise Rejected("The file is larger than the 20 MB that Telegram hands to bots.", code="file_too_big")
        file = call("getFile", {"file_id": attachment.source}, account=account, http=http)
        path = _text(file, "file_path")
        if not path or ".." in path:
            raise Rejected("Telegram does not have this file any more.", code="file_gone")
        token = credentials_of(account).token.get_secret_value()
        return MediaRequest(url=f"{account.api_url}/file/bot{token}/{quote(path)}")


def _message_id(result: JsonValue) -> str:
    number = result.get("message_id") if isinstance(result, dict) else None
    if not isinstance(number, int):
        raise OutcomeUnknown("Telegram said yes, but not which message it made: it may have arrived.")
    return str(number)


def _text(result: JsonValue, name: str) -> str:
    value = result.get(name) if isinstance(result, dict) else None
    return value if isinstance(value, str) else ""
