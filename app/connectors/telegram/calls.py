"""Calls of the Bot API, and what its refusals mean (https://core.telegram.org/bots/api#making-requests).

Telegram documents no list of descriptions; these are the texts of its server
(https://github.com/tdlib/telegram-bot-api), compared in lower case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, JsonValue, ValidationError

from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.account import Account
from app.domain.part import Media
from app.errors import (
    ContentUnsupported,
    MediaNotReady,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    Rejected,
    RelayError,
    ResponseUnexpected,
    ServiceUnavailable,
    Transient,
    Unauthorized,
)

if TYPE_CHECKING:
    from app.http import Http, Response

#: Bots can fetch files of up to so many bytes (https://core.telegram.org/bots/api#getfile).
LARGEST_DOWNLOAD = 20 * 1024 * 1024

_REDIRECTION = 300
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_REQUEST_TIMEOUT = 408
_TOO_MANY = 429
_SERVER_ERROR = 500
_WORDS_SHOWN = 300


class ChatMoved(Rejected):
    """The group has a new id; nothing was sent."""

    code = "chat_moved"

    def __init__(self, chat_id: int, *, detail: str) -> None:
        """Keep the new id."""
        super().__init__("The group has become a supergroup with a new id: send the message again.", detail=detail)
        self.chat_id = chat_id


class FormRefused(ContentUnsupported):
    """A file, place or contact is not what the method wants; nothing was sent, and in another form it can be."""

    code = "form_refused"


class FormattingRefused(MessageInvalid):
    """The entities are not to Telegram's liking; nothing was sent."""

    code = "formatting_refused"


@dataclass(frozen=True)
class Upload:
    """A file that goes along with a call, as the parameter ``field``."""

    field: str
    media: Media


@dataclass(frozen=True)
class Refusal:
    """What a description that holds ``words`` (a regular expression) means."""

    words: str
    error: type[RelayError]
    code: str
    hint: str


_BLOCKED = "The customer has blocked this bot or never started it: only they can open the conversation again."
_LEFT = "The bot is not in this group or channel any more: somebody has to add it again."
#: What is certainly not sent, but can be in another form: pictures of odd sizes, broken or disguised ones, voice notes
#: to somebody who takes none, numbers that are none.
_NO_SUCH_FORM = (
    "photo_|image_process_failed|video_(content|file)|media_(invalid|empty)|sticker_|type of the web page content|"
    "too big for a photo|can't use file of type|file type|voice_messages_forbidden|phone_number_invalid|"
    "venue_|geo_point_invalid"
)
_TOO_BIG = f"The file is larger than the {LARGEST_DOWNLOAD // 1024 // 1024} MB that Telegram hands to bots."

REFUSALS: tuple[Refusal, ...] = (
    Refusal("bot was blocked by the user", RecipientUnreachable, "blocked", _BLOCKED),
    Refusal("can't initiate conversation", RecipientUnreachable, "not_started", _BLOCKED),
    Refusal(
        "user is deactivated",
        RecipientUnreachable,
        "deactivated",
        "The customer has deleted their Telegram account: use another channel.",
    ),
    Refusal("bot was kicked|bot is not a member|chat was deleted", RecipientUnreachable, "kicked", _LEFT),
    Refusal("group chat was deactivated", RecipientUnreachable, "kicked", _LEFT),
    Refusal(
        "chat not found|user not found|peer_id_invalid",
        RecipientUnreachable,
        "chat_not_found",
        "Telegram does not know this conversation for this bot: the customer has to write to the bot first.",
    ),
    Refusal(
        r"not enough rights|have no rights|chat_(write|send_\w+)_forbidden|need administrator rights|topic_closed",
        RecipientUnreachable,
        "no_rights",
        "The bot may not write in this group: an administrator has to allow it.",
    ),
    Refusal(
        "can't send messages to (bots|the bot)|can't send messages to bots",
        RecipientUnreachable,
        "is_bot",
        "The other side is a bot, and Telegram lets no bot write to it.",
    ),
    Refusal(
        "business_connection|business connection",
        RecipientUnreachable,
        "business_connection",
        "The Telegram Business account is not connected to this bot any more: its owner has to connect it again.",
    ),
    Refusal(
        "(message|caption) is too long",
        MessageInvalid,
        "too_long",
        "The text is too long for Telegram: send it in two.",
    ),
    Refusal("text is empty|text must be non-empty", MessageInvalid, "empty", "Telegram takes no empty message."),
    Refusal(
        "can't parse entities|(entity|entities)_",
        FormattingRefused,
        "formatting_refused",
        "Send it without formatting.",
    ),
    Refusal(
        "button_|inline keyboard|buttons? (url|text)",
        MessageInvalid,
        "button_refused",
        "Telegram does not take one of the buttons: write its address or its answer into the text.",
    ),
    Refusal("must be non-empty|file_parts_invalid", MessageInvalid, "file_empty", "The file is empty."),
    Refusal(_NO_SUCH_FORM, FormRefused, "form_refused", "Telegram cannot show this as what it is: send it as a file."),
    Refusal("file is too big", Rejected, "file_too_big", _TOO_BIG),
    Refusal("wrong file.?id|invalid file.?id|file_id", Rejected, "file_gone", "Telegram does not have this file now."),
    Refusal("temporarily unavailable", MediaNotReady, "file_not_ready", "Telegram is still preparing the file."),
    Refusal(
        "bad webhook|webhook|secret token",
        Rejected,
        "webhook_refused",
        "Telegram refuses the webhook address: it takes https on port 443, 80, 88 or 8443 with a name it can resolve.",
    ),
)

