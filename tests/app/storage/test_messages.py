from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.message import Attachment, AttachmentKind, Content, Direction, Kind
from app.domain.person import Identifier, Person
from app.domain.status import Status
from app.storage import messages
from app.storage import tables as t
from app.storage.messages import NewMessage, identity
from tests.app.storage.rows import NEW_MESSAGE, Rows, at_once

# Identity -----------------------------------------------------------------------------------------------------------

#: HubSpot's idempotency ids are made from these: a release that changes one sends what was sent before once more.
GOLDEN: list[tuple[int, dict[str, Any], str]] = [
    (1, {}, "59abe758dcc16e81ea08a0ff4b1c4cde1d59e730997d1e9c5ab51984ba598f80"),
    (
        7,
        {
            "direction": Direction.INBOUND,
            "kind": Kind.REACTION,
            "conversation": "-100 123",
            "service_id": "55",
            "revision": "👍:1700000000",
        },
        "60c14f5324a1a1f6c38ba9a7faf5d9f542921fd863ab8583434555a999477806",
    ),
    (
        2**40,
        {"kind": Kind.CONTROL, "conversation": "", "service_id": "ä", "revision": ""},
        "f92707d5c7ead627f155b35bf95e0e498e66dcafb38f0ecc3bf4a90fa209bfb9",
    ),
]


def test_an_identity_never_changes_between_releases() -> None:
    assert [identity(account, replace(NEW_MESSAGE, **changes)) for account, changes, _ in GOLDEN] == [
        golden for _, _, golden in GOLDEN
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": Direction.INBOUND},
        {"kind": Kind.EDIT},
        {"conversation": "c2"},
        {"service_id": "m2"},
        {"revision": "2"},
        # The border between two words counts.
        {"conversation": "c", "service_id": "1m1"},
    ],
)
def test_whatever_names_a_message_makes_another_identity(changes: dict[str, Any]) -> None:
    assert identity(1, replace(NEW_MESSAGE, **changes)) != identity(1, NEW_MESSAGE)
    assert identity(2, NEW_MESSAGE) != identity(1, NEW_MESSAGE)


@pytest.mark.parametrize(
    "changes",
    [
        {"content": Content(text="other")},
        {"order_key": 99},
        {"sent_at": 99.0},
        {"sender": None},
        {"lane_id": 5},
        {"late": True},
        {"deadline": 5.0},
    ],
)
def test_what_is_said_about_a_message_does_not_change_its_identity(changes: dict[str, Any]) -> None:
    assert identity(1, replace(NEW_MESSAGE, **changes)) == identity(1, NEW_MESSAGE)


def test_every_part_has_a_key_of_its_own_that_fits_hubspot(rows: Rows) -> None:
    message = rows.message(rows.lane())
    parts = rows.parts(message, "one", "two", "three")
    head = rows.head(message)
    keys = [head.key(part) for part in parts]
    assert keys == [head.identity[:32], f"{head.identity[:28]}-001", f"{head.identity[:28]}-002"]
    assert {len(key) for key in keys} == {32}


# Storing ------------------------------------------------------------------------------------------------------------


def test_a_message_is_stored_once(rows: Rows) -> None:
    new = replace(NEW_MESSAGE, lane_id=rows.lane())
    first = rows.write(messages.insert_new, rows.account, new, envelope_id=None, at=1.0)
    again = replace(new, content=Content(text="Redelivered"))
    assert first is not None
    assert rows.write(messages.insert_new, rows.account, again, envelope_id=None, at=2.0) is None
    assert rows.head(first).content.text == "Hello"


def test_of_many_equal_deliveries_at_once_one_is_stored(rows: Rows) -> None:
    new = replace(NEW_MESSAGE, lane_id=rows.lane())

    def insert(at: int) -> int | None:
        return rows.write(messages.insert_new, rows.account, new, envelope_id=None, at=float(at))

    assert len([one for one in at_once(insert, range(8)) if one is not None]) == 1


