from __future__ import annotations

import pytest

from app.domain.status import Status
from app.relay import replay
from app.relay.replay import NotReplayable, is_dropped
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import messages, search
from app.storage.search import MessageFilter, MessageRow
from tests.app.relay.deliveries import bury, dead_ids, deliver, message, work
from tests.app.relay.world import RelayWorld, eventually


def newest(relay: RelayWorld) -> MessageRow:
    with relay.services.database.read() as connection:
        return search.find_messages(connection, MessageFilter(), limit=1)[0]


def row(relay: RelayWorld, message_id: int) -> MessageRow:
    with relay.services.database.read() as connection:
        found = search.get_message(connection, message_id)
    assert found is not None
    return found


def test_a_customers_message_arrives_once_more(relay: RelayWorld) -> None:
    bury(relay, "m1")
    [dead] = dead_ids(relay)
    replay.replay(relay.services, dead)
    work(relay)
    assert [one["text"] for one in relay.inbox()].count("Hello") == 1
    assert row(relay, dead).status is Status.SENT
    assert dead_ids(relay) == []


def test_a_replayed_message_goes_before_what_came_later(relay: RelayWorld) -> None:
    bury(relay, "m1")
    deliver(relay, message("m2", "Later", conversation="of m1"), id_="d2")
    replay.replay(relay.services, dead_ids(relay)[0])
    work(relay)
    texts = [one["text"] for one in relay.inbox()]
    assert texts[0] == "Hello"  # at its own time, before what stood in its place
    assert "could not be shown" in texts[1]
    assert texts[2:] == ["Later"]


def test_an_agents_message_gets_a_new_deadline_and_its_status_is_told(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    work(relay)
    relay.call("POST", "/_sim/loopback/conversations", {"account": "demo", "conversation": "c1", "name": "Dana"})
    relay.world.faults.add(
        FaultRule(api=Api.LOOPBACK, path="/messages", times=1, fault=Fault(kind=FaultKind.STATUS, status=400))
    )
    answer = relay.reply(relay.threads()[0]["id"], "Yes")
    eventually(lambda: newest(relay).hubspot_id == answer)
    work(relay)
    failed = newest(relay)
    assert (failed.status, relay.status_of(answer)[0]) == (Status.FAILED, "FAILED")
    replay.replay(relay.services, failed.id)
    again = row(relay, failed.id)
    assert again.status is Status.PENDING
    assert (again.deadline_at or 0) > (failed.deadline_at or 0)
    work(relay)
    assert [one["text"] for one in relay.customer_sees()][-1] == "Yes"
    assert relay.status_of(answer)[0] == "SENT"


def test_what_has_not_failed_is_left_alone(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    database = relay.services.database
    with database.read() as connection:
        before = connection.exec_driver_sql("SELECT wake FROM lanes").scalars().all()
    with pytest.raises(NotReplayable, match="has not failed"):
        replay.replay(relay.services, 1)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT wake FROM lanes").scalars().all() == before
        head = messages.get(connection, 1)
    assert head is not None
    assert head.calling is None


def test_only_dead_letters_are_dropped(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    with pytest.raises(NotReplayable, match="is no dead letter"):
        replay.drop(relay.services, 1)
    with pytest.raises(NotReplayable, match="no message 9"):
        replay.drop(relay.services, 9)


@pytest.mark.parametrize(
    ("status", "at", "dropped"),
    [
        (Status.FAILED, 5.0, True),
        (Status.CANCELLED, 5.0, True),
        (Status.FAILED, None, False),
        (Status.SENT, 5.0, False),
        (Status.PENDING, 5.0, False),
    ],
)
def test_dropped_is_what_stayed_failed(status: Status, at: float | None, dropped: bool) -> None:  # noqa: FBT001
    assert is_dropped(status, at) is dropped
