"""The connector against a real homeserver, which installs the connector's own registration file."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import pytest
from pydantic import SecretStr
from typing_extensions import override

from app.connectors.matrix import MatrixConnector, MatrixCredentials, registration
from app.domain.account import Account
from app.domain.message import AttachmentKind, Event, Message, Notice, NoticeKind, Receipt
from app.domain.part import Part, PartContent
from app.domain.person import Identifier
from app.domain.webhook import Answer, RawRequest
from app.errors import RateLimited, RecipientUnreachable, SignatureInvalid, Unauthorized
from app.http import Http
from tests.servers.synapse import SERVER_NAME, AppService, Person, SynapseServer

pytestmark = pytest.mark.synapse

CONNECTOR = MatrixConnector()
PATH = "/webhooks/matrix/key"


class Receiver:
    """The relay's address as the homeserver sees it: verifies and parses what comes, and keeps it."""

    def __init__(self, port: int, account: Account) -> None:
        self.account = account
        self.events: list[Event] = []
        self.keys: list[str | None] = []
        self.questions: list[str] = []
        self.outages = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def receive(self, raw: RawRequest) -> Answer:
        """Do with a request what the relay's receiver does."""
        try:
            CONNECTOR.verify(raw, self.account.credentials)
        except SignatureInvalid:
            return Answer(status=401)
        if answer := CONNECTOR.handshake(raw, self.account):
            self.questions.append(raw.path)
            return answer
        self.keys.append(CONNECTOR.dedupe_key(raw, self.account))
        if self.outages:
            self.outages -= 1
            return Answer(status=503)
        self.events += CONNECTOR.parse(raw, self.account)
        return CONNECTOR.answer(raw)

    def wait_for(self, wanted: Callable[[Event], bool], *, seconds: float = 15) -> Event:
        """Return the first event of that kind as soon as it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in list(self.events):
                if wanted(event):
                    return event
            time.sleep(0.02)
        raise AssertionError(f"did not come within {seconds} s; came: {self.events}")

    def wait_for_text(self, room: str, text: str) -> Message:
        """Return the message with this text."""
        found = self.wait_for(
            lambda event: isinstance(event, Message) and (event.conversation, event.content.text) == (room, text)
        )
        assert isinstance(found, Message)
        return found

    def wait_for_notice(self, room: str, kind: NoticeKind) -> Notice:
        """Return the notice of that kind about a room."""
        found = self.wait_for(
            lambda event: isinstance(event, Notice) and (event.conversation, event.kind) == (room, kind)
        )
        assert isinstance(found, Notice)
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(_Handler):
            owner = receiver

        return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Receiver

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        raw = RawRequest(
            method=self.command,
            url=f"http://127.0.0.1{self.path}",
            path=unquote(path.removeprefix(PATH)),
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer = self.owner.receive(raw)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body.encode())))
        self.end_headers()
        self.wfile.write(answer.body.encode())

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of http.server

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _RegisteredSynapse(SynapseServer):
    """Synapse with the registration file that the connector writes."""

    @override
    def prepare(self) -> None:
        super().prepare()
        text = registration(account_at(self), f"{self.app_service.url}{PATH}")
        (self.folder / "registration.yaml").write_text(text, encoding="utf-8")


def account_at(server: SynapseServer, *, speaker: str | None = None) -> Account:
    """Return an account of that homeserver."""
    service = server.app_service
    credentials = MatrixCredentials(
        homeserver_url=server.url,
        server_name=SERVER_NAME,
        sender_localpart=speaker or service.sender_localpart,
        as_token=SecretStr(service.as_token),
        hs_token=SecretStr(service.hs_token),
    )
    return Account(
        id=1,
        key="key",
        connector="matrix",
        portal_id=1,
        channel_id="1",
        hubspot_id="1",
        name="Matrix",
        identifier=Identifier(value=credentials.speaker),
        credentials=credentials,
        credentials_version=1,
        api_url="",
    )


@dataclass(frozen=True)
class House:
    """A homeserver, its account and the receiver that it pushes to."""

    server: SynapseServer
    receiver: Receiver
    account: Account
    http: Http

    @property
    def bot(self) -> str:
        return self.account.identifier.value

    def customer(self) -> Person:
        """Return a new customer."""
        return self.server.register(f"customer-{secrets.token_hex(4)}")

    def open(self, customer: Person) -> str:
        """Let a customer invite the relay, accept, and return the room."""
        room = customer.create_room(self.bot)
        self.receiver.wait_for_notice(room, NoticeKind.OPTED_IN)
        CONNECTOR.join(room, self.account, self.http)
        return room

    def send(self, room: str, text: str, *, key: str | None = None, reply_to: str | None = None) -> str:
        """Send a text and return its id."""
        part = Part(
            conversation=room, content=PartContent(text=text, reply_to=reply_to), key=key or secrets.token_hex(8)
        )
        (event_id,) = CONNECTOR.send(part, self.account, self.http).ids
        return event_id


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(allowed_private_hosts=("127.0.0.1",), call_timeout=20)
    yield client
    client.close()


@pytest.fixture(scope="module")
def house(http: Http) -> Iterator[House]:
    server = _RegisteredSynapse(app_service=AppService())
    account = account_at(server)
    with Receiver(server.app_service.port, account) as receiver, server:
        yield House(server, receiver, account, http)


def test_a_customer_writes_and_is_understood(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    event_id = customer.write(room, "Hello")
    found = house.receiver.wait_for_text(room, "Hello")
    assert (found.service_id, found.sender.identifier.value) == (event_id, customer.user_id)


def test_what_was_written_before_we_came_is_not_lost(house: House) -> None:
    customer = house.customer()
    room = customer.create_room(house.bot)
    first, second = customer.write(room, "One"), customer.write(room, "Two")
    house.receiver.wait_for_notice(room, NoticeKind.OPTED_IN)
    missed = CONNECTOR.join(room, house.account, house.http)
    assert [one.service_id for one in missed if isinstance(one, Message)] == [first, second]


def test_an_answer_appears_in_the_room_once_however_often_it_is_sent(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    question = customer.write(room, "Are you open?")
    ids = {house.send(room, "We are", key="same", reply_to=question) for _ in range(2)}
    answer = customer.wait_for_text(room, "We are")
    assert {answer["event_id"]} == ids
    assert answer["sender"] == house.bot
    assert answer["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": question}}
    assert [event["content"].get("body") for event in customer.read(room)].count("We are") == 1


def test_our_own_messages_do_not_come_back(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    house.send(room, "From us")
    customer.write(room, "From the customer")
    house.receiver.wait_for_text(room, "From the customer")
    texts = [one.content.text for one in house.receiver.events if isinstance(one, Message) and one.conversation == room]
    assert texts == ["From the customer"]


def test_reading_is_reported(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    event_id = house.send(room, "Read this")
    customer.call("POST", f"/rooms/{room}/receipt/m.read/{event_id}", json={})
    found = house.receiver.wait_for(lambda event: isinstance(event, Receipt) and event.service_id == event_id)
    assert isinstance(found, Receipt)
    assert (found.conversation, found.covers_earlier) == (room, True)


def test_an_answer_accepts_an_invitation_that_nobody_accepted(house: House) -> None:
    customer = house.customer()
    room = customer.create_room(house.bot)
    house.send(room, "Here we are")
    assert customer.wait_for_text(room, "Here we are")["sender"] == house.bot


def test_leaving_closes_the_conversation_and_coming_back_opens_it(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    house.receiver.events.clear()
    customer.leave(room)
    assert house.receiver.wait_for_notice(room, NoticeKind.OPTED_OUT).detail == customer.user_id
    house.server.bot.call("POST", f"/rooms/{room}/invite", json={"user_id": customer.user_id})
    customer.join(room)
    house.receiver.wait_for_notice(room, NoticeKind.OPTED_IN)


def test_a_room_that_was_replaced_moves_the_conversation(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    body = customer.call("POST", f"/rooms/{room}/upgrade", json={"new_version": "12"})
    assert house.receiver.wait_for_notice(room, NoticeKind.MOVED).detail == body["replacement_room"]


def test_a_room_that_put_us_out_cannot_be_written_to(house: House) -> None:
    customer = house.customer()
    # In a room of the preset "trusted", both sides have the same power and cannot put each other out.
    made = customer.call("POST", "/createRoom", json={"invite": [house.bot], "preset": "private_chat"})
    room = str(made["room_id"])
    CONNECTOR.join(room, house.account, house.http)
    customer.call("POST", f"/rooms/{room}/kick", json={"user_id": house.bot})
    house.receiver.wait_for_notice(room, NoticeKind.OPTED_OUT)
    with pytest.raises(RecipientUnreachable):
        house.send(room, "Still there?")


def test_a_picture_can_be_fetched(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    source = customer.upload(b"bytes of a picture", "image/png", "cat.png")
    customer.send(room, "m.room.message", {"msgtype": "m.image", "body": "cat.png", "url": source})
    found = house.receiver.wait_for(
        lambda event: isinstance(event, Message) and event.conversation == room and bool(event.content.attachments)
    )
    assert isinstance(found, Message)
    (attachment,) = found.content.attachments
    assert attachment.kind is AttachmentKind.IMAGE
    wanted = CONNECTOR.media_request(attachment, house.account, house.http)
    assert house.http.request("GET", wanted.url, headers=wanted.headers).body == b"bytes of a picture"
    assert house.http.request("GET", wanted.url).status == 401


def test_the_longest_text_that_is_declared_is_taken(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    text = '"\n' * (CONNECTOR.capabilities.text_length // 2)
    assert house.send(room, text).startswith("$")


def test_a_transaction_that_met_an_outage_comes_again_under_its_key(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    house.receiver.wait_for_text(room, customer_says(customer, room, "Before"))
    house.receiver.keys.clear()
    house.receiver.outages = 1
    house.receiver.wait_for_text(room, customer_says(customer, room, "During"))
    refused, repeated = house.receiver.keys[:2]
    assert refused == repeated


def customer_says(customer: Person, room: str, text: str) -> str:
    """Write a text and return it."""
    customer.write(room, text)
    return text


def test_the_credentials_work_and_the_homeserver_reaches_us(house: House) -> None:
    profile = CONNECTOR.test(house.account, house.http)
    assert profile.identifier == house.account.identifier
    CONNECTOR.ping(house.account, house.http)
    assert "/_matrix/app/v1/ping" in house.receiver.questions


@pytest.mark.parametrize("wrong", [{"as_token": SecretStr("not-the-token")}, {"sender_localpart": "somebody"}])
def test_wrong_credentials_are_told(house: House, wrong: dict[str, object]) -> None:
    given = house.account
    account = Account(**{**vars(given), "credentials": given.credentials.model_copy(update=wrong)})
    with pytest.raises(Unauthorized):
        CONNECTOR.test(account, house.http)
    part = Part(conversation="!room", content=PartContent(text="x"), key="wrong")
    with pytest.raises(Unauthorized):
        CONNECTOR.send(part, account, house.http)


def test_a_homeserver_that_limits_senders_is_understood(tight_synapse: SynapseServer, http: Http) -> None:
    # Synapse never limits the sender of an application service, only its other users.
    account = account_at(tight_synapse, speaker="relay_desk")
    body = {"type": "m.login.application_service", "username": "relay_desk", "inhibit_login": True}
    tight_synapse.bot.call("POST", "/register", json=body)
    room = tight_synapse.register("customer").create_room(account.identifier.value)
    CONNECTOR.join(room, account, http)
    parts = [Part(conversation=room, content=PartContent(text=f"Message {n}"), key=str(n)) for n in range(12)]
    with pytest.raises(RateLimited) as caught:
        list(map(partial(CONNECTOR.send, account=account, http=http), parts))
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 5
