from __future__ import annotations

import random
from datetime import UTC, datetime

from app.domain.message import Direction, Receipt
from app.domain.status import Status
from app.storage import ids, messages, receipts
from app.storage import tables as t
from app.storage.receipts import Match
from tests.app.storage.rows import Rows, at_once, call

AT = datetime(2026, 1, 1, tzinfo=UTC)


def receipt(service_id: str = "s1", status: Status = Status.DELIVERED, **more: object) -> Receipt:
    return Receipt.model_validate({"service_id": service_id, "status": status, "at": AT, **more})


def store(rows: Rows, *found: Receipt) -> list[str]:
    return rows.write(receipts.store, rows.account, found)


def send(rows: Rows, *service_ids: str, conversation: str = "c1", ended: bool = True) -> int:
    """Store an agent's message that the service took under these ids."""
    message = rows.message(rows.lane(conversation), thread_id=rows.thread(conversation), conversation=conversation)
    rows.parts(message)
    remember(rows, message, *service_ids, conversation=conversation)
    if ended:
        rows.sent(message)
    return message


def remember(rows: Rows, message: int, *service_ids: str, conversation: str = "c1") -> None:
    head = rows.head(message)
    rows.write(ids.remember, head, head.parts[0], conversation=conversation, ids=service_ids)


def matches(rows: Rows, *service_ids: str) -> list[Match]:
    return rows.read(receipts.matches, rows.account, service_ids)


def take(rows: Rows, *service_ids: str) -> list[int]:
    """Match like the relay does after each side's commit. Returns the messages whose receipt was taken here."""
    with rows.database.write() as connection:
        found = receipts.matches(connection, rows.account, service_ids)
        return [one.message_id for one in found if receipts.matched(connection, one)]


# Either order -------------------------------------------------------------------------------------------------------


def test_a_receipt_that_comes_after_the_send_is_matched(rows: Rows) -> None:
    message = send(rows, "s1")
    assert take(rows, "s1") == []
    assert store(rows, receipt()) == ["s1"]
    assert take(rows, "s1") == [message]


def test_a_receipt_that_comes_before_the_send_is_matched_by_the_send(rows: Rows) -> None:
    store(rows, receipt("s1", Status.READ, reason="seen"))
    assert take(rows, "s1") == []
    message = send(rows, "s1")
    (match,) = matches(rows, "s1")
    thread = rows.row(t.messages, message).thread_id
    assert (match.message_id, match.thread_id, match.status, match.reason) == (message, thread, Status.READ, "seen")
    assert not match.covers_earlier


def test_a_message_in_the_middle_of_its_parts_takes_no_receipt_yet(rows: Rows) -> None:
    message = send(rows, "s1", "s2", ended=False)
    store(rows, receipt("s1"))
    assert take(rows, "s1") == []
    rows.write(messages.finish, message, Status.SENT)
    assert take(rows, "s1", "s2") == [message]


def test_a_receipt_is_stored_and_taken_once(rows: Rows) -> None:
    message = send(rows, "s1")
    store(rows, receipt(), receipt())
    store(rows, receipt())
    (match,) = matches(rows, "s1")
    assert rows.write(receipts.matched, match)
    assert not rows.write(receipts.matched, match)
    store(rows, receipt())
    assert matches(rows, "s1") == []
    store(rows, receipt(status=Status.READ))
    assert take(rows, "s1") == [message]


def test_each_of_several_statuses_is_a_receipt(rows: Rows) -> None:
    send(rows, "s1")
    store(rows, receipt(status=Status.SENT), receipt(status=Status.DELIVERED), receipt(status=Status.READ))
    assert [one.status for one in matches(rows, "s1")] == [Status.SENT, Status.DELIVERED, Status.READ]


def test_no_receipts_are_no_work(rows: Rows) -> None:
    assert store(rows) == []
    assert matches(rows) == []


def test_three_hundred_pairs_stored_at_the_same_moment_all_find_each_other(rows: Rows) -> None:
    lane, thread = rows.lane(), rows.thread()
    pairs = {}
    for number in range(300):
        message = rows.message(lane, thread_id=thread)
        rows.parts(message)
        pairs[f"s{number}"] = rows.head(message)

    def send_all() -> list[int]:
        taken = []
        for service_id, head in pairs.items():
            with rows.database.write() as connection:
                ids.remember(connection, head, head.parts[0], conversation="c1", ids=[service_id])
                messages.finish(connection, head.id, Status.SENT)
            taken += take(rows, service_id)
        return taken

    def report_all() -> list[int]:
        taken = []
        for service_id in pairs:
            store(rows, receipt(service_id))
            taken += take(rows, service_id)
        return taken

    by_sender, by_reporter = at_once(call, [send_all, report_all])
    assert sorted(by_sender + by_reporter) == sorted(head.id for head in pairs.values())
    assert rows.read(receipts.orphans, limit=1000) == []


