from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO

import pytest
from pydantic import JsonValue, SecretStr

from app.conformance.samples import Subject
from app.conformance.server import Scripted, ScriptedServer
from app.connectors.base import FetchesMedia, RegistersWebhook, TestsCredentials
from app.connectors.loopback import LoopbackConnector, LoopbackCredentials
from app.domain.account import Account
from app.domain.message import Attachment, AttachmentKind, Event, Message, Receipt, Unopened
from app.domain.part import Part, PartContent
from app.domain.person import Identifier, IdentifierType
from app.domain.status import Status
from app.domain.webhook import RawRequest
from app.errors import (
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    RelayError,
    ServiceUnavailable,
    SignatureInvalid,
    Unauthorized,
)
from app.http import Http
from tests.app.connectors.loopback_samples import CREDENTIALS, SAMPLES, delivery, message, sign

LOOPBACK = LoopbackConnector()
SUBJECT = Subject(LOOPBACK, SAMPLES)


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(Scripted(201, SAMPLES.accepted)) as running:
        yield running


@pytest.fixture
def account(server: ScriptedServer) -> Account:
    return SUBJECT.account(server.url)


def parse(name: str) -> list[Event]:
    return list(LOOPBACK.parse(SUBJECT.request(SAMPLES.payloads[name]), SUBJECT.account()))


def part(**content: str) -> Part:
    return Part(conversation="c1", content=PartContent.model_validate({"text": "Hello", **content}), key="key-1")


def test_optional_abilities() -> None:
    assert isinstance(LOOPBACK, TestsCredentials)
    assert isinstance(LOOPBACK, RegistersWebhook)
    assert isinstance(LOOPBACK, FetchesMedia)


def test_a_secret_is_made_where_none_is_given() -> None:
    made = [LoopbackCredentials(token=SecretStr("token-1")).secret.get_secret_value() for _ in range(2)]

    assert made[0] != made[1]
    assert len(made[0]) >= 32


def test_verify_works_on_the_raw_bytes() -> None:
    body = b'{"id":  "d1",   "events": []}'
    LOOPBACK.verify(sign(body, CREDENTIALS), CREDENTIALS)

    respaced = sign(json.dumps(json.loads(body)).encode(), CREDENTIALS)
    with pytest.raises(SignatureInvalid, match="does not match"):
        LOOPBACK.verify(RawRequest("POST", "", headers=respaced.headers, body=body), CREDENTIALS)


def test_parse_message() -> None:
    [event] = parse("message")

    assert isinstance(event, Message)
    assert (event.conversation, event.service_id) == ("c1", "m1")
    assert (event.sender.identifier.value, event.sender.name) == ("u1", "Dana")
    assert event.content.text == "Hello, is anybody there? 👋"
    assert event.sent_at == datetime(2026, 11, 22, 10, 0, 0, 123_000, UTC)
    assert event.order == 1_795_341_600_123


def test_parse_reply() -> None:
    [event] = parse("reply")

    assert isinstance(event, Message)
    assert event.content.reply_to == "m7"


def test_a_sender_may_be_a_number_and_be_vouched_for() -> None:
    [event] = parse("vouched")

    assert isinstance(event, Message)
    assert event.sender.identifier == Identifier(type=IdentifierType.PHONE, value="+4930123456")
    assert [one.value for one in event.sender.vouched] == ["+4930123456", "dana@example.com"]


def test_parse_what_a_colleague_wrote_in_the_services_app() -> None:
    [event] = parse("own")

    assert isinstance(event, Message)
    assert (event.own, event.sender.name) == (True, "Robin")
    assert event.customer is not None
    assert (event.customer.identifier.value, event.customer.name) == ("u1", "Dana")


def test_parse_picture() -> None:
    [event] = parse("picture")

    assert isinstance(event, Message)
    [picture] = event.content.attachments
    assert (picture.kind, picture.name, picture.mime, picture.size) == (AttachmentKind.IMAGE, "a.png", "image/png", 123)


def test_an_attachment_of_a_later_kind_is_a_file() -> None:
    odd: dict[str, JsonValue] = {
        "type": "message",
        "id": "m",
        "conversation": "c",
        "time": "2026-11-22T10:00:00Z",
        "sender": {"id": "u"},
    }
    body = delivery([{**odd, "attachments": [{"kind": "hologram", "url": "https://x.example/h"}]}])

    [event] = LOOPBACK.parse(SUBJECT.request(body), SUBJECT.account())

    assert isinstance(event, Message)
    assert event.content.attachments[0].kind is AttachmentKind.FILE


def test_parse_receipts() -> None:
    delivered, read, failed = parse("receipts")

    assert isinstance(delivered, Receipt)
    assert isinstance(read, Receipt)
    assert isinstance(failed, Receipt)
    assert [delivered.status, read.status, failed.status] == [Status.DELIVERED, Status.READ, Status.FAILED]
    assert read.at == datetime(2026, 11, 22, 10, 0, 2, tzinfo=UTC)
    assert (failed.service_id, failed.conversation, failed.reason) == ("m8", "c1", "The customer's phone is off.")


