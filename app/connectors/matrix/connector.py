"""The connector of Matrix: the homeserver's requests in, the client API out."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import unquote

from typing_extensions import override

from app.connectors.base import Connector, MediaRequest, Profile
from app.connectors.matrix import homeserver, sending
from app.connectors.matrix.credentials import MatrixCredentials, credentials_of
from app.connectors.matrix.homeserver import Homeserver
from app.connectors.matrix.transaction import event_ids, read_events, read_transaction
from app.domain.account import Account, Credentials
from app.domain.capability import Capabilities, LengthUnit, RichTextDialect
from app.domain.message import Attachment, Event, Unopened
from app.domain.part import Part, Sent
from app.domain.person import Identifier
from app.domain.status import Status
from app.domain.webhook import Answer, RawRequest
from app.errors import ContentUnsupported, Rejected, SignatureInvalid, Unauthorized

if TYPE_CHECKING:
    from app.http import Http

#: Milliseconds that customers see of us that somebody writes.
TYPING_SHOWN = 5_000
#: Events that are asked for after an invitation is accepted.
MISSED_EVENTS = 100

_JSON = "application/json"
_TRANSACTION = re.compile(r"(?:_matrix/app/v1/)?transactions/(?P<id>.+)")
_USER = re.compile(r"(?:_matrix/app/v1/)?users/(?P<id>.+)")
_PING = "_matrix/app/v1/ping"
_MXC = re.compile(r"mxc://(?P<server>[^/\s]+)/(?P<id>[A-Za-z0-9_-]+)")
_LONG_ID = 64


class MatrixConnector(Connector):
    """Speaks to Matrix homeservers as an application service."""

    name: ClassVar[str] = "matrix"
    title: ClassVar[str] = "Matrix"
    credentials: ClassVar[type[Credentials]] = MatrixCredentials
    capabilities: ClassVar[Capabilities] = Capabilities(
        text_length=sending.TEXT_LENGTH,
        text_unit=LengthUnit.BYTES,
        attachments=sending.ATTACHMENTS,
        caption_length=sending.TEXT_LENGTH,
        captioned=sending.CAPTIONED,
        places=True,
        rich_text=RichTextDialect.MATRIX,
        replies=True,
        receipts=frozenset({Status.READ}),
        idempotent=True,
    )

    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        """Check the homeserver's token.

        The receiver answers 401 to a wrong one, where Matrix would say 403 with M_FORBIDDEN; for a homeserver both
        mean that the transaction was not taken.

        Raises:
            SignatureInvalid: the token is missing or another one.
        """
        expected = f"Bearer {cast('MatrixCredentials', credentials).hs_token.get_secret_value()}"
        given = raw.header("authorization")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            raise SignatureInvalid(
                "The homeserver's token is missing or wrong: install this account's registration file, then restart it."
            )

    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        try:
            return read_transaction(raw.json(), credentials_of(account))
        except (ValueError, RecursionError):
            return [Unopened(reason="A Matrix transaction that is not JSON, or is nested too deeply.")]

    @override
    def answer(self, raw: RawRequest) -> Answer:
        return Answer(body="{}", content_type=_JSON)

    @override
    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:
        """Return the transaction's id with a digest of its events' ids.

        Synapse numbers transactions from 1, again so after its database was made anew: the id alone would take the
        new ones for repetitions. The rest of the body is no part of it, because ages and receipts differ in a
        repetition.
        """
        found = _TRANSACTION.fullmatch(_path(raw))
        if not found:
            return None
        number = found["id"] if len(found["id"]) <= _LONG_ID else _digest(found["id"])
        try:
            return f"{number}.{_digest(*event_ids(raw.json()))}"
        except (ValueError, RecursionError):
            return f"{number}.{_digest(raw.body.hex())}"

    def handshake(self, raw: RawRequest, account: Account) -> Answer | None:
        """Answer the homeserver's questions: is there such a user or room, and are you there."""
        path = _path(raw)
        if _TRANSACTION.fullmatch(path) and raw.method == "PUT":
            return None
        user = _USER.fullmatch(path)
        if path == _PING or (user and user["id"] == credentials_of(account).speaker):
            return self.answer(raw)
        return _not_found()

    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        """Send a part as one event; its key makes a repetition harmless. A file is stored at the homeserver before.

        Where the room refuses us, an open invitation is accepted and the call made once more: the first call did
        nothing. The relay may have been offline when the invitation came.
        """
        server = Homeserver(account, http)
        kind, content = sending.event_of(part.content, _stored(part, server))
        steps = ("v3", "rooms", part.conversation, "send", kind, part.key)
        response = server.call("PUT", *steps, json=content)
        if homeserver.errcode(response) == homeserver.FORBIDDEN and _enter(part.conversation, server):
            response = server.call("PUT", *steps, json=content)
        return Sent(ids=(homeserver.field(server.answer(response), "event_id"),))

    def join(self, conversation: str, account: Account, http: Http) -> Sequence[Event]:
        """Accept an invitation and return what was written between it and now, oldest first.

        A homeserver pushes nothing of a room that we are not in, and clients send the first message right behind the
        invitation. Safe to repeat: events that were pushed too have the same ids.

        Raises:
            RelayError: as ``Connector.send``.
        """
        server = Homeserver(account, http)
        server.answer(server.call("POST", "v3", "join", conversation, json={}))
        query = {"dir": "b", "limit": str(MISSED_EVENTS)}
        page = server.answer(server.call("GET", "v3", "rooms", conversation, "messages", params=query))
        chunk = page.get("chunk")
        missed = _until_invitation(chunk if isinstance(chunk, list) else [], server.ours)
        return read_events(missed[::-1], server.ours)

    def mark_read(self, conversation: str, account: Account, http: Http, *, message: str) -> None:
        """See ``MarksRead``: a read receipt of our user.

        https://spec.matrix.org/latest/client-server-api/#receipts
        """
        server = Homeserver(account, http)
        server.answer(server.call("POST", "v3", "rooms", conversation, "receipt", "m.read", message, json={}))

    def show_typing(self, conversation: str, account: Account, http: Http) -> None:
        """See ``ShowsTyping``.

        https://spec.matrix.org/latest/client-server-api/#typing-notifications
        """
        server = Homeserver(account, http)
        body = {"typing": True, "timeout": TYPING_SHOWN}
        server.answer(server.call("PUT", "v3", "rooms", conversation, "typing", server.ours.speaker, json=body))

    def test(self, account: Account, http: Http) -> Profile:
        """Ask the homeserver whom the token belongs to, and make sure that this user exists.

        Raises:
            Unauthorized: the homeserver refuses the token or the user, or knows the token as another user's.
            RelayError: as ``Connector.send``.
        """
        server = Homeserver(account, http)
        url = server.address("v3", "account", "whoami")
        user = homeserver.field(server.answer(server.request("GET", url)), "user_id")
        speaker = server.ours.speaker
        if user != speaker:
            raise Unauthorized(
                f"The homeserver knows this token as {user}, not as {speaker}: correct the server name or user name."
            )
        self._register(server)
        return Profile(identifier=Identifier(value=speaker), name=speaker)

    def ping(self, account: Account, http: Http) -> None:
        """Ask the homeserver to call our webhook address, once the account is saved.

        https://spec.matrix.org/latest/application-service-api/#post_matrixclientv1appserviceappserviceidping

        Raises:
            RelayError: the hint says what the homeserver met.
        """
        server = Homeserver(account, http)
        steps = ("v1", "appservice", server.ours.registration_id, "ping")
        response = server.call("POST", *steps, json={"transaction_id": account.key})
        if not homeserver.succeeded(response):
            raise server.refusal(response, homeserver.PING_REFUSALS)

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:
        """Return where an attachment's bytes are.

        Raises:
            ContentUnsupported: its source is not Matrix's.
        """
        found = _MXC.fullmatch(attachment.source)
        if not found:
            raise ContentUnsupported("The attachment has no address that Matrix knows.")
        server = Homeserver(account, http)
        return MediaRequest(
            url=server.address("v1", "media", "download", found["server"], found["id"]), headers=server.headers
        )

    @staticmethod
    def _register(server: Homeserver) -> None:
        url = server.address("v3", "register")
        body = {
            "type": "m.login.application_service",
            "username": server.ours.sender_localpart,
            "inhibit_login": True,
        }
        response = server.request("POST", url, json=body)
        if homeserver.errcode(response) != homeserver.USER_IN_USE:
            server.answer(response)


