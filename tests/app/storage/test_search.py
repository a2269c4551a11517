from __future__ import annotations

import pytest

from app.domain.message import Direction
from app.domain.status import Status
from app.domain.webhook import RawRequest
from app.storage import accounts, dead_letters, envelopes, ids, lanes, search, threads
from app.storage.accounts import Side
from app.storage.search import DeadLetterFilter, IdKind, MessageFilter
from app.storage.tables import dead_letters as dead_letter_table
from app.storage.tables import lanes as lane_table
from tests.app.storage.rows import PORTAL, Rows


def envelope(rows: Rows, dedupe: str = "d1") -> int:
    stored = rows.write(
        envelopes.store, RawRequest("POST", "", body=b"{}x"), source="loopback", dedupe=dedupe, account_id=rows.account
    )
    assert stored is not None
    assert stored.id is not None
    return stored.id


def found(rows: Rows, limit: int = 100, **wanted: object) -> list[int]:
    return [one.id for one in rows.read(search.find_messages, MessageFilter(**wanted), limit=limit)]  # type: ignore[arg-type]


def test_messages_by_everything(rows: Rows) -> None:
    thread = rows.thread()
    lane = rows.lane()
    other = rows.new_account()
    first = rows.message(lane, thread_id=thread)
    second = rows.message(lane, direction=Direction.INBOUND)
    third = rows.message(rows.lane(account=other), account=other)
    rows.sent(second)
    assert found(rows) == [third, second, first]
    assert found(rows, limit=1) == [third]
    assert found(rows, account_id=other) == [third]
    assert found(rows, thread_id=thread) == [first]
    assert found(rows, status=Status.SENT) == [second]
    assert found(rows, direction=Direction.INBOUND, status=Status.PENDING) == []
    assert found(rows, since=rows.now() - 60) == [third, second, first]
    assert found(rows, since=rows.now() + 60) == []


def test_a_message_as_it_is_shown(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id, service_id="hs-1")
    rows.begun(lane, message)
    row = rows.read(search.get_message, message)
    assert row is not None
    assert (row.account, row.connector, row.direction, row.hubspot_id) == ("Shop", "loopback", "outbound", "hs-1")
    assert (row.is_called, row.attempts, row.late) == (True, 1, False)
    assert rows.read(search.get_message, 99) is None


def test_messages_by_any_id(rows: Rows) -> None:
    thread = rows.thread("c1")
    inbound = rows.message(rows.lane(), thread_id=thread, direction=Direction.INBOUND, service_id="theirs")
    lane = rows.lane()
    outbound = rows.message(lane, thread_id=thread, service_id="hs-1", envelope=envelope(rows))
    [part] = rows.parts(outbound)
    rows.write(ids.remember, rows.head(outbound), part, conversation="c1", ids=["ours"])
    known = rows.read(threads.get, thread)
    assert known is not None
    rows.write(threads.learn, known, ours=["alias"], hubspot="hs-thread")
    both = [inbound, outbound]
    for kind, text, expected in (
        (IdKind.MESSAGE, str(inbound), [inbound]),
        (IdKind.MESSAGE, "hs-1", []),
        (IdKind.MESSAGE, str(2**70), []),
        (IdKind.HUBSPOT, "hs-1", [outbound]),
        (IdKind.SERVICE, "ours", [outbound]),
        (IdKind.SERVICE, "theirs", [inbound]),
        (IdKind.SERVICE, "hs-1", []),
        (IdKind.ENVELOPE, "1", [outbound]),
        (IdKind.THREAD, thread, both),
        (IdKind.THREAD, "hs-thread", both),
        (IdKind.THREAD, "alias", both),
        (IdKind.THREAD, "c1", both),
        (IdKind.THREAD, "c2", []),
    ):
        assert rows.read(search.resolve, kind, text, limit=10) == expected, (kind, text)
    assert rows.read(search.resolve, IdKind.THREAD, thread, limit=1) == [outbound]


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("-7", None), ("²", None), ("7.0", None), ("", None), (str(2**63), None)],
)
def test_what_can_be_an_id(text: str, number: int | None) -> None:
    assert search.as_number(text) == number


def test_dead_letters_in_the_order_of_their_replay(rows: Rows) -> None:
    lane, second_lane = rows.lane("c1"), rows.lane("c2")
    thread = rows.thread()
    late = rows.message(lane, order_key=9)
    early = rows.message(lane, order_key=3, thread_id=thread)
    other = rows.message(second_lane, order_key=1)
    for message, reason in ((late, "opted_out"), (early, "window_closed"), (other, "opted_out")):
        rows.sent(message, "failed")
        rows.write(dead_letters.bury, message, rows.account, reason=reason, hint="A sentence.")
    rows.write(lanes.hold, second_lane, other)
    rows.set(dead_letter_table, other, created_at=100.0)

    def dead(**wanted: object) -> list[int]:
        wanted_rows = rows.read(search.find_dead_letters, DeadLetterFilter(**wanted), limit=10)  # type: ignore[arg-type]
        return [one.message_id for one in wanted_rows]

    assert dead() == [early, late, other]
    assert dead(reason="opted_out") == [late, other]
    assert dead(thread_id=thread) == [early]
    assert dead(account_id=99) == []
    assert dead(until=200.0) == [other]
    assert dead(since=200.0) == [early, late]
    listed = rows.read(search.find_dead_letters, DeadLetterFilter(), limit=10)
    assert [one.holds_lane for one in listed] == [False, False, True]
    rows.write(dead_letters.replayed, late)
    assert dead() == [early, other]


def test_an_envelope_and_what_is_left_of_it(rows: Rows) -> None:
    stored = envelope(rows)
    rows.write(envelopes.keep_unopened, stored, [envelopes.Item(0, "odd", None), envelopes.Item(1, "odder", None)])
    row = rows.read(search.get_envelope, stored)
    assert row is not None
    assert (row.source, row.account_id, row.size, row.unopened) == ("loopback", rows.account, 3, 2)
    assert rows.read(search.get_envelope, 99) is None


def test_accounts_are_counted_by_portal(rows: Rows) -> None:
    rows.new_account()
    assert rows.read(search.accounts_by_portal) == {PORTAL: 2}


def test_lanes_that_nobody_takes(rows: Rows) -> None:
    assert rows.read(search.neglected, longer_than=60) is None
    old, older, owned, held = (rows.due_lane(one) for one in ("c1", "c2", "c3", "c4"))
    now = rows.now()
    rows.set(lane_table, old, due=now - 100, rung_until=None)
    rows.set(lane_table, older, due=now - 200, rung_until=None)
    rows.set(lane_table, owned, due=now - 300, owner="w", lease=now + 30)
    rows.set(lane_table, held, due=now - 300, held_by=1)
    waiting = rows.read(search.neglected, longer_than=60)
    assert waiting is not None
    assert (waiting.count, waiting.is_rung, round(waiting.due_for, -1)) == (2, False, 200)
    rows.set(lane_table, older, rung_until=now + 3)
    waiting = rows.read(search.neglected, longer_than=60)
    assert waiting is not None
    assert waiting.is_rung
    rows.write(accounts.pause_side, rows.account, Side.SERVICE, hint="refused")
    assert rows.read(search.neglected, longer_than=60) is None
