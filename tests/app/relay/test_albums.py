"""Pictures that a customer sends together, through the simulated Telegram."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.message import Content
from app.domain.part import PartContent
from app.relay import albums, forget, inbound
from app.relay.road import Park
from app.relay.services import Services
from app.storage import erasure, ids, search
from app.storage.accounts import AccountRow
from app.storage.messages import Head
from app.storage.tables import album_items, envelopes, media, messages
from tests.app.media.making import picture, scene
from tests.app.relay.telegram_side import DANA, TelegramSide
from tests.app.relay.world import RelayWorld

PICTURES = [picture("PNG", image=scene((20 + at, 10))) for at in range(4)]


#: Longer than any of these tests takes: time passes when they say so.
WAIT = 600.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "WAIT", WAIT)


def sent_together(side: TelegramSide, captions: Sequence[str] = ("Look", "", "", "")) -> list[dict[str, Any]]:
    """Send four pictures as one album. Returns the updates, which nobody has delivered."""
    before = len(side.updates())
    for content, caption in zip(PICTURES, captions, strict=True):
        side.send("photo", content, caption=caption, album="album-1")
    return side.updates()[before:]


def service_id(update: dict[str, Any]) -> str:
    return str(update["message"]["message_id"])


def arrived(relay: RelayWorld) -> list[tuple[str, list[bytes]]]:
    """What the agent sees: texts with the bytes beside them."""
    return [
        (one["text"], [relay.http.request("GET", relay.page + file["viewUrl"]).body for file in one["attachments"]])
        for one in sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    ]


def wait_and_settle(relay: RelayWorld) -> None:
    relay.settle()
    relay.pass_time(WAIT)
    relay.settle()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_an_album_is_one_message_in_its_order_however_it_comes(light_relay: RelayWorld, order: Sequence[int]) -> None:
    side = TelegramSide(light_relay)
    updates = sent_together(side)
    side.deliver(*(updates[at] for at in order))
    light_relay.settle()
    assert light_relay.inbox() == []
    wait_and_settle(light_relay)
    assert arrived(light_relay) == [("Look", PICTURES)]


def test_an_album_waits_until_nothing_more_comes(relay: RelayWorld) -> None:
    """On each database; and what is written after it comes after it."""
    side = TelegramSide(relay)
    updates = sent_together(side, ("One", "", "", "Four"))
    side.deliver(*updates[:2])
    relay.pass_time(WAIT - 200)
    side.deliver(updates[3])
    relay.pass_time(WAIT - 200)
    side.say("after")
    side.deliver(updates[2], side.updates()[-1])
    relay.settle()
    assert relay.inbox() == []
    wait_and_settle(relay)
    assert arrived(relay) == [("One\nFour", PICTURES), ("after", [])]


def test_items_that_come_at_once_are_one_message(relay: RelayWorld) -> None:
    """Telegram delivers up to forty updates at a time, and each of them twice here."""
    side = TelegramSide(relay)
    updates = sent_together(side, ("One", "Two", "Three", "Four"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(side.deliver, [*updates, *updates]))
    wait_and_settle(relay)
    assert arrived(relay) == [("One\nTwo\nThree\nFour", PICTURES)]


def test_an_item_that_comes_twice_adds_nothing(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    updates = sent_together(side)
    side.deliver(*updates, *updates[1:3])
    again = [{**one, "update_id": one["update_id"] + 1000} for one in updates]
    side.deliver(*again)
    wait_and_settle(light_relay)
    side.deliver(*({**one, "update_id": one["update_id"] + 2000} for one in updates))
    wait_and_settle(light_relay)
    assert arrived(light_relay) == [("Look", PICTURES)]
    assert light_relay.count(media) == 4
    bodies = light_relay.execute(select(envelopes.c.body).order_by(envelopes.c.id)).scalars().all()
    assert [bool(one) for one in bodies] == [True] * 4 + [False] * 8


def test_an_item_that_comes_when_the_others_are_sent_is_a_message_of_its_own(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    updates = sent_together(side, ("One", "", "Three", ""))
    side.deliver(*updates[:2])
    wait_and_settle(light_relay)
    side.deliver(*updates[2:])
    wait_and_settle(light_relay)
    assert arrived(light_relay) == [("One", PICTURES[:2]), ("Three", PICTURES[2:])]


def test_an_item_that_comes_while_the_others_are_prepared_is_not_lost(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has read the album; before it writes down what is sent, another item is accepted."""
    side = TelegramSide(light_relay)
    updates = sent_together(side, ("One", "", "", "Four"))
    late = [updates[3]]
    split = inbound.Inbound.split

    def slow(
        road: inbound.Inbound, services: Services, head: Head, account: AccountRow
    ) -> Sequence[PartContent] | Park | None:
        done = split(road, services, head, account)
        if isinstance(done, list) and late:
            side.deliver(late.pop())
        return done

    monkeypatch.setattr(inbound.Inbound, "split", slow)
    side.deliver(*updates[:3])
    wait_and_settle(light_relay)
    assert (late, light_relay.inbox()) == ([], [])
    wait_and_settle(light_relay)
    assert arrived(light_relay) == [("One\nFour", PICTURES)]