def test_the_same_words_on_two_accounts_are_two_messages(rows: Rows) -> None:
    other = rows.new_account()
    first = rows.message(rows.lane(), service_id="m1")
    second = rows.message(rows.lane(account=other), account=other, service_id="m1")
    assert rows.head(first).identity != rows.head(second).identity


def test_a_message_is_read_as_it_was_stored(rows: Rows) -> None:
    content = Content(
        text="Grüße ☃",
        html="<b>Grüße</b>",
        attachments=(Attachment(kind=AttachmentKind.IMAGE, source="id:1", name="ä.png", size=3),),
        reply_to="m0",
    )
    thread = rows.thread()
    message = rows.message(rows.lane(), thread_id=thread, content=content, order_key=2**53, sent_at=5.25, deadline=60.0)
    head = rows.head(message)
    assert head.content == content
    assert head.sender == NEW_MESSAGE.sender
    assert (head.thread_id, head.order_key, head.sent_at) == (thread, 2**53, 5.25)
    assert (head.direction, head.kind, head.calling, head.attempts, head.crashes) == (
        Direction.OUTBOUND,
        Kind.MESSAGE,
        None,
        0,
        0,
    )
    assert head.left is not None
    assert 50 < head.left <= 60
    assert 0 <= head.age < 10
    assert head.waits == 0
    assert head.parts == ()


def test_an_agents_message_is_known_by_its_hubspot_id_at_once(rows: Rows) -> None:
    outbound = rows.message(rows.lane(), service_id="hs-1")
    inbound = rows.message(rows.lane(), service_id="tg-1", direction=Direction.INBOUND)
    assert rows.row(t.messages, outbound).hubspot_id == "hs-1"
    assert rows.row(t.messages, inbound).hubspot_id is None
    rows.write(messages.published_as, inbound, "hs-2")
    assert rows.row(t.messages, inbound).hubspot_id == "hs-2"


def test_characters_that_databases_refuse_do_not_stop_a_message(rows: Rows) -> None:
    odd = NewMessage(
        **{
            **NEW_MESSAGE.__dict__,
            "lane_id": rows.lane(),
            "service_id": "m\x001",
            "revision": "r\x00",
            "content": Content(text="a\x00b"),
            "sender": Person(identifier=Identifier(value="dana\x00"), name="Da\x00na"),
        }
    )
    stored = rows.write(messages.insert_new, rows.account, odd, envelope_id=None, at=1.0)
    assert stored is not None
    head = rows.head(stored)
    assert (head.service_id, head.content.text) == ("m1", "ab")
    assert head.sender is not None
    assert head.sender.name == "Dana"
    assert rows.write(messages.insert_new, rows.account, odd, envelope_id=None, at=1.0) is None


def test_what_a_newer_release_stored_survives_this_one(rows: Rows) -> None:
    newer = {
        "version": 99,
        "text": "Hello",
        "mood": {"happy": [1, 2]},
        "attachments": [{"kind": "image", "source": "id:1", "blur": "LKO2"}],
    }
    sender = {"identifier": {"type": "opaque", "value": "dana"}, "name": "Dana", "pronoun": "she"}
    message = rows.message(rows.lane())
    rows.set(t.messages, message, content=newer, sender=sender)
    head = rows.head(message)
    again = rows.message(rows.lane(), content=head.content, sender=head.sender)
    stored = rows.row(t.messages, again)
    assert stored.content["mood"] == newer["mood"]
    assert stored.content["version"] == 99
    assert stored.content["attachments"][0]["blur"] == "LKO2"
    assert stored.sender["pronoun"] == "she"


