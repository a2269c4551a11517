from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.simulator.faults import Api, FaultKind
from app.storage.tables import accounts, receipts
from tests.app.relay.world import RelayWorld

PATCH = r"/custom-channels/.*/messages/"


def report(relay: RelayWorld, status: str, reason: str | None = None, at: int = -1) -> None:
    """Let the service report about one of our messages."""
    ours = [one for one in relay.customer_sees() if not one["mine"]][at]
    body = {"account": "demo", "message": ours["id"], "status": status, "reason": reason}
    relay.call("POST", "/_sim/loopback/receipt", body)
    relay.wait_for_webhooks()


def answered(relay: RelayWorld, text: str = "Hello Dana") -> str:
    answer = relay.reply(relay.conversation(), text)
    relay.settle()
    return answer


def test_delivered_needs_no_second_word_to_hubspot(relay: RelayWorld) -> None:
    answer = answered(relay)
    assert relay.patches_of(answer) == 1
    report(relay, "delivered")
    relay.settle()
    assert relay.rows("outbound")[0].status == "delivered"
    assert relay.patches_of(answer) == 1


def test_read_is_told_once_whatever_comes_after(relay: RelayWorld) -> None:
    answer = answered(relay)
    for status in ("read", "delivered"):
        report(relay, status)
        relay.settle()
    assert relay.rows("outbound")[0].status == "read"
    assert relay.status_of(answer) == ("READ", "")
    assert relay.patches_of(answer) == 2


def test_a_failure_is_told_with_the_services_reason(relay: RelayWorld) -> None:
    answer = answered(relay)
    report(relay, "failed", "The phone is switched off.")
    relay.settle()
    assert relay.status_of(answer) == ("FAILED", "The phone is switched off.")


def test_a_receipt_that_is_faster_than_our_own_record_is_kept(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.fault(Api.LOOPBACK, FaultKind.RESET_AFTER, path="/v1/messages")
    answer = relay.reply(thread, "Hello Dana")
    relay.settle()
    report(relay, "read")
    relay.settle()
    with relay.services.database.read() as connection:
        assert connection.execute(select(receipts.c.message_id)).scalar_one() is None
    relay.pass_time(3)
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_a_receipt_that_comes_twice_counts_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = answered(relay)
    relay.fault(Api.LOOPBACK, FaultKind.DUPLICATE)
    report(relay, "read")
    relay.settle()
    with relay.services.database.read() as connection:
        assert len(connection.execute(select(receipts)).all()) == 1
    assert relay.patches_of(answer) == 2


def test_a_message_that_hubspot_forgot_is_closed(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = answered(relay)
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=404)
    report(relay, "read")
    relay.settle()
    relay.pass_time(1_000)
    relay.settle()
    assert relay.patches_of(answer) == 1


@pytest.mark.parametrize("status", [429, 500, 423])
def test_a_status_that_could_not_be_told_is_told_later(light_relay: RelayWorld, status: int) -> None:
    relay = light_relay
    answer = answered(relay)
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=status)
    report(relay, "read")
    relay.settle()
    assert relay.status_of(answer)[0] == "SENT"
    relay.pass_time(15)
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_a_status_that_hubspot_refuses_blocks_no_other(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=400)
    relay.reply(thread, "one")
    second = relay.reply(thread, "two")
    relay.settle()
    assert relay.patches_of(second) == 1


def test_a_paused_service_does_not_keep_the_truth_from_hubspot(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = answered(relay)
    relay.execute(update(accounts).values(service_state="paused", service_hint="Enter a new token."))
    report(relay, "read")
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"