#: What a status means when no description above fits.
STATUSES: Mapping[int, Refusal] = {
    401: Refusal(
        "",
        Unauthorized,
        "token_revoked",
        "Telegram refuses the bot's token: get the present one from @BotFather (/token) and enter it for this account.",
    ),
    403: Refusal("", RecipientUnreachable, "forbidden", "Telegram does not let the bot write in this conversation."),
    404: Refusal(
        "",
        Unauthorized,
        "token_unknown",
        "Telegram knows no bot with this token: copy all of it from @BotFather (/mybots, API Token).",
    ),
    408: Refusal("", ServiceUnavailable, "timeout", "Telegram did not answer in time."),
    409: Refusal(
        "",
        Transient,
        "conflict",
        "Another program polls this bot's updates: stop it, then register the webhook again.",
    ),
    413: Refusal("", MessageInvalid, "too_large", "It is larger than the 50 MB that Telegram takes from bots."),
}
_UNKNOWN_REFUSAL = Refusal("", MessageInvalid, "refused", "Telegram does not take this message.")
_OUT_OF_ORDER = Refusal("", ServiceUnavailable, "out_of_order", "Telegram is out of order at the moment.")
_UNDOCUMENTED = Refusal("", ResponseUnexpected, "undocumented", "Telegram gave an answer that is in no documentation.")


class _Parameters(BaseModel):
    """What a program can do about a refusal."""

    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Reply(BaseModel):
    """The envelope of every answer."""

    ok: bool
    result: JsonValue = None
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


def credentials_of(account: Account) -> TelegramCredentials:
    """Return the account's credentials as ours."""
    return cast("TelegramCredentials", account.credentials)


def call(
    method: str, payload: Mapping[str, JsonValue], *, account: Account, http: Http, upload: Upload | None = None
) -> JsonValue:
    """Call one method, with a file if there is one, and return its result.

    Raises:
        RelayError: Telegram refused, or did not answer; ``ChatMoved``, ``FormattingRefused`` and ``FormRefused`` among
            them.
    """
    token = credentials_of(account).token.get_secret_value()
    url = f"{account.api_url}/bot{token}/{method}"
    response = _with_file(url, payload, upload, http=http) if upload else http.request("POST", url, json=dict(payload))
    reply = _reply(response)
    if reply and reply.ok and response.status < _REDIRECTION:
        return reply.result
    raise _error(response, reply, account)


def _with_file(url: str, payload: Mapping[str, JsonValue], upload: Upload, *, http: Http) -> Response:
    """Post a form, in which what is no text is JSON, and stream the file."""
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in payload.items()}
    media = upload.media
    with media.open() as file:
        return http.request("POST", url, data=form, files={upload.field: (media.name, file, media.mime)})


def _reply(response: Response) -> _Reply | None:
    """Read an answer; None when it is not one of Telegram's."""
    try:
        return _Reply.model_validate(response.json())
    except (ValidationError, ValueError, RecursionError):
        return None


def _error(response: Response, reply: _Reply | None, account: Account) -> RelayError:
    reply = reply or _Reply(ok=False)
    status = reply.error_code if reply.error_code >= _BAD_REQUEST else response.status
    detail = f"{status} {_words(reply.description, account)}".strip()
    if status < _REDIRECTION:
        return OutcomeUnknown("Telegram's answer cannot be read: the message may have arrived.", detail=detail)
    if reply.parameters.migrate_to_chat_id:
        return ChatMoved(reply.parameters.migrate_to_chat_id, detail=detail)
    if status == _TOO_MANY:
        wait = reply.parameters.retry_after or _retry_after(response)
        return RateLimited("Telegram asked this bot to slow down.", retry_after=wait, detail=detail)
    refusal = _refusal(status, reply.description)
    return refusal.error(refusal.hint, code=refusal.code, detail=detail)


def _refusal(status: int, description: str) -> Refusal:
    """Find what a refusal means: by its words where they are known, else by its status."""
    if status >= _SERVER_ERROR:
        return _OUT_OF_ORDER
    words = description.lower()
    known = next((one for one in REFUSALS if re.search(one.words, words)), None)
    if known and status not in {_UNAUTHORIZED, _REQUEST_TIMEOUT}:
        return known
    return STATUSES.get(status) or (_UNKNOWN_REFUSAL if status >= _BAD_REQUEST else _UNDOCUMENTED)


def _words(description: str, account: Account) -> str:
    """Telegram's own words, without our secrets if it repeats them."""
    credentials = credentials_of(account)
    for secret in (credentials.token, credentials.webhook_secret):
        description = description.replace(secret.get_secret_value(), "***")
    return description[:_WORDS_SHOWN]


def _retry_after(response: Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