def _path(raw: RawRequest) -> str:
    return unquote(raw.path).strip("/")


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _not_found() -> Answer:
    body = json.dumps({"errcode": "M_NOT_FOUND", "error": "The relay has nothing of this name."})
    return Answer(status=404, body=body, content_type=_JSON)


def _stored(part: Part, server: Homeserver) -> sending.Stored | None:
    """Store a part's file at the homeserver, None where it has none. A second copy of it does no harm."""
    attachment, media = part.content.attachment, part.media
    if attachment is None:
        return None
    if media is None:
        raise ContentUnsupported("The file of this message is not at hand: send it once more.")
    return sending.Stored(attachment.kind, server.upload(media), media)


def _enter(room: str, server: Homeserver) -> bool:
    """Try to enter a room; False when it does not let us in, as a closed one without an invitation does not."""
    response = server.call("POST", "v3", "join", room, json={})
    if homeserver.succeeded(response):
        return True
    refusal = server.refusal(response)
    if isinstance(refusal, Rejected):
        return False
    raise refusal


def _until_invitation(newest_first: list[Any], ours: MatrixCredentials) -> list[Any]:
    """Keep what came after our invitation: an older room's history is not ours to relay."""
    kept: list[Any] = []
    for event in newest_first:
        if _invites_us(event, ours):
            break
        kept.append(event)
    return kept


def _invites_us(event: object, ours: MatrixCredentials) -> bool:
    if not isinstance(event, dict) or event.get("state_key") != ours.speaker:
        return False
    content = event.get("content")
    return event.get("type") == "m.room.member" and isinstance(content, dict) and content.get("membership") == "invite"
