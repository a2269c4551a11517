from __future__ import annotations

import pytest
from sqlalchemy import update

from app.simulator.faults import Api, FaultKind
from app.storage.tables import portals
from tests.app.relay.world import RelayWorld

PATCH = r"/custom-channels/.*/messages/"


def test_a_message_that_hubspot_forgot_is_closed(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = relay.answered()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=404)
    relay.report("read")
    relay.settle()
    relay.pass_time(1_000)
    relay.settle()
    assert relay.patches_of(answer) == 1


@pytest.mark.parametrize("status", [429, 500, 423])
def test_a_status_that_could_not_be_told_is_told_later(light_relay: RelayWorld, status: int) -> None:
    relay = light_relay
    answer = relay.answered()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=status)
    relay.report("read")
    relay.settle()
    assert relay.status_of(answer)[0] == "SENT"
    relay.pass_time(15)
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"


def test_a_status_that_hubspot_refuses_blocks_no_other(light_relay: RelayWorld) -> None:
    relay = light_relay
    thread = relay.conversation()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, status=400)
    first = relay.reply(thread, "one")
    relay.settle()
    second = relay.reply(thread, "two")
    relay.settle()
    assert (relay.patches_of(first), relay.patches_of(second)) == (0, 1)


def test_a_refused_token_pauses_the_portal_and_the_status_waits(light_relay: RelayWorld) -> None:
    relay = light_relay
    answer = relay.answered()
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=PATCH, times=None, status=401)
    relay.report("read")
    relay.settle()
    assert relay.status_of(answer)[0] == "SENT"
    relay.world.faults.clear()
    assert relay.execute(update(portals).where(portals.c.state == "paused").values(state="running")).rowcount == 1
    relay.settle()
    assert relay.status_of(answer)[0] == "READ"