def test_many_who_match_the_same_receipts_take_each_once(rows: Rows) -> None:
    sent = [send(rows, f"s{number}") for number in range(10)]
    names = store(rows, *(receipt(f"s{number}") for number in range(10)))

    def take_shuffled(seed: int) -> list[int]:
        return take(rows, *random.Random(seed).sample(names, len(names)))

    taken = [one for mine in at_once(take_shuffled, range(4)) for one in mine]
    assert sorted(taken) == sent


# Whose message ------------------------------------------------------------------------------------------------------


def test_a_receipt_of_another_account_is_not_ours(rows: Rows) -> None:
    send(rows, "s1")
    other = rows.new_account()
    rows.write(receipts.store, other, [receipt()])
    assert matches(rows, "s1") == []
    assert rows.read(receipts.matches, other, ["s1"]) == []


def test_services_that_number_each_conversation_anew_are_not_mixed_up(rows: Rows) -> None:
    first, second = send(rows, "1", conversation="c1"), send(rows, "1", conversation="c2")
    store(rows, receipt("1", conversation="c2"))
    assert take(rows, "1") == [second]
    store(rows, receipt("1", conversation="c1"))
    assert take(rows, "1") == [first]


def test_a_receipt_that_covers_earlier_ones_may_point_at_ours(rows: Rows) -> None:
    message = send(rows, "s1")
    store(rows, receipt(covers_earlier=True))
    (match,) = matches(rows, "s1")
    assert (match.message_id, match.covers_earlier) == (message, True)


def customers(rows: Rows, service_id: str, conversation: str = "c1") -> int:
    """Store what a customer wrote."""
    return rows.message(
        rows.lane(conversation),
        direction=Direction.INBOUND,
        service_id=service_id,
        conversation=conversation,
        thread_id=rows.thread(conversation),
    )


def test_a_receipt_that_covers_earlier_ones_may_point_at_what_the_customer_wrote(rows: Rows) -> None:
    theirs = customers(rows, "t1")
    store(rows, receipt("t1", Status.READ, covers_earlier=True))
    (match,) = matches(rows, "t1")
    assert (match.message_id, match.thread_id) == (theirs, rows.thread())
    assert take(rows, "t1") == [theirs]


def test_any_other_receipt_is_never_about_what_the_customer_wrote(rows: Rows) -> None:
    customers(rows, "t1")
    store(rows, receipt("t1", Status.READ))
    assert matches(rows, "t1") == []


def test_a_pointer_into_one_conversation_reads_nothing_in_another(rows: Rows) -> None:
    customers(rows, "1", "c1")
    right = customers(rows, "1", "c2")
    store(rows, receipt("1", Status.READ, covers_earlier=True, conversation="c2"))
    assert [one.message_id for one in matches(rows, "1")] == [right]


# Leftovers ----------------------------------------------------------------------------------------------------------


def test_pairs_that_nobody_looked_for_are_orphans_until_they_are_taken(rows: Rows) -> None:
    store(rows, receipt("s1"), receipt("s2"), receipt("t1", Status.READ, covers_earlier=True))
    assert rows.read(receipts.orphans, limit=10) == []
    send(rows, "s1")
    send(rows, "s2", ended=False)
    customers(rows, "t1")
    assert sorted(rows.read(receipts.orphans, limit=10)) == [(rows.account, "s1"), (rows.account, "t1")]
    assert len(rows.read(receipts.orphans, limit=1)) == 1
    take(rows, "s1", "t1")
    assert rows.read(receipts.orphans, limit=10) == []


def test_an_orphan_is_only_what_can_be_taken(rows: Rows) -> None:
    send(rows, "1", conversation="c1")
    customers(rows, "2", "c1")
    store(rows, receipt("1", conversation="c2"), receipt("2", conversation="c2", covers_earlier=True))
    store(rows, receipt("2", conversation="c1"))
    assert rows.read(receipts.orphans, limit=10) == []


def test_receipts_that_nobody_claims_are_forgotten(rows: Rows) -> None:
    store(rows, receipt("old"), receipt("young"), receipt("s1"))
    send(rows, "s1")
    take(rows, "s1")
    with rows.database.write() as connection:
        old = t.receipts.c.service_id != "young"
        connection.execute(t.receipts.update().where(old).values(received_at=rows.now() - 100))
    assert rows.write(receipts.forget_old, age=50.0) == 1
    with rows.database.read() as connection:
        left = connection.execute(t.receipts.select().order_by(t.receipts.c.service_id)).all()
    assert [one.service_id for one in left] == ["s1", "young"]


def test_characters_that_databases_refuse_do_not_stop_a_receipt(rows: Rows) -> None:
    message = send(rows, "s1")
    names = store(rows, receipt("s\x001", Status.FAILED, reason="no\x00 way", conversation="c\x001"))
    assert names == ["s1"]
    (match,) = matches(rows, *names)
    assert (match.message_id, match.reason) == (message, "no way")
