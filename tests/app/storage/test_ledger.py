from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, update

from app.domain.lane import LaneKind
from app.domain.message import Direction
from app.domain.part import PartContent
from app.domain.status import Status
from app.storage import ledger, messages, statuses
from app.storage.ledger import Entry, Published
from app.storage.parts import write_parts
from app.storage.tables import messages as table
from tests.app.storage.rows import PORTAL, Rows


def inbound(rows: Rows, service_id: str, *, hubspot_id: str | None = "") -> int:
    """A customer's message that was published."""
    lane_id = rows.lane(kind=LaneKind.INBOUND)
    message_id = rows.message(lane_id, direction=Direction.INBOUND, service_id=service_id, thread_id=rows.thread())
    rows.write(write_parts, message_id, [PartContent(text=service_id, at=7.0)])
    rows.write(messages.finish, message_id, Status.SENT)
    if hubspot_id is not None:
        rows.write(messages.published_as, message_id, hubspot_id or f"hs-{service_id}")
    return message_id


def published(rows: Rows, *, after: int = 0, since: float = 0.0, limit: int = 100) -> list[Published]:
    return rows.read(ledger.published, [rows.account], since=since, after=after, limit=limit)


def accepted(rows: Rows, message_id: int, at: float) -> None:
    def move(connection: Connection) -> None:
        connection.execute(update(table).where(table.c.id == message_id).values(accepted_at=at))

    rows.write(move)


def test_what_we_know_of_what_hubspot_shows(rows: Rows) -> None:
    thread = rows.thread()
    sent = rows.message(rows.lane(), service_id="m1", thread_id=thread)
    waits = rows.message(rows.lane(), service_id="m2", thread_id=thread)
    status_lane = rows.lane(kind=LaneKind.STATUS)
    for message_id in (sent, waits):
        rows.write(statuses.want, message_id, status_lane, Status.FAILED)
    rows.write(statuses.told, sent, Status.FAILED)
    found = rows.read(ledger.entries, [rows.account], ["m1", "m2", "m3"])
    assert found == {"m1": Entry(sent, thread, Status.FAILED), "m2": Entry(waits, thread, None)}
    assert rows.read(ledger.entries, [rows.account + 1], ["m1"]) == {}
    assert rows.read(ledger.entries, [rows.account], []) == {}


def test_accounts_were_connected_at_a_time(rows: Rows) -> None:
    assert set(rows.read(ledger.connected_at, PORTAL)) == {rows.account}
    assert rows.read(ledger.connected_at, PORTAL + 1) == {}


def test_published_messages_are_listed_in_turn(rows: Rows) -> None:
    first, second = inbound(rows, "m1"), inbound(rows, "m2", hubspot_id=None)
    rows.message(rows.lane(kind=LaneKind.INBOUND), direction=Direction.INBOUND, service_id="pending")
    found = published(rows)
    assert [(one.id, one.hubspot_id, one.content.text) for one in found] == [
        (first, "hs-m1", "m1"),
        (second, None, "m2"),
    ]
    assert [one.id for one in published(rows, limit=1)] == [first]
    assert [one.id for one in published(rows, after=first)] == [second]
    assert published(rows, since=rows.now() + 60) == []


def test_a_message_is_published_again_once_and_only_as_it_was_seen(rows: Rows) -> None:
    message_id = inbound(rows, "m1")
    (found,) = published(rows)
    assert not rows.write(ledger.publish_again, replace(found, hubspot_id="another"))
    assert rows.write(ledger.publish_again, found)
    assert not rows.write(ledger.publish_again, found)
    head = rows.read(messages.head, found.lane_id)
    assert head is not None
    assert (head.id, head.attempts, head.part.state, head.part.content.at) == (message_id, 0, "pending", 7.0)


def test_the_first_message_of_a_time_is_found_by_halves(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [rows.message(rows.lane(), service_id=f"m{number}") for number in range(40)]
    for number, message_id in enumerate(ids):
        accepted(rows, message_id, float(number))
    whole = rows.read(ledger.first_since, 20.0)
    assert whole == 0
    monkeypatch.setattr(ledger, "_BATCH", 2)
    found = rows.read(ledger.first_since, 20.0)
    assert ids[17] <= found <= ids[20]
    assert rows.read(ledger.first_since, 0.0) <= ids[0]
    assert rows.read(ledger.first_since, 100.0) >= ids[36]


def test_statuses_that_nothing_wakes_are_counted(rows: Rows) -> None:
    lane_id = rows.lane(kind=LaneKind.STATUS)
    for service_id in ("m1", "m2"):
        rows.write(statuses.want, rows.message(rows.lane(), service_id=service_id), lane_id, Status.SENT)
    assert rows.read(ledger.idle_status_lanes, [rows.account]) == {lane_id: 2}
    rows.touch(lane_id)
    assert rows.read(ledger.idle_status_lanes, [rows.account]) == {}


def test_what_was_told_is_told_again(rows: Rows) -> None:
    lane_id = rows.lane(kind=LaneKind.STATUS)
    told, untold = (rows.message(rows.lane(), service_id=one) for one in ("m1", "m2"))
    for message_id in (told, untold):
        rows.write(statuses.want, message_id, lane_id, Status.FAILED, sentence="Blocked.")
    rows.write(statuses.told, told, Status.FAILED)
    assert rows.write(ledger.tell_again, [told]) == [lane_id]
    assert rows.write(ledger.tell_again, [told, untold]) == []
    found = rows.read(statuses.next_untold, lane_id)
    assert found is not None
    assert (found.message_id, found.want, found.sentence) == (told, Status.FAILED, "Blocked.")