def test_an_odd_event_is_kept_with_its_reason() -> None:
    odd: JsonValue = {"type": "message", "id": "m1"}

    before, unopened, after = LOOPBACK.parse(
        SUBJECT.request(delivery([message(1), odd, message(2)])), SUBJECT.account()
    )

    assert isinstance(before, Message)
    assert isinstance(after, Message)
    assert unopened == Unopened(
        reason="Not an event that this release knows: message.conversation: Field required.", raw=odd
    )


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events": {}}', b"\xff", b"null"])
def test_a_body_that_cannot_be_read_is_one_unopened(body: bytes) -> None:
    [event] = LOOPBACK.parse(SUBJECT.request(body), SUBJECT.account())

    assert isinstance(event, Unopened)


def test_text_that_cannot_be_stored_is_replaced() -> None:
    event = message(1)
    assert isinstance(event, dict)
    body = delivery([{**event, "text": "a\0b\ud800c"}])

    [parsed] = LOOPBACK.parse(SUBJECT.request(body), SUBJECT.account())

    assert isinstance(parsed, Message)
    assert parsed.content.text == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(("body", "key"), [(b'{"id": "d7"}', "d7"), (b'{"id": 7}', None), (b"[", None), (b"[]", None)])
def test_dedupe_key_is_the_delivery_s_id(body: bytes, key: str | None) -> None:
    assert LOOPBACK.dedupe_key(SUBJECT.request(body), SUBJECT.account()) == key


def test_send(server: ScriptedServer, account: Account, http: Http) -> None:
    sent = LOOPBACK.send(part(reply_to="m3"), account, http)

    assert sent.ids == ("m9",)
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/messages")
    assert seen.headers["authorization"] == "Bearer token-of-loopback"
    assert seen.headers["idempotency-key"] == "key-1"
    assert seen.json() == {"conversation": "c1", "text": "Hello", "reply_to": "m3", "attachments": []}


@dataclass(frozen=True)
class Prepared:
    """A file that the relay has at hand."""

    name: str = "report.pdf"
    mime: str = "application/pdf"
    size: int = 4
    link: str = "https://relay.example/media/1-2-3"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        yield io.BytesIO(b"%PDF")


def test_a_file_is_named_by_its_link(server: ScriptedServer, account: Account, http: Http) -> None:
    file = Attachment(kind=AttachmentKind.VOICE, source="https://files.example/1")
    with_file = replace(part(), content=PartContent(text="Listen", attachment=file), media=Prepared())
    LOOPBACK.send(with_file, account, http)
    described = {"url": "https://relay.example/media/1-2-3", "name": "report.pdf", "mime": "application/pdf", "size": 4}
    told = {"conversation": "c1", "text": "Listen", "reply_to": None, "attachments": [{"kind": "voice", **described}]}
    assert server.seen[0].json() == told


@pytest.mark.parametrize(
    ("status", "word", "error", "hint"),
    [
        (401, "token_revoked", Unauthorized, "enter a new one"),
        (403, "blocked", RecipientUnreachable, "has blocked"),
        (404, "unknown_conversation", RecipientUnreachable, "does not know"),
        (413, "too_long", MessageInvalid, "4000 characters"),
        (429, "rate_limited", RateLimited, "slow down"),
        (500, "oops", ServiceUnavailable, "out of order"),
        (202, "", OutcomeUnknown, "status 202"),
    ],
)
def test_send_refused(
    status: int,
    word: str,
    error: type[RelayError],
    hint: str,
    server: ScriptedServer,
    account: Account,
    http: Http,
) -> None:
    server.play(Scripted(status, json.dumps({"error": word}).encode(), {"Retry-After": "7"}))

    with pytest.raises(error, match=hint) as raised:
        LOOPBACK.send(part(), account, http)

    assert type(raised.value) is error
    assert word in (raised.value.detail or "")
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 7


def test_test_asks_who_we_are(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(Scripted(200, b'{"id": "shop-1", "name": "The shop"}'))

    profile = LOOPBACK.test(account, http)

    assert (profile.identifier.value, profile.name) == ("shop-1", "The shop")
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/v1/me")


def test_register_webhook(server: ScriptedServer, account: Account, http: Http) -> None:
    server.play(Scripted(200, b"{}"))

    LOOPBACK.register_webhook(account, "https://relay.example/webhooks/loopback/key", http)

    [seen] = server.seen
    assert (seen.method, seen.path) == ("PUT", "/v1/webhook")
    assert seen.json() == {"url": "https://relay.example/webhooks/loopback/key", "secret": "secret-of-loopback"}


@pytest.mark.parametrize(
    ("source", "with_token"),
    [
        ("http://127.0.0.1:8900/loopback/v1/media/p1", True),
        ("http://127.0.0.1:8901/loopback/v1/media/p1", False),
        ("http://127.0.0.1:8900/other/p1", False),
        ("http://127.0.0.1:8900/loopback/../other/p1", False),
        ("https://elsewhere.example/loopback/v1/media/p1", False),
        ("http://127.0.0.1:8900@elsewhere.example/loopback/v1/media/p1", False),
    ],
)
def test_the_token_goes_to_loopback_only(source: str, with_token: bool, http: Http) -> None:  # noqa: FBT001 - a row
    attachment = Attachment(kind=AttachmentKind.IMAGE, source=source)

    request = LOOPBACK.media_request(attachment, SUBJECT.account("http://127.0.0.1:8900/loopback"), http)

    assert request.url == source
    assert ("Authorization" in request.headers) is with_token
