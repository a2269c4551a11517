"""Loopback: the relay's own example service, served by the simulator. The example for authors of connectors.

Service to relay: ``POST`` to the registered address, header ``X-Loopback-Signature`` = hex HMAC-SHA256 of the raw body
with the shared secret. A delivery may be repeated with the same ``id``; one delivery holds many events::

    {"id": "d1", "events": [
      {"type": "message", "id": "m1", "conversation": "c1", "time": "2026-11-22T10:00:00.123Z",
       "sender": {"id": "u1", "type": "opaque" | "phone", "name": "Dana",
                  "vouched": [{"type": "phone" | "email", "value": "+4930..."}]},
       "text": "Hello", "reply_to": null,
       "attachments": [{"kind": "image", "url": "...", "name": "a.png", "mime": "image/png", "size": 123}]},
      {"type": "receipt", "message": "m7", "conversation": "c1", "time": "...",
       "status": "delivered" | "read" | "failed", "reason": "..."}]}

A message with ``"own": true`` was written on the account's own side: by a colleague in the service's app, or through
the API below. ``sender`` is then the colleague (or the account) and ``recipient`` the customer, both as above.

Relay to service, with ``Authorization: Bearer <token>``:

- ``POST /v1/messages`` ``{conversation, text, reply_to, attachments}`` with ``Idempotency-Key`` answers 201
  ``{id, time}``, and 200 with the same id for a repeated key; ``attachments`` as above, and Loopback fetches each from
  its ``url`` before it answers;
- ``GET /v1/me`` answers ``{id, name}``; ``PUT /v1/webhook`` takes ``{url, secret}``;
- ``GET /v1/media/<id>`` answers an attachment's bytes.

A refusal is ``{"error": <word>}`` with a status of 400 or more; the words are in the tables below.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, SecretStr, TypeAdapter
from pydantic import ValidationError as Malformed
from typing_extensions import override

from app.connectors.base import Connector, MediaRequest, Profile
from app.domain.account import Account, Credentials
from app.domain.address import address_of
from app.domain.capability import Accepts, Capabilities
from app.domain.message import Attachment, AttachmentKind, Content, Event, Message, Receipt, Unopened
from app.domain.part import Part, Sent
from app.domain.person import Identifier, IdentifierType, Person
from app.domain.status import Status
from app.errors import (
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    RelayError,
    ResponseUnexpected,
    ServiceUnavailable,
    SignatureInvalid,
    Unauthorized,
)

if TYPE_CHECKING:
    from app.domain.webhook import RawRequest
    from app.http import Http, Response

SIGNATURE_HEADER = "X-Loopback-Signature"
TEXT_LENGTH = 4000
#: Largest file (bytes).
FILE_SIZE = 100_000_000
REDIRECTION = 300
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500
_WORDS_SHOWN = 300
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class _Refusal:
    error: type[RelayError]
    hint: str


#: What a refusal's status means; every other one is in ``_refusal``.
REFUSALS: Mapping[int, _Refusal] = {
    400: _Refusal(MessageInvalid, "Loopback does not take this message."),
    401: _Refusal(Unauthorized, "Loopback refuses the token: enter a new one for this account."),
    403: _Refusal(RecipientUnreachable, "The customer has blocked this account: use another channel."),
    404: _Refusal(RecipientUnreachable, "Loopback does not know this conversation (any more)."),
    413: _Refusal(MessageInvalid, f"Loopback takes at most {TEXT_LENGTH} characters: send a shorter text."),
    429: _Refusal(RateLimited, "Loopback asked to slow down."),
}


class LoopbackCredentials(Credentials):
    """What connects one Loopback account."""

    token: SecretStr = Field(
        title="Token", description="Opens Loopback's API; made with the account.", min_length=1, examples=["token-1"]
    )
    secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(32)),
        title="Signing secret",
        description="Signs the webhooks; made anew when left empty.",
        min_length=8,
        examples=["signing-secret-1"],
    )


def _storable(text: str) -> str:
    """Replace what no database and no UTF-8 takes: NUL and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_Text = Annotated[str, AfterValidator(_storable)]
