from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.simulator.faults import Api, FaultKind
from app.storage.clock import now
from app.storage.tables import accounts, lanes, messages, receipts
from tests.app.relay.deliveries import dead_ids, deliver, message
from tests.app.relay.world import RelayWorld


def receipt(id_: str, status: str) -> dict[str, Any]:
    """A receipt as the service sends it, whatever it said before."""
    return {"type": "receipt", "message": id_, "conversation": "c1", "time": "2026-11-22T10:00:00Z", "status": status}


def test_delivered_needs_no_second_word_to_hubspot(relay: RelayWorld) -> None:
    answer = relay.answered()
    assert relay.patches_of(answer) == 1
    relay.report("delivered")
    relay.settle()
    assert relay.rows("outbound")[0].status == "delivered"
    assert relay.patches_of(answer) == 1


def test_read_is_told_once_whatever_comes_after(relay: RelayWorld) -> None:
    answer = relay.answered()
    for status in ("read", "delivered"):
        relay.report(status)
        relay.settle()
    assert relay.rows("outbound")[0].status == "read"
    assert relay.status_of(answer) == ("READ", "")
    assert relay.patches_of(answer) == 2


def test_a_failure_is_told_with_the_services_reason(relay: RelayWorld) -> None:
    answer = relay.answered()
    relay.report("failed", "The phone is switched off.")
    relay.settle()
    assert relay.status_of(answer) == ("FAILED", "The phone is switched off.")


def test_a_receipt_that_is_faster_than_our_own_record_is_kept(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages")
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    relay.report("read")
    relay.settle()
    with relay.services.database.read() as connection:
        assert connection.execute(select(receipts.c.message_id)).scalar_one() is None
    relay.pass_time(3)
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_a_receipt_that_comes_twice_counts_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = relay.answered()
    relay.fault(Api.LOOPBACK, FaultKind.DUPLICATE)
    relay.report("read")
    relay.settle()
    with relay.services.database.read() as connection:
        assert len(connection.execute(select(receipts)).all()) == 1
    assert relay.patches_of(answer) == 2


def test_a_paused_service_does_not_keep_the_truth_from_hubspot(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = relay.answered()
    relay.execute(update(accounts).values(service_state="paused", service_hint="Enter a new token."))
    relay.report("read")
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_a_failure_that_the_service_takes_back_is_taken_back_in_hubspot(relay: RelayWorld) -> None:
    answer = relay.answered()
    sent = relay.customer_sees()[-1]["id"]
    for number, (status, expected) in enumerate((("failed", "FAILED"), ("delivered", "SENT"), ("read", "READ"))):
        deliver(relay, receipt(sent, status), id_=f"r{number}")
        relay.settle()
        assert relay.status_of(answer)[0] == expected


def test_what_was_called_failed_and_was_read_is_told_as_sent_before_as_read(light_relay: RelayWorld) -> None:
    """HubSpot takes no other word than SENT after FAILED."""
    relay = light_relay
    answer = relay.answered()
    sent = relay.customer_sees()[-1]["id"]
    for number, status in enumerate(("failed", "read")):
        deliver(relay, receipt(sent, status), id_=f"r{number}")
        relay.settle()
    assert relay.status_of(answer)[0] == "READ"
    with relay.world.lock:
        assert relay.world.hubspot.messages[answer].status_patches == ["SENT", "FAILED", "SENT", "READ"]


def test_a_call_that_was_taken_for_lost_stays_failed_until_something_proves_that_it_arrived(relay: RelayWorld) -> None:
    """The echo tells the id that no answer told; a receipt that came before it counts then, too."""
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages", times=None)
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(deadline_at=now() - 1))
    relay.settle()
    status, sentence = relay.status_of(answer)
    assert (status, "may have arrived" in sentence) == ("FAILED", True)
    (dead,) = dead_ids(relay)
    relay.execute(update(lanes).where(lanes.c.kind == "outbound").values(held_by=dead))
    sent = relay.customer_sees()[-1]["id"]
    deliver(relay, receipt(sent, "read"), id_="r1")
    relay.settle()
    assert relay.status_of(answer)[0] == "FAILED"
    deliver(relay, message(sent, "Hello Dana", own=True), id_="e1")
    relay.settle()
    assert relay.status_of(answer) == ("READ", "")
    assert dead_ids(relay) == []
    relay.world.faults.clear()
    relay.reply(thread, "The lane goes on")
    relay.settle()
    assert relay.heard() == ["Hello Dana", "The lane goes on"]
