from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from app.relay import forget, replay
from app.relay.forget import Forgotten
from app.relay.outbound import Outbound
from app.relay.replay import NotReplayable
from app.simulator.server import SimulatorServer
from app.storage import erasure
from app.storage.tables import (
    contacts,
    lanes,
    media,
    messages,
    metadata,
)
from tests.app.relay.deliveries import dead_ids, deliver, message, oddity, refuse
from tests.app.relay.world import RelayWorld

#: Everything that the person and the agents say in these tests holds it.
SECRET = "ZEBRA"


@pytest.fixture(autouse=True)
def _subscribed(relay_simulator: SimulatorServer) -> None:
    relay_simulator.world.switch(conversation_events=True)


def say(relay: RelayWorld, text: str = f"My {SECRET} is ill", **more: Any) -> None:
    relay.say(text, name=f"Dana {SECRET}", **more)
    relay.settle()


def erase(relay: RelayWorld) -> None:
    """A person asks HubSpot to be forgotten."""
    relay.call("POST", f"/_sim/threads/{relay.threads()[0]['id']}/erase")
    relay.wait_for_webhooks()


def by_hand(relay: RelayWorld, wanted: str = "c1") -> Forgotten:
    with relay.services.database.read() as connection:
        found = erasure.search(connection, wanted, account_id=None)
    return forget.forget(relay.services, found)


def everything(relay: RelayWorld) -> str:
    """The whole database as text."""
    with relay.services.database.read() as connection:
        return "\n".join(_dump(connection))


def _dump(connection: Connection) -> list[str]:
    return [str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table))]


def test_a_privacy_deletion_erases_everything_that_was_said(relay: RelayWorld) -> None:
    picture = {"name": f"{SECRET}.txt", "mime": "text/plain", "base64": "WkVCUkE="}
    say(relay, attachments=[picture], vouched=[{"type": "email", "value": "dana@example.com"}])
    assert relay.count(contacts) == 1
    relay.reply(relay.threads()[0]["id"], f"Poor {SECRET}!")
    relay.settle()
    refuse(relay)
    say(relay, f"{SECRET} is buried")
    deliver(relay, oddity() | {"text": SECRET}, message("m9", SECRET, sender={"id": "u-c1", "name": SECRET}), id_="d9")
    relay.settle()
    assert everything(relay).count(SECRET) > 10
    erase(relay)
    left = [line for line in everything(relay).splitlines() if SECRET in line]
    assert left == []
    assert relay.count(contacts) == 0


def test_ids_and_verdicts_stay_so_that_nothing_is_published_again(relay: RelayWorld) -> None:
    event = message("m1", SECRET)
    deliver(relay, event)
    relay.settle()
    before = [(row.identity, row.status, row.hubspot_id) for row in relay.rows()]
    erase(relay)
    deliver(relay, event, id_="again")
    relay.settle()
    assert [(row.identity, row.status, row.hubspot_id) for row in relay.rows()] == before
    assert relay.inbox() == []
    assert SECRET not in everything(relay)


def test_who_writes_again_begins_anew(relay: RelayWorld) -> None:
    say(relay)
    erase(relay)
    relay.say("Hello again")
    relay.settle()
    assert relay.texts() == ["Hello again"]
    relay.reply(relay.threads()[0]["id"], "Welcome back")
    relay.settle()
    assert relay.heard() == ["Welcome back"]


def test_what_is_queued_is_never_sent_and_the_agent_is_told(relay: RelayWorld) -> None:
    say(relay)
    answer = relay.reply(relay.threads()[0]["id"], f"About {SECRET}")
    relay.wait_for_webhooks()
    relay.say(SECRET)
    relay.wait_for_webhooks()
    done = by_hand(relay)
    relay.settle()
    assert done.cancelled == 2
    assert relay.heard() == []
    status, sentence = relay.status_of(answer)
    assert (status, "was erased before" in sentence) == ("FAILED", True)
    assert relay.rows("outbound")[0].reason == "erased"


def test_a_call_that_is_under_way_may_have_arrived(light_relay: RelayWorld) -> None:
    relay = light_relay
    say(relay)
    answer = relay.reply(relay.threads()[0]["id"], "Yes")
    relay.wait_for_webhooks()
    relay.execute(update(messages).where(messages.c.direction == "outbound").values(calling="x"))
    by_hand(relay)
    relay.settle()
    assert "may have arrived" in relay.status_of(answer)[1]


def test_a_worker_that_holds_the_text_in_memory_does_not_send_it(relay: RelayWorld) -> None:
    """It is between two messages while the conversation is erased."""
    say(relay)
    relay.reply(relay.threads()[0]["id"], f"About {SECRET}")
    relay.wait_for_webhooks()
    split = Outbound.split

    def late(*args: Any) -> Any:
        contents = split(*args)
        by_hand(relay)
        return contents

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outbound, "split", late)
        relay.work_once()
    relay.settle()
    assert relay.heard() == []


def test_dead_letters_wait_for_nobody_and_cannot_be_replayed(relay: RelayWorld) -> None:
    refuse(relay)
    say(relay)
    (dead,) = dead_ids(relay)
    relay.execute(update(lanes).where(lanes.c.kind == "inbound").values(held_by=dead))
    by_hand(relay)
    assert dead_ids(relay) == []
    with pytest.raises(NotReplayable, match="was erased"):
        replay.replay(relay.services, dead)
    relay.say("The lane goes on")
    relay.settle()
    assert relay.texts()[-1] == "The lane goes on"


def test_others_stay_as_they_are(relay: RelayWorld) -> None:
    """Also who wrote in the same request."""
    deliver(relay, message("m1", SECRET), message("m2", "An elephant", conversation="c2"))
    relay.wait_for_webhooks()
    by_hand(relay, "c1")
    relay.settle()
    assert relay.texts() == ["An elephant"]
    assert [row.content.get("text") for row in relay.rows()] == ["", "An elephant"]


def test_an_attachment_that_is_being_fetched_is_given_up(relay: RelayWorld) -> None:
    relay.say("See", attachments=[{"name": f"{SECRET}.txt", "mime": "text/plain", "base64": "WkVCUkE="}])
    relay.wait_for_webhooks()
    by_hand(relay)
    relay.settle()
    with relay.services.database.read() as connection:
        (row,) = connection.execute(select(media.c.state, media.c.due, media.c.attempts)).all()
    assert tuple(row) == ("failed", None, 0)
    assert not relay.world.hubspot.files


def test_the_files_that_hubspot_keeps_are_named(light_relay: RelayWorld) -> None:
    relay = light_relay
    say(relay, attachments=[{"name": "a.txt", "mime": "text/plain", "base64": "WkVCUkE="}])
    assert by_hand(relay).erased.files == tuple(relay.world.hubspot.files)
    again = by_hand(relay)
    assert (again.erased.messages, again.erased.envelopes) == (0, 0)


@pytest.mark.parametrize("wanted", ["c1", "u-c1", "ours", "hubspot"])
def test_a_person_is_found_by_any_id(light_relay: RelayWorld, wanted: str) -> None:
    relay = light_relay
    say(relay)
    ids = {"ours": relay.rows()[0].thread_id, "hubspot": relay.threads()[0]["id"]}
    assert by_hand(relay, ids.get(wanted, wanted)).erased.messages == 1