_Id = Annotated[_Text, Field(min_length=1)]


class _Address(BaseModel):
    type: Literal["phone", "email"]
    value: _Text

    def read(self) -> Identifier | None:
        return address_of(Identifier(type=IdentifierType(self.type), value=self.value))


class _Sender(BaseModel):
    id: _Id
    type: Literal["opaque", "phone"] = "opaque"
    name: _Text | None = None
    vouched: tuple[_Address, ...] = ()

    def person(self) -> Person:
        return Person(
            identifier=Identifier(type=IdentifierType(self.type), value=self.id),
            name=self.name or "",
            vouched=tuple(filter(None, map(_Address.read, self.vouched))),
        )


class _Attachment(BaseModel):
    kind: _Text
    url: _Id
    name: _Text = ""
    mime: _Text = ""
    size: int | None = None

    def read(self) -> Attachment:
        kind = AttachmentKind(self.kind) if self.kind in set(AttachmentKind) else AttachmentKind.FILE
        return Attachment(kind=kind, source=self.url, name=self.name, mime=self.mime, size=self.size)


class _Message(BaseModel):
    type: Literal["message"]
    id: _Id
    conversation: _Id
    time: AwareDatetime
    sender: _Sender
    text: _Text = ""
    reply_to: _Text | None = None
    attachments: tuple[_Attachment, ...] = ()
    own: bool = False
    recipient: _Sender | None = None

    def event(self) -> Message:
        return Message(
            conversation=self.conversation,
            service_id=self.id,
            sender=self.sender.person(),
            content=Content(
                text=self.text, attachments=tuple(map(_Attachment.read, self.attachments)), reply_to=self.reply_to
            ),
            sent_at=self.time,
            order=(self.time - _EPOCH) // timedelta(milliseconds=1),
            own=self.own,
            customer=self.recipient.person() if self.own and self.recipient else None,
        )


class _Receipt(BaseModel):
    type: Literal["receipt"]
    message: _Id
    conversation: _Text = ""
    time: AwareDatetime
    status: Literal["delivered", "read", "failed"]
    reason: _Text | None = None

    def event(self) -> Receipt:
        known = {"service_id": self.message, "conversation": self.conversation, "reason": self.reason or ""}
        return Receipt(status=Status(self.status), at=self.time, **known)


_EVENT: TypeAdapter[_Message | _Receipt] = TypeAdapter(Annotated[_Message | _Receipt, Field(discriminator="type")])


class LoopbackConnector(Connector):
    """The connector of the example service."""

    name = "loopback"
    title = "Loopback"
    credentials = LoopbackCredentials
    capabilities: ClassVar[Capabilities] = Capabilities(
        text_length=TEXT_LENGTH,
        identifiers=frozenset({IdentifierType.OPAQUE, IdentifierType.PHONE}),
        attachments=dict.fromkeys(AttachmentKind, Accepts(size=FILE_SIZE)),
        caption_length=TEXT_LENGTH,
        captioned=frozenset(AttachmentKind),
        replies=True,
        receipts=frozenset({Status.DELIVERED, Status.READ, Status.FAILED}),
        idempotent=True,
    )
    api_url = "http://127.0.0.1:8900/loopback"

    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        secret = cast("LoopbackCredentials", credentials).secret.get_secret_value()
        expected = hmac.new(secret.encode(), raw.body, hashlib.sha256).hexdigest()
        given = raw.header(SIGNATURE_HEADER)
        if not given:
            raise SignatureInvalid(f"The header {SIGNATURE_HEADER} is missing: this is not Loopback.")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise SignatureInvalid("The signature does not match: register the webhook again, so both know one secret.")

    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        events = _top(raw, "events")
        if not isinstance(events, list):
            return [Unopened(reason="The body is not a Loopback delivery: it has no list of events.")]
        return [_read(item) for item in events]

    @override
    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:
        delivery = _top(raw, "id")
        return _storable(delivery) if isinstance(delivery, str) and delivery else None

    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        words = {"text": part.content.text, "reply_to": part.content.reply_to}
        body = {"conversation": part.conversation, **words, "attachments": _attached(part)}
        headers = {**_authorization(account), "Idempotency-Key": part.key}
        response = http.request("POST", f"{account.api_url}/v1/messages", headers=headers, json=body)
        return Sent(ids=(_field(_accepted(response, account), "id"),))

    def test(self, account: Account, http: Http) -> Profile:
        """See ``TestsCredentials``."""
        response = http.request("GET", f"{account.api_url}/v1/me", headers=_authorization(account))
        accepted = _accepted(response, account)
        return Profile(identifier=Identifier(value=_field(accepted, "id")), name=_field(accepted, "name"))

    def register_webhook(self, account: Account, url: str, http: Http) -> None:
        """See ``RegistersWebhook``."""
        body = {"url": url, "secret": _credentials(account).secret.get_secret_value()}
        response = http.request("PUT", f"{account.api_url}/v1/webhook", headers=_authorization(account), json=body)
        _accepted(response, account)

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:  # noqa: ARG002
        """See ``FetchesMedia``. The token goes to Loopback only, wherever the attachment's address points."""
        ours = _is_below(attachment.source, account.api_url)
        return MediaRequest(url=attachment.source, headers=_authorization(account) if ours else {})


