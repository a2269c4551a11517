"""Two portals with two accounts each on one relay: nothing crosses over, and each stops only itself.

All four conversations have the same id at their service, and HubSpot's ids are equal in both portals where they may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.relay import accounts, portals
from app.relay.accounts import Wanted
from app.simulator import seed
from app.simulator.hubspot import oauth
from app.storage import accounts as rows
from app.storage import portals as portal_rows
from tests.app.relay.world import RelayWorld, outgoing, relay_world

OTHER_PORTAL = "4700002"
PICTURE = {"name": "a.png", "mime": "image/png", "base64": "iVBORw0KGgo="}


@dataclass(frozen=True)
class Place:
    """An account: its name at the messenger, and where it is at HubSpot."""

    name: str
    portal: str
    hubspot_id: str


PLACES = (
    Place("demo", seed.PORTAL_ID, seed.LOOPBACK_ACCOUNT_ID),
    Place("second", seed.PORTAL_ID, "2101"),
    Place("third", OTHER_PORTAL, "2102"),
    Place("fourth", OTHER_PORTAL, "2103"),
)


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_database_url: str) -> Iterator[RelayWorld]:
    with relay_world(tmp_path, monkeypatch, migrated_database_url, migrated=True) as world:
        token = world.call("POST", "/_sim/portals", {"id": OTHER_PORTAL, "inboxes": [{"id": "601"}]})["refreshToken"]
        portals.add(world.services, int(OTHER_PORTAL), token)
        for place in PLACES[1:]:
            connect(world, place)
        yield world


def connect(relay: RelayWorld, place: Place) -> None:
    token = f"token-of-the-{place.name}-messenger"
    relay.call("POST", "/_sim/loopback/accounts", {"token": token, "id": place.name, "auto_receipts": False})
    identifier = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": place.name}
    inbox = seed.INBOX_ID if place.portal == seed.PORTAL_ID else "601"
    new = {"id": place.hubspot_id, "portal": place.portal, "inbox": inbox, "name": place.name}
    relay.call("POST", "/_sim/channel-accounts", {**new, "channel": seed.CHANNEL_ID, "identifier": identifier})
    credentials = {"token": token, "secret": f"secret-of-the-{place.name}-messenger"}
    wanted = Wanted("loopback", int(place.portal), seed.CHANNEL_ID, place.hubspot_id, place.name, credentials)
    assert accounts.add(relay.services, wanted).registered


def thread_of(relay: RelayWorld, place: Place) -> Any:
    [found] = [one for one in relay.threads() if one["accountId"] == place.hubspot_id]
    return found


def read(relay: RelayWorld, place: Place) -> list[str]:
    """What the agent of a place reads."""
    return [one["text"] for one in relay.agent_sees(thread_of(relay, place)["id"])]


def heard(relay: RelayWorld, place: Place) -> list[str]:
    """What the customer of a place hears."""
    found = relay.call("GET", f"/_sim/loopback/conversations/c1/messages?account={place.name}")
    return [one["text"] for one in found if not one["mine"]]


def everybody_writes(relay: RelayWorld, text: str, **more: object) -> None:
    for place in PLACES:
        body = {"account": place.name, "conversation": "c1", "name": "Dana", "text": f"{text} of {place.name}", **more}
        relay.call("POST", "/_sim/loopback/say", body)
    relay.settle(within=30)


def test_pitfall_20_one_channel_serves_every_account_and_nothing_crosses_over(relay: RelayWorld) -> None:
    everybody_writes(relay, "question", attachments=[PICTURE])
    answers = {}
    for place in PLACES:
        thread = thread_of(relay, place)
        assert (thread["portalId"], read(relay, place)) == (place.portal, [f"question of {place.name}"])
        answers[place] = relay.reply(thread["id"], f"answer to {place.name}")
    relay.settle(within=30)
    for place in PLACES:
        assert heard(relay, place) == [f"answer to {place.name}"]
        assert relay.status_of(answers[place])[0] == "SENT"
    # Who sends what another customer of the portal sent shares its file, and no other portal's.
    files = [file.portal_id for file in relay.world.hubspot.files.values()]
    assert sorted(files) == sorted({place.portal for place in PLACES})
    relay.call("POST", "/_sim/loopback/read", {"account": "third", "conversation": "c1"})
    relay.settle(within=30)
    told = {place.name: relay.status_of(answers[place])[0] for place in PLACES}
    assert told == {"demo": "SENT", "second": "SENT", "third": "READ", "fourth": "SENT"}
    report = relay.call("GET", "/_sim/assertions")
    assert (report["duplicate_messages"], report["refreshes"]) == ([], {seed.PORTAL_ID: 1, OTHER_PORTAL: 1})


def test_equal_ids_of_hubspots_are_told_apart_by_their_portals(relay: RelayWorld) -> None:
    everybody_writes(relay, "question")
    for place in (PLACES[0], PLACES[2]):
        event = outgoing(f"answer to {place.name}", channelAccountId=place.hubspot_id)
        assert relay.from_hubspot({**event, "portalId": int(place.portal)}) == 204
    relay.settle(within=30)
    assert [heard(relay, place) for place in PLACES] == [["answer to demo"], [], ["answer to third"], []]


def test_a_revoked_token_stops_its_portal_alone_until_the_app_is_installed_again(relay: RelayWorld) -> None:
    everybody_writes(relay, "before")
    with relay.world.lock:
        for held in relay.world.hubspot.refresh_tokens.values():
            held.revoked = held.revoked or held.portal_id == OTHER_PORTAL
        tokens = relay.world.hubspot.access_tokens
        for token in [one for one, held in tokens.items() if held.portal_id == OTHER_PORTAL]:
            del tokens[token]
    everybody_writes(relay, "after")
    with relay.services.database.read() as connection:
        states = {one.id: one.state for one in portal_rows.every(connection)}
        running = [row.hubspot_state for row in rows.every(connection)]
    assert states == {int(seed.PORTAL_ID): "running", int(OTHER_PORTAL): "paused"}
    assert running == ["running"] * 4
    for place in PLACES:
        late = [] if place.portal == OTHER_PORTAL else [f"after of {place.name}"]
        assert read(relay, place) == [f"before of {place.name}", *late]
    with relay.world.lock:
        again = oauth.install(relay.world, seed.APP_ID, OTHER_PORTAL, scopes=seed.SCOPES)
    portals.add(relay.services, int(OTHER_PORTAL), again.value)
    relay.settle(within=30)
    for place in PLACES:
        assert read(relay, place) == [f"before of {place.name}", f"after of {place.name}"]
