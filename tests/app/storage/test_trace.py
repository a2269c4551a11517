from __future__ import annotations

from datetime import UTC, datetime

from app.domain.lane import LaneKind
from app.domain.message import Attachment, AttachmentKind, Receipt
from app.domain.status import Status
from app.storage import dead_letters, ids, media, receipts, trace
from app.storage.media import InHubSpot
from app.storage.tables import lanes as lane_table
from app.storage.tables import receipts as receipt_table
from app.storage.trace import Facts
from tests.app.storage.rows import PORTAL, Rows


def read(rows: Rows, message: int) -> Facts:
    facts = rows.read(trace.read, message)
    assert facts is not None
    return facts


def test_there_is_nothing_to_tell_of_what_is_not_there(rows: Rows) -> None:
    assert rows.read(trace.read, 1) is None


def test_the_lane_and_the_place_in_it(rows: Rows) -> None:
    lane = rows.due_lane("c1")
    second, first = rows.message(lane, order_key=2), rows.message(lane, order_key=1)
    ended = rows.message(lane, order_key=0)
    rows.sent(ended)
    rows.set(
        lane_table, lane, owner="w", lease=rows.now() + 50, due=rows.now() - 20, slot=rows.now() + 3, held_by=ended
    )
    facts = read(rows, second)
    assert (facts.lane.kind, facts.lane.conversation, facts.lane.owner) == (LaneKind.OUTBOUND, "c1", "w")
    assert (facts.lane.head_id, facts.lane.ahead, facts.lane.held_by) == (first, 1, ended)
    spans = (facts.lane.lease_in, facts.lane.due_in, facts.lane.slot_in)
    assert [round(one or 0, -1) for one in spans] == [50, -20, 0]
    assert (read(rows, first).lane.ahead, read(rows, ended).lane.ahead) == (0, 0)
    assert facts.portal is not None
    assert (facts.portal.id, facts.account.id) == (PORTAL, rows.account)


def test_a_message_that_has_begun_is_first(rows: Rows) -> None:
    lane = rows.claimed()
    begun = rows.message(lane.id, order_key=9)
    rows.begun(lane, begun)
    waiting = rows.message(lane.id, order_key=1)
    facts = read(rows, waiting)
    assert (facts.lane.head_id, facts.lane.ahead) == (begun, 1)
    [attempt] = read(rows, begun).attempts
    assert (attempt.worker, attempt.outcome) == ("worker", "calling")


def test_attachments(rows: Rows) -> None:
    message = rows.message(rows.lane())
    [first, _] = rows.write(media.add, message, [Attachment(kind=AttachmentKind.IMAGE, source="s")] * 2)
    job = rows.write(media.claim, first, owner="w", lease=9.0)
    assert job is not None
    rows.write(media.ready, job, InHubSpot("f1", "a.png", "image/png", 9))
    ready, pending = read(rows, message).media
    assert (ready.state, ready.mime, ready.size, ready.attempts, pending.state) == (
        "ready",
        "image/png",
        9,
        1,
        "pending",
    )
    assert ready.finished_at is not None
    assert pending.finished_at is None


def test_receipts_of_the_message_and_of_its_ids(rows: Rows) -> None:
    message = rows.message(rows.lane())
    [part] = rows.parts(message)
    rows.write(ids.remember, rows.head(message), part, conversation="c1", ids=["s1"])
    at = datetime(2026, 10, 1, tzinfo=UTC)
    kinds = (Status.DELIVERED, Status.READ)
    found = [Receipt(service_id="s1", status=status, at=at, conversation="c1") for status in kinds]
    rows.write(receipts.store, rows.account, [*found, Receipt(service_id="s2", status=Status.READ, at=at)])
    rows.set(receipt_table, 1, message_id=message)
    told = [(one.status, one.is_matched, one.at) for one in read(rows, message).receipts]
    assert told == [(Status.DELIVERED, True, at.timestamp()), (Status.READ, False, at.timestamp())]


def test_a_dead_letter(rows: Rows) -> None:
    message = rows.message(rows.lane())
    assert read(rows, message).dead_letter is None
    rows.write(dead_letters.bury, message, rows.account, reason="opted_out", hint="")
    rows.write(dead_letters.replayed, message)
    dead = read(rows, message).dead_letter
    assert dead is not None
    assert dead.replayed_at is not None
