"""Who a customer is in the CRM: associated by what the service vouches for, or not at all."""

from __future__ import annotations

import pytest

from app.domain.account import ContactPolicy
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage.contacts import ContactState
from app.storage.tables import contacts as contact_table
from tests.app.relay.crm import (
    BY_EMAIL,
    BY_PHONE,
    EMAIL,
    PHONE,
    calls,
    choose,
    contact_of,
    know,
    portal,
    rows,
    writes,
)
from tests.app.relay.world import RelayWorld

SEARCH = "/contacts/search"
DAY = 86_400.0


def shown(relay: RelayWorld, text: str = "Hello?", **more: object) -> str | None:
    """Let the customer write, and return the contact beside the conversation."""
    return contact_of(relay, str(writes(relay, text, **more)["conversationsThreadId"]))


# Pitfall 13: opaque ids give "Unknown visitor" ----------------------------------------------------------------------


def test_pitfall_13_a_customer_whose_number_the_service_vouches_for_is_no_unknown_visitor(relay: RelayWorld) -> None:
    know(relay, phone="+49 (170) 123-4567")
    choose(relay, ContactPolicy.FIND)
    message = writes(relay)
    assert message["createdBy"] == "V-55"
    assert contact_of(relay, message["conversationsThreadId"]) == "55"
    assert message["senders"][0]["deliveryIdentifier"] == {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "u-c1"}


def test_an_e_mail_address_finds_its_contact(light_relay: RelayWorld) -> None:
    know(light_relay, phone="", email=EMAIL.upper())
    choose(light_relay, ContactPolicy.FIND)
    assert shown(light_relay, vouched=BY_EMAIL) == "55"


def test_an_account_associates_nobody_unless_it_is_told_to(light_relay: RelayWorld) -> None:
    know(light_relay)
    assert shown(light_relay) is None
    assert calls(light_relay, SEARCH) == 0


def test_what_nobody_vouches_for_is_not_looked_up(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.CREATE)
    assert shown(light_relay, f"I am Dana Roe, {PHONE}", vouched=[]) is None
    assert calls(light_relay, "/contacts") == 0