def _attached(part: Part) -> list[dict[str, object]]:
    """The part's file as the service fetches it."""
    if part.media is None or part.content.attachment is None:
        return []
    media = part.media
    described = {"url": media.link, "name": media.name, "mime": media.mime, "size": media.size}
    return [{"kind": part.content.attachment.kind.value, **described}]


def _read(item: object) -> Event:
    """One event of a delivery; what is wrong with it stays with it."""
    try:
        return _EVENT.validate_python(item).event()
    except Malformed as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the event"
        reason = f"Not an event that this release knows: {place}: {first['msg']}"
        return Unopened(reason=f"{_storable(reason)[:_WORDS_SHOWN]}.", raw=item)


def _top(message: RawRequest | Response, name: str) -> object:
    """A field of a JSON object, or None where there is no such thing."""
    try:
        body = message.json()
    except (ValueError, RecursionError):
        return None
    return body.get(name) if isinstance(body, dict) else None


def _credentials(account: Account) -> LoopbackCredentials:
    return cast("LoopbackCredentials", account.credentials)


def _authorization(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {_credentials(account).token.get_secret_value()}"}


def _is_below(url: str, base: str) -> bool:
    one, other = urlsplit(url), urlsplit(base)
    return one[:2] == other[:2] and one.path.startswith(f"{other.path}/") and ".." not in one.path


def _accepted(response: Response, account: Account) -> Response:
    """Return an answer that means yes.

    Raises:
        RelayError: it does not; which one, the tables at the top say.
    """
    if response.status in {200, 201}:
        return response
    words = _words(response, account)
    refusal = REFUSALS.get(response.status) or _refusal(response.status)
    if refusal.error is RateLimited:
        wait = response.headers.get("retry-after", "")
        raise RateLimited(refusal.hint, retry_after=float(wait) if wait.isdecimal() else None, detail=words)
    raise refusal.error(refusal.hint, detail=words)


def _refusal(status: int) -> _Refusal:
    """What a status that is not in the table means."""
    if status >= SERVER_ERROR or status == REQUEST_TIMEOUT:
        return _Refusal(ServiceUnavailable, "Loopback is out of order at the moment.")
    if status < REDIRECTION:
        return _Refusal(OutcomeUnknown, f"Loopback's answer does not say whether it was done (status {status}).")
    return _Refusal(ResponseUnexpected, f"Loopback gave an answer that its protocol does not know (status {status}).")


def _field(response: Response, name: str) -> str:
    """Return a text of an answer that means yes; without it, nobody knows what was done."""
    value = _top(response, name)
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown(f"Loopback said yes, but not the {name}: it may have been done.")
    return value


def _words(response: Response, account: Account) -> str:
    """Loopback's own words, without our secrets if it repeats them."""
    words = response.text
    for secret in (_credentials(account).token, _credentials(account).secret):
        words = words.replace(secret.get_secret_value(), "***")
    return f"{response.status} {words[:_WORDS_SHOWN]}"
