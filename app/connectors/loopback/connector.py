"""The connector of the example service: its capabilities, and the steps that the relay asks for."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast
from urllib.parse import urlsplit

from typing_extensions import override

from app.connectors.base import Connector, MediaRequest, Profile
from app.connectors.loopback import wire
from app.connectors.loopback.calls import TEXT_LENGTH, call, field, top
from app.connectors.loopback.contents import written
from app.connectors.loopback.credentials import LoopbackCredentials, authorization, credentials_of
from app.domain.capability import Accepts, Capabilities
from app.domain.message import Attachment, AttachmentKind, Event, Unopened
from app.domain.part import Part, Sent
from app.domain.person import Identifier, IdentifierType
from app.domain.status import Status
from app.errors import SignatureInvalid

if TYPE_CHECKING:
    from app.domain.account import Account, Credentials
    from app.domain.webhook import RawRequest
    from app.http import Http

SIGNATURE_HEADER = "X-Loopback-Signature"
#: Largest file, bytes.
FILE_SIZE = 100_000_000
#: Most buttons under a message, and their longest label, characters.
CHOICES = 10
CHOICE_LENGTH = 40


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
        places=True,
        cards=True,
        choices=CHOICES,
        choice_length=CHOICE_LENGTH,
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
        events = top(raw, "events")
        if not isinstance(events, list):
            return [Unopened(reason="The body is not a Loopback delivery: it has no list of events.")]
        return [wire.read(item) for item in events]

    @override
    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:
        delivery = top(raw, "id")
        return wire.storable(delivery) if isinstance(delivery, str) and delivery else None

    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        key = {"Idempotency-Key": part.key}
        return Sent(ids=(field(call(http, account, "POST", "/v1/messages", headers=key, json=written(part)), "id"),))

    def test(self, account: Account, http: Http) -> Profile:
        """See ``TestsCredentials``."""
        answer = call(http, account, "GET", "/v1/me")
        return Profile(identifier=Identifier(value=field(answer, "id")), name=field(answer, "name"))

    def register_webhook(self, account: Account, url: str, http: Http) -> None:
        """See ``RegistersWebhook``."""
        secret = credentials_of(account).secret.get_secret_value()
        call(http, account, "PUT", "/v1/webhook", json={"url": url, "secret": secret})

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:  # noqa: ARG002
        """See ``FetchesMedia``. The token goes to Loopback only, wherever the attachment's address points."""
        ours = _is_below(attachment.source, account.api_url)
        return MediaRequest(url=attachment.source, headers=authorization(account) if ours else {})


def _is_below(url: str, base: str) -> bool:
    one, other = urlsplit(url), urlsplit(base)
    return one[:2] == other[:2] and one.path.startswith(f"{other.path}/") and ".." not in one.path