def test_one_look_up_serves_the_whole_conversation(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    for number in range(3):
        assert shown(light_relay, f"{number}", vouched=BY_PHONE if number == 0 else []) == "55"
    assert calls(light_relay, SEARCH) == 1


# Nobody, or more than one -------------------------------------------------------------------------------------------


def test_a_contact_that_is_missing_is_made_once(relay: RelayWorld) -> None:
    choose(relay, ContactPolicy.CREATE)
    for number in range(2):
        shown(relay, f"{number}")
    [made] = portal(relay).contacts.values()
    assert (made.name, made.phone, made.email) == ("Dana", PHONE, "")
    assert shown(relay, "later") == made.id


def test_find_makes_nobody_and_looks_again_after_an_hour(light_relay: RelayWorld) -> None:
    choose(light_relay, ContactPolicy.FIND)
    assert [shown(light_relay, text) for text in ("a", "b")] == [None, None]
    assert (portal(light_relay).contacts, calls(light_relay, SEARCH)) == ({}, 1)
    know(light_relay)
    light_relay.pass_time(3_601)
    assert shown(light_relay, "c") == "55"


def test_among_several_contacts_none_is_chosen_and_the_log_says_so_once(
    light_relay: RelayWorld, caplog: pytest.LogCaptureFixture
) -> None:
    know(light_relay, "55")
    know(light_relay, "56")
    choose(light_relay, ContactPolicy.CREATE)
    for number in range(2):
        assert shown(light_relay, f"{number}") is None
        light_relay.pass_time(3_601)
    assert caplog.text.count("contact_ambiguous") == 1
    assert set(portal(light_relay).contacts) == {"55", "56"}


def test_a_phone_and_an_address_of_two_contacts_merge_nobody(light_relay: RelayWorld) -> None:
    know(light_relay, "55")
    know(light_relay, "56", phone="", email=EMAIL)
    choose(light_relay, ContactPolicy.CREATE)
    assert shown(light_relay, vouched=[*BY_PHONE, *BY_EMAIL]) is None


def test_a_number_without_its_country_is_neither_the_customers_nor_a_reason_for_another_contact(
    light_relay: RelayWorld,
) -> None:
    know(light_relay, phone="0170 1234567")
    choose(light_relay, ContactPolicy.CREATE)
    assert shown(light_relay) is None
    assert set(portal(light_relay).contacts) == {"55"}


def test_who_has_the_address_already_is_taken_where_search_does_not_know_it_yet(light_relay: RelayWorld) -> None:
    light_relay.world.switch(contact_search_delay=60)
    know(light_relay, phone="", email=EMAIL).created_at = light_relay.world.clock.now()
    choose(light_relay, ContactPolicy.CREATE)
    assert shown(light_relay, vouched=BY_EMAIL) == "55"


def test_a_conversation_of_several_people_is_nobodys_contact(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    writes(light_relay, "I am Eve", vouched=[], address={"type": "opaque", "value": "eve"})
    assert shown(light_relay, "I am Dana") is None
    assert calls(light_relay, SEARCH) == 0


# What goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        (FaultKind.STATUS, {"status": 503}),
        (FaultKind.HTML, {}),
        (FaultKind.TRUNCATED, {}),
        (FaultKind.RESET_AFTER, {}),
    ],
)
def test_a_look_up_that_fails_keeps_no_message_back_and_the_next_one_asks_again(
    light_relay: RelayWorld, kind: FaultKind, details: dict[str, int]
) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    light_relay.fault(Api.HUBSPOT, kind, path=SEARCH, **details)
    assert shown(light_relay, "first") is None
    assert shown(light_relay, "second", vouched=[]) == "55"


def test_a_search_too_many_waits_for_its_second(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=SEARCH, status=429, retry_after=0)
    assert shown(light_relay) == "55"


