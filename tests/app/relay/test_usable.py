"""Ids that no table could hold leave their event unopened, and its neighbours alone."""

from __future__ import annotations

import pytest

from app.storage.tables import unopened
from tests.app.relay.world import RelayWorld, incoming, outgoing

LONG = "x" * 3_000


@pytest.mark.parametrize("odd", [{"id": LONG}, {"conversation": LONG}])
def test_a_service_event_with_an_endless_id_stays_unopened(relay: RelayWorld, odd: dict[str, str]) -> None:
    batch = {"id": "d-1", "events": [incoming("before"), incoming("odd", "m-2") | odd, incoming("after", "m-3")]}
    assert relay.from_loopback(batch) == 200
    assert [row.content["text"] for row in relay.rows()] == ["before", "after"]
    assert relay.count(unopened) == 1


@pytest.mark.parametrize("odd", [{"message_id": LONG}, {"conversationsThreadId": LONG}])
def test_an_agents_message_with_an_endless_id_stays_unopened(relay: RelayWorld, odd: dict[str, str]) -> None:
    assert relay.from_hubspot(outgoing(**odd)) < 300
    assert relay.rows("outbound") == []
    assert relay.count(unopened) == 1
