"""The connector against a real homeserver, which installs the connector's own registration file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from pydantic import SecretStr

from app.domain.account import Account
from app.domain.message import AttachmentKind, Message, NoticeKind, Receipt
from app.domain.part import Part, PartContent
from app.errors import RateLimited, RecipientUnreachable, Unauthorized
from app.http import Http
from tests.integration.matrix_house import CONNECTOR, House, account_at, matrix_house
from tests.servers.synapse import Person, SynapseServer

pytestmark = pytest.mark.synapse


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(allowed_private_hosts=("127.0.0.1",), call_timeout=20)
    yield client
    client.close()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with matrix_house() as found:
        yield found


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
