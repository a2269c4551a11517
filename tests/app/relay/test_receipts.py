from __future__ import annotations

from sqlalchemy import select, update

from app.simulator.faults import Api, FaultKind
from app.storage.tables import accounts, receipts
from tests.app.relay.world import RelayWorld


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
