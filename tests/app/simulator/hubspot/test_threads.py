from __future__ import annotations

import json
from typing import Any

import pytest

from app.simulator import seed
from app.simulator.hubspot.state import Contact
from tests.app.simulator.receiver import Receiver
from tests.app.simulator.scene import MESSAGES, Scene, message, person

THREAD = "/conversations/conversations/2026-09/threads"


def by_identifier(scene: Scene) -> None:
    scene.world.hubspot.channels[seed.CHANNEL_ID].capabilities["threadingModel"] = "DELIVERY_IDENTIFIER"


def thread_of(scene: Scene, **changes: Any) -> str:
    return str(scene.publish(**changes)["conversationsThreadId"])


def test_one_integration_thread_id_is_one_thread(scene: Scene) -> None:
    first = thread_of(scene, integrationThreadId="a")
    assert thread_of(scene, integrationThreadId="a", senders=[person("u2")]) == first
    assert thread_of(scene, integrationThreadId="b") != first


@pytest.mark.parametrize("missing", [None, ""])
def test_without_an_id_every_message_opens_a_thread(scene: Scene, missing: str | None) -> None:
    threads = {thread_of(scene, integrationThreadId=missing) for _ in range(3)}
    assert len(threads) == 3


@pytest.mark.parametrize(("scope", "same"), [("account", False), ("channel", True)])
def test_the_scope_of_an_integration_thread_id_is_a_switch(scene: Scene, scope: str, *, same: bool) -> None:
    scene.world.switch(integration_thread_scope=scope)
    first = thread_of(scene)
    assert (thread_of(scene, channelAccountId=seed.TELEGRAM_ACCOUNT_ID) == first) is same


def test_numeric_ids_can_split_threads(scene: Scene) -> None:
    scene.world.switch(short_thread_ids_split=True)
    assert thread_of(scene, integrationThreadId="123") != thread_of(scene, integrationThreadId="123")
    assert thread_of(scene) == thread_of(scene)


def test_identifiers_make_threads_and_hubspot_names_them(scene: Scene, receiver: Receiver) -> None:
    by_identifier(scene)
    first = thread_of(scene, integrationThreadId=None)
    assert thread_of(scene, integrationThreadId="ignored") == first
    assert thread_of(scene, senders=[person("u2")]) != first
    scene.reply(first)
    (made_up,) = json.loads(receiver.wait(1)[0].body)["channelIntegrationThreadIds"]
    assert made_up
    assert made_up != "ignored"


@pytest.mark.parametrize(("policy", "same"), [("reopen", True), ("new_thread", False)])
@pytest.mark.parametrize("identifiers", [False, True])
def test_a_closed_thread_reopens_or_is_followed_by_another(
    scene: Scene, policy: str, *, same: bool, identifiers: bool
) -> None:
    if identifiers:
        by_identifier(scene)
    scene.world.switch(closed_thread_policy=policy)
    closed = thread_of(scene)
    scene.sim("POST", f"/threads/{closed}/close")
    later = thread_of(scene)
    assert (later == closed) is same
    assert scene.call("GET", f"{THREAD}/{closed}").json()["status"] == ("OPEN" if same else "CLOSED")
    assert thread_of(scene) == later


def test_an_outgoing_message_leaves_a_closed_thread_closed(scene: Scene) -> None:
    closed = thread_of(scene)
    scene.sim("POST", f"/threads/{closed}/close")
    sides = {"senders": [person("loopback-demo")], "recipients": [person()]}
    assert thread_of(scene, messageDirection="OUTGOING", **sides) == closed
    assert scene.call("GET", f"{THREAD}/{closed}").json()["status"] == "CLOSED"


@pytest.mark.parametrize(("form", "expected"), [("all", ["b", "a"]), ("newest", ["a"]), ("none", [])])
def test_a_merged_thread_answers_for_both(scene: Scene, receiver: Receiver, form: str, expected: list[str]) -> None:
    scene.world.switch(merged_thread_ids=form)
    gone, stays = thread_of(scene, integrationThreadId="a"), thread_of(scene, integrationThreadId="b")
    scene.sim("POST", f"/threads/{gone}/merge", {"into": stays})
    assert thread_of(scene, integrationThreadId="a") == stays
    scene.reply(stays)
    assert json.loads(receiver.wait(1)[0].body)["channelIntegrationThreadIds"] == expected
    assert [card["id"] for card in scene.sim("GET", "/threads")] == [stays]


def test_a_thread_cannot_be_merged_into_itself(scene: Scene) -> None:
    thread_id = thread_of(scene)
    assert scene.client.post(f"/_sim/threads/{thread_id}/merge", json={"into": thread_id}).status_code == 400


def test_phone_numbers_and_addresses_find_contacts(scene: Scene) -> None:
    portal = scene.world.hubspot.portals[seed.PORTAL_ID]
    portal.contacts["55"] = Contact("55", "Dana Roe", "dana@example.com", "+491701234567")
    by_mail = scene.publish(integrationThreadId="m", senders=[person("dana@example.com", kind="HS_EMAIL_ADDRESS")])
    by_phone = scene.publish(integrationThreadId="p", senders=[person("+491701234567", kind="HS_PHONE_NUMBER")])
    assert by_mail["createdBy"] == by_phone["createdBy"] == "V-55"


def test_an_opaque_visitor_is_unknown_until_linked_and_then_remembered(scene: Scene) -> None:
    portal = scene.world.hubspot.portals[seed.PORTAL_ID]
    portal.contacts["55"] = Contact("55", "Dana Roe")
    unknown = scene.publish()
    assert scene.publish(integrationThreadId="other")["createdBy"] == unknown["createdBy"] != "V-55"
    scene.sim("POST", f"/threads/{unknown['conversationsThreadId']}/contact", {"contact": "55"})
    assert scene.publish(integrationThreadId="later")["createdBy"] == "V-55"


@pytest.mark.parametrize(
    "association",
    [{"associateWithContactId": 55}, {"preResolvedContacts": {"contacts": [{"contactVid": 55}]}}],
)
def test_the_integration_can_name_the_contact(scene: Scene, association: dict[str, Any]) -> None:
    scene.world.hubspot.portals[seed.PORTAL_ID].contacts["55"] = Contact("55", "Dana Roe")
    published = scene.publish(**association)
    assert published["createdBy"] == "V-55"
    thread = scene.call("GET", f"{THREAD}/{published['conversationsThreadId']}").json()
    assert thread["associatedContactId"] == "55"


@pytest.mark.parametrize(("answer", "status"), [("404", 404), ("400", 400), ("ignore", 201)])
def test_an_unknown_contact(scene: Scene, answer: str, status: int) -> None:
    scene.world.switch(unknown_contact_answer=answer)
    assert scene.call("POST", MESSAGES, message(associateWithContactId=9)).status_code == status


def test_a_help_desk_makes_tickets(scene: Scene) -> None:
    scene.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].inbox_id = seed.HELP_DESK_ID
    thread = scene.call("GET", f"{THREAD}/{thread_of(scene)}").json()
    assert thread["threadAssociations"]["associatedTicketId"]