def test_albums_of_two_senders_in_a_group_do_not_mix(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    first = sent_together(side)
    other = [{**one, "update_id": one["update_id"] + 50} for one in first]
    for one in other:
        photo = one["message"]
        one["message"] = {**photo, "media_group_id": "album-2", "message_id": photo["message_id"] + 50}
    side.deliver(*(one for pair in zip(first, other, strict=True) for one in pair))
    wait_and_settle(light_relay)
    assert arrived(light_relay) == [("Look", PICTURES)] * 2


def test_every_item_can_be_quoted_and_traced(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    updates = sent_together(side)
    side.deliver(*updates)
    wait_and_settle(light_relay)
    side.say("this one", reply_to=int(service_id(updates[2])))
    side.deliver(side.updates()[-1])
    wait_and_settle(light_relay)
    album, reply = light_relay.rows()
    assert Content.model_validate(reply.content).reply_to == service_id(updates[2])
    with light_relay.services.database.read() as connection:
        found = {
            (
                ids.hubspot_id_of(connection, side.account.id, str(DANA), service_id(one)),
                *search.resolve(connection, search.IdKind.SERVICE, service_id(one), limit=9),
            )
            for one in updates
        }
    assert found == {(album.hubspot_id, album.id)}
    quoting = [one for one in light_relay.inbox() if one["text"] == "this one"]
    assert quoting[0]["inReplyToId"] == album.hubspot_id


def test_an_edited_item_says_what_that_item_said_before(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    updates = sent_together(side, ("One", "Two", "Three", ""))
    side.deliver(*updates)
    wait_and_settle(light_relay)
    edited = {**updates[1]["message"], "caption": "Too", "edit_date": updates[1]["message"]["date"] + 1}
    side.deliver({"update_id": updates[-1]["update_id"] + 1, "edited_message": edited})
    wait_and_settle(light_relay)
    note = arrived(light_relay)[-1][0]
    assert ("Two" in note, "Too" in note, "One" in note, "Three" in note) == (True, True, False, False)


def test_who_is_forgotten_is_in_no_request_of_an_album(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    side.deliver(*sent_together(side, ("One", "Two", "", "")))
    wait_and_settle(light_relay)
    [row] = light_relay.rows()
    with light_relay.services.database.read() as connection:
        found = erasure.conversations(connection, [row.thread_id])
    forget.forget(light_relay.services, found)
    assert set(light_relay.execute(select(envelopes.c.body)).scalars()) == {b""}
    kept = light_relay.execute(select(messages.c.content).where(messages.c.id == row.id)).scalar_one()
    assert not Content.model_validate(kept).album
    assert light_relay.count(album_items) == 4