def test_what_an_older_release_stored_is_read(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.set(t.messages, message, content={"text": "Hi"}, sender=None)
    assert rows.head(message).content == Content(text="Hi")
    assert rows.head(message).sender is None


# The head of a lane -------------------------------------------------------------------------------------------------


def test_an_empty_lane_has_no_head(rows: Rows) -> None:
    lane = rows.lane()
    assert rows.read(messages.head, lane) is None
    rows.sent(rows.message(lane))
    rows.message(rows.lane("other"))
    assert rows.read(messages.head, lane) is None
    assert rows.read(messages.get, 10**6) is None


def test_messages_go_by_their_own_order_then_by_arrival(rows: Rows) -> None:
    lane = rows.lane()
    ids = [rows.message(lane, order_key=key) for key in (30, 10, 20, 10)]
    taken = []
    while (head := rows.read(messages.head, lane)) is not None:
        taken.append(head.id)
        rows.sent(head.id)
    assert taken == [ids[1], ids[3], ids[2], ids[0]]


def test_a_message_that_has_begun_is_finished_before_an_earlier_one(rows: Rows) -> None:
    lane = rows.claimed()
    begun = rows.message(lane.id, order_key=20)
    attempt = rows.begun(lane, begun)
    rows.finish(begun, attempt, part_state="pending")
    early = rows.message(lane.id, order_key=10)
    head = rows.read(messages.head, lane.id)
    assert head is not None
    assert head.id == begun
    rows.sent(begun)
    head = rows.read(messages.head, lane.id)
    assert head is not None
    assert head.id == early


def test_a_delayed_head_says_how_long_it_waits_and_why(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.write(messages.delay, message, 30.0, reason="rate_limited", hint="Slow down.")
    head = rows.head(message)
    assert 20 < head.waits <= 30
    assert head.hint == "Slow down."
    assert rows.row(t.messages, message).reason == "rate_limited"
    rows.set(t.messages, message, not_before=rows.now() - 5)
    assert rows.head(message).waits == 0


# Ending -------------------------------------------------------------------------------------------------------------


def test_a_message_ends_once(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.write(messages.delay, message, 30.0, reason="x", hint="x")
    assert rows.write(messages.finish, message, Status.FAILED, reason="blocked", hint="Blocked.")
    assert not rows.write(messages.finish, message, Status.SENT)
    row = rows.row(t.messages, message)
    assert (row.status, row.reason, row.hint, row.not_before) == ("failed", "blocked", "Blocked.", None)
    assert row.finished_at == pytest.approx(rows.now(), abs=30)


@pytest.mark.parametrize(
    ("status", "to", "rises"),
    [
        (Status.PENDING, Status.READ, False),
        (Status.SENT, Status.DELIVERED, True),
        (Status.SENT, Status.FAILED, True),
        (Status.SENT, Status.SENT, False),
        (Status.FAILED, Status.SENT, False),
        (Status.FAILED, Status.READ, True),
        (Status.DELIVERED, Status.FAILED, False),
        (Status.READ, Status.DELIVERED, False),
        (Status.READ, Status.SENT, False),
        (Status.CANCELLED, Status.READ, False),
    ],
)
def test_a_status_only_rises(rows: Rows, status: Status, to: Status, *, rises: bool) -> None:
    message = rows.message(rows.lane())
    rows.set(t.messages, message, status=status.value, hint="before")
    assert rows.write(messages.rise, message, to, hint="after") is rises
    row = rows.row(t.messages, message)
    assert (row.status, row.hint) == ((to.value, "after") if rises else (status.value, "before"))


def test_a_rise_without_a_sentence_keeps_the_one_there_is(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.set(t.messages, message, status="sent", hint="kept")
    assert rows.write(messages.rise, message, Status.READ)
    assert rows.row(t.messages, message).hint == "kept"


def test_a_replayed_message_starts_anew_but_sends_no_part_twice(rows: Rows) -> None:
    lane = rows.lane()
    message, next_one = rows.message(lane, order_key=1), rows.message(lane, order_key=2)
    parts = rows.parts(message, "one", "two", "three")
    rows.set(t.parts, parts[0].id, state="sent", attempt_id="a")
    rows.set(t.parts, parts[1].id, state="failed", attempt_id="b")
    rows.set(t.messages, message, attempts=5, crashes=2, not_before=rows.now() + 60)
    rows.write(messages.finish, message, Status.FAILED, reason="x", hint="x")
    assert rows.write(messages.revive, message, deadline=60.0)
    head = rows.read(messages.head, lane)
    assert head is not None
    assert (head.id, head.attempts, head.crashes, head.hint, head.waits) == (message, 0, 0, "", 0)
    assert [(part.state, part.attempt_id) for part in head.parts] == [
        ("sent", "a"),
        ("pending", None),
        ("pending", None),
    ]
    assert head.left is not None
    assert 50 < head.left <= 60
    assert rows.row(t.messages, message).finished_at is None
    assert rows.row(t.messages, next_one).status == "pending"


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENT, Status.DELIVERED, Status.READ])
def test_what_has_not_failed_is_not_replayed(rows: Rows, status: Status) -> None:
    message = rows.message(rows.lane())
    rows.set(t.messages, message, status=status.value)
    assert not rows.write(messages.revive, message, deadline=None)
    assert not rows.write(messages.revive, message + 1000, deadline=None)


def test_a_cancelled_message_can_be_replayed_without_a_deadline(rows: Rows) -> None:
    message = rows.message(rows.lane(), deadline=1.0)
    rows.write(messages.finish, message, Status.CANCELLED)
    assert rows.write(messages.revive, message, deadline=None)
    assert rows.head(message).left is None


def test_a_failed_message_whose_parts_all_arrived_after_all_is_not_replayed(rows: Rows) -> None:
    message = rows.message(rows.lane())
    (part,) = rows.parts(message)
    rows.write(messages.finish, message, Status.FAILED)
    rows.set(t.parts, part.id, state="sent")
    assert not rows.write(messages.revive, message, deadline=60.0)
    assert rows.row(t.messages, message).status == "failed"


# What a receipt covers ----------------------------------------------------------------------------------------------


def test_a_receipt_covers_our_earlier_messages_of_its_thread_below_its_status(rows: Rows) -> None:
    lane, thread, elsewhere = rows.lane(), rows.thread("c1"), rows.thread("c2")
    ids = {}
    for name, status, direction, where in (
        ("sent", "sent", Direction.OUTBOUND, thread),
        ("delivered", "delivered", Direction.OUTBOUND, thread),
        ("read", "read", Direction.OUTBOUND, thread),
        ("failed", "failed", Direction.OUTBOUND, thread),
        ("pending", "pending", Direction.OUTBOUND, thread),
        ("theirs", "sent", Direction.INBOUND, thread),
        ("elsewhere", "sent", Direction.OUTBOUND, elsewhere),
        ("this", "sent", Direction.OUTBOUND, thread),
        ("later", "sent", Direction.OUTBOUND, thread),
    ):
        ids[name] = rows.message(lane, thread_id=where, direction=direction)
        rows.set(t.messages, ids[name], status=status)

    def covered(status: Status) -> list[int]:
        return rows.read(messages.earlier_sent, thread, ids["this"], below=status)

    assert covered(Status.READ) == [ids["sent"], ids["delivered"], ids["this"]]
    assert covered(Status.DELIVERED) == [ids["sent"], ids["this"]]
    assert covered(Status.SENT) == []


def test_messages_that_are_gone_take_their_parts_along(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.parts(message, "one", "two")
    with rows.database.write() as connection:
        connection.execute(t.messages.delete().where(t.messages.c.id == message))
        assert connection.execute(select(t.parts)).all() == []


def test_another_sides_words_are_kept_whatever_they_hold(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.write(messages.delay, message, 1.0, reason="r\x001", hint="h\x00i \ud800")
    row = rows.row(t.messages, message)
    assert (row.reason, row.hint) == ("r1", "hi \ufffd")
    rows.write(messages.finish, message, Status.FAILED, reason="r\x002", hint="\x00\udfff")
    row = rows.row(t.messages, message)
    assert (row.reason, row.hint) == ("r2", "\ufffd")
