"""Every file of the corpus through a real homeserver, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.domain.message import Attachment, AttachmentKind, Event, Message, Place
from app.domain.part import Part, PartContent
from app.errors import MessageInvalid
from tests.app.connectors.conveying import check, prepared
from tests.app.connectors.uploading import Bytes
from tests.app.media.corpus import CORPUS
from tests.integration.matrix_house import CONNECTOR, House, matrix_house
from tests.servers.synapse import NO_TLS, Person

pytestmark = [pytest.mark.synapse, pytest.mark.timeout(300)]

MSGTYPES = {
    AttachmentKind.IMAGE: "m.image",
    AttachmentKind.VIDEO: "m.video",
    AttachmentKind.AUDIO: "m.audio",
    AttachmentKind.VOICE: "m.audio",
    AttachmentKind.STICKER: None,
    AttachmentKind.FILE: "m.file",
}


#: The files that are sent: every fourth, and all of them.
EACH = pytest.mark.parametrize(
    "titles",
    [
        pytest.param(list(CORPUS)[::4], id="every fourth", marks=pytest.mark.slow),
        pytest.param(list(CORPUS), id="all", marks=pytest.mark.long),
    ],
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with matrix_house() as found:
        yield found


def send(house: House, room: str, content: PartContent, media: Bytes | None = None, *, key: str = "k") -> str:
    [event_id] = CONNECTOR.send(Part(room, content, key=key, media=media), house.account, house.http).ids
    return event_id


def fetched(customer: Person, url: str) -> bytes:
    """A file's bytes, as the customer's own app fetches them."""
    path = f"{customer.server}/_matrix/client/v1/media/download/{url.removeprefix('mxc://')}"
    answer = httpx.get(path, headers={"Authorization": f"Bearer {customer.access_token}"}, timeout=20, verify=NO_TLS)
    answer.raise_for_status()
    return answer.content


def read(customer: Person, room: str, event_id: str) -> dict[str, Any]:
    return customer.call("GET", f"/rooms/{room}/event/{event_id}")


@EACH
def test_agents_files_are_shown_to_the_customer(house: House, titles: list[str]) -> None:
    customer = house.customer()
    room = house.open(customer)
    for number, title in enumerate(titles):
        kind, media, original = prepared(title, CONNECTOR.capabilities)
        part = PartContent(attachment=Attachment(kind=kind, source="hubspot:1"))
        event = read(customer, room, send(house, room, part, media, key=f"k{number}"))
        content = event["content"]
        assert event["type"] == ("m.sticker" if kind is AttachmentKind.STICKER else "m.room.message"), title
        assert (content.get("msgtype"), content["body"]) == (MSGTYPES[kind], media.name), title
        assert content["info"] == {"mimetype": media.mime, "size": media.size}, title
        assert ("org.matrix.msc3245.voice" in content) is (kind is AttachmentKind.VOICE), title
        got = fetched(customer, content["url"])
        assert got == media.content, title
        check(title, media.mime, got, original=original)


@EACH
def test_customers_files_reach_us_whole(house: House, titles: list[str]) -> None:
    customer = house.customer()
    room = house.open(customer)
    chosen = {title: CORPUS[title] for title in titles}
    files = {title: sent.make() for title, sent in chosen.items()}
    for title, sent in chosen.items():
        mime = sent.said or sent.mime
        source = customer.upload(files[title], mime, sent.name or "file")
        content: dict[str, object] = {"body": title, "filename": sent.name, "url": source, "info": {"mimetype": mime}}
        voice: dict[str, object] = {"org.matrix.msc3245.voice": {}} if sent.kind is AttachmentKind.VOICE else {}
        sticker = sent.kind is AttachmentKind.STICKER
        kind = {} if sticker else {"msgtype": MSGTYPES[sent.kind]}
        customer.send(room, "m.sticker" if sticker else "m.room.message", {**content, **kind, **voice})

    for title, sent in chosen.items():
        [attachment] = house.receiver.wait_for_text(room, title).content.attachments
        assert (attachment.kind, attachment.name) == (sent.kind, sent.name), title
        wanted = CONNECTOR.media_request(attachment, house.account, house.http)
        assert house.http.request("GET", wanted.url, headers=wanted.headers).body == files[title], title


def test_a_caption_and_a_quote_go_with_a_picture(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    question = customer.write(room, "What does it look like?")
    _, media, _ = prepared("photo", CONNECTOR.capabilities)
    attachment = Attachment(kind=AttachmentKind.IMAGE, source="hubspot:1")
    part = PartContent(text="Like **this**", html="Like <b>this</b>", attachment=attachment, reply_to=question)
    sent = send(house, room, part, media, key="same")
    assert send(house, room, part, media, key="same") == sent
    content = read(customer, room, sent)["content"]
    assert (content["body"], content["formatted_body"]) == ("Like **this**", "Like <strong>this</strong>")
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": question}}
    assert [one["event_id"] for one in customer.read(room) if one["content"].get("msgtype") == "m.image"] == [sent]


def test_a_place_comes_as_one(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    place = Place(latitude=53.5461, longitude=9.966, name="the harbour")
    content = read(customer, room, send(house, room, PartContent(place=place)))["content"]
    assert (content["msgtype"], content["geo_uri"]) == ("m.location", "geo:53.5461,9.966")


def test_a_file_that_the_homeserver_finds_too_large_is_said_so(house: House) -> None:
    room = house.open(house.customer())
    media = Bytes("a.bin", "application/octet-stream", bytes(50 * 1024 * 1024 + 1))
    attachment = Attachment(kind=AttachmentKind.FILE, source="hubspot:1")
    with pytest.raises(MessageInvalid, match="larger than this homeserver takes"):
        send(house, room, PartContent(attachment=attachment), media)


def test_our_own_files_do_not_come_back(house: House) -> None:
    customer = house.customer()
    room = house.open(customer)
    _, media, _ = prepared("PDF", CONNECTOR.capabilities)
    send(house, room, PartContent(attachment=Attachment(kind=AttachmentKind.FILE, source="x")), media)
    customer.write(room, "Thanks")
    house.receiver.wait_for_text(room, "Thanks")

    def is_here(event: Event) -> bool:
        return isinstance(event, Message) and event.conversation == room

    assert [one for one in house.receiver.events if is_here(one)] == [house.receiver.wait_for_text(room, "Thanks")]