def test_missing_scopes_stop_no_message_and_are_not_asked_for_each_time(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    for held in light_relay.world.hubspot.refresh_tokens.values():
        held.scopes = held.scopes - {"crm.objects.contacts.read"}
    assert [shown(light_relay, text) for text in ("a", "b")] == [None, None]
    assert calls(light_relay, SEARCH) == 1
    assert light_relay.account_now().portal_state == "running"


def test_a_contact_that_may_have_been_made_is_not_made_again(light_relay: RelayWorld) -> None:
    light_relay.world.switch(contact_search_delay=30)
    choose(light_relay, ContactPolicy.CREATE)
    light_relay.fault(Api.HUBSPOT, FaultKind.RESET_AFTER, path="/contacts$")
    assert shown(light_relay, "first") is None
    light_relay.world.clock.advance(61)
    light_relay.pass_time(61)
    [made] = portal(light_relay).contacts
    assert shown(light_relay, "second") == made
    assert set(portal(light_relay).contacts) == {made}


def test_a_contact_that_hubspot_refuses_to_make_is_not_tried_each_time(light_relay: RelayWorld) -> None:
    choose(light_relay, ContactPolicy.CREATE)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/contacts$", times=None, status=400)
    for text in ("a", "b"):
        assert shown(light_relay, text) is None
    assert calls(light_relay, "/contacts") - calls(light_relay, SEARCH) == 1


@pytest.mark.parametrize("answer", ["404", "400", "ignore"])
def test_a_contact_that_was_deleted_is_forgotten_and_the_message_goes_on(light_relay: RelayWorld, answer: str) -> None:
    light_relay.world.switch(unknown_contact_answer=answer, contact_link="conversation")
    know(light_relay)
    choose(light_relay, ContactPolicy.CREATE)
    light_relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/messages$", status=503)  # it is found, not told yet
    light_relay.say("first", vouched=BY_PHONE)
    light_relay.settle()
    light_relay.call("DELETE", "/_sim/contacts/55")
    light_relay.pass_time(10)
    light_relay.settle()
    assert light_relay.texts() == ["first"]
    shown(light_relay, "second")
    assert light_relay.texts() == ["first", "second"]
    assert portal(light_relay).contacts == {}
    if answer != "ignore":
        [row] = rows(light_relay)
        assert (row.state, row.contact_id) == (ContactState.GONE, None)


def test_a_quote_that_was_deleted_is_not_blamed_on_the_contact(light_relay: RelayWorld) -> None:
    light_relay.world.switch(unknown_reply_answer="400", closed_thread_policy="new_thread")
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    thread = writes(light_relay)["conversationsThreadId"]
    quoted = light_relay.customer_sees()[0]["id"]
    light_relay.world.hubspot.messages.clear()
    light_relay.call("POST", f"/_sim/threads/{thread}/close")
    for text in ("opens another thread", "quotes"):
        writes(light_relay, text, reply_to=quoted)
    assert shown(light_relay, "is told") == "55"
    [row] = rows(light_relay)
    assert row.state == ContactState.FOUND


# What HubSpot is told ------------------------------------------------------------------------------------------------


def test_an_agent_who_links_another_contact_is_right(light_relay: RelayWorld) -> None:
    know(light_relay)
    know(light_relay, "77", phone="")
    choose(light_relay, ContactPolicy.FIND)
    thread = writes(light_relay)["conversationsThreadId"]
    light_relay.call("POST", f"/_sim/threads/{thread}/contact", {"contact": "77"})
    assert shown(light_relay, "again") == "77"


@pytest.mark.parametrize("link", ["identifier", "conversation"])
def test_a_new_thread_of_hubspots_is_told_too(light_relay: RelayWorld, link: str) -> None:
    light_relay.world.switch(closed_thread_policy="new_thread", contact_link=link)
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    first = writes(light_relay)["conversationsThreadId"]
    light_relay.call("POST", f"/_sim/threads/{first}/close")
    shown(light_relay, "opens another thread")
    last = writes(light_relay, "is told")["conversationsThreadId"]
    assert last != first
    assert contact_of(light_relay, last) == "55"
    assert calls(light_relay, SEARCH) == 1


def test_who_tells_another_number_is_looked_up_anew(light_relay: RelayWorld) -> None:
    know(light_relay)
    know(light_relay, "56", phone="+4930123456")
    choose(light_relay, ContactPolicy.FIND)
    assert shown(light_relay, "old number") == "55"
    assert shown(light_relay, "new number", vouched=[{"type": "phone", "value": "+4930123456"}]) == "56"


def test_an_address_more_changes_nothing_about_who_it_is(light_relay: RelayWorld) -> None:
    know(light_relay)
    choose(light_relay, ContactPolicy.FIND)
    writes(light_relay, "phone")
    assert shown(light_relay, "mail", vouched=BY_EMAIL) == "55"
    [row] = rows(light_relay)
    assert (row.phone, row.email, row.contact_id) == (PHONE, EMAIL, 55)
    assert light_relay.count(contact_table) == 1


def test_identifiers_that_are_addresses_are_published_as_such_and_hubspot_matches_them(light_relay: RelayWorld) -> None:
    know(light_relay)
    message = writes(light_relay, vouched=[], address={"type": "phone", "value": PHONE})
    assert message["senders"][0]["deliveryIdentifier"] == {"type": "HS_PHONE_NUMBER", "value": PHONE}
    assert contact_of(light_relay, message["conversationsThreadId"]) == "55"


def test_portals_do_not_share_contacts(light_relay: RelayWorld) -> None:
    seed.add_portal(light_relay.world, "9").contacts["55"] = know(light_relay)
    portal(light_relay).contacts.clear()
    choose(light_relay, ContactPolicy.FIND)
    assert shown(light_relay) is None
