from __future__ import annotations

import pytest

from app.errors import HubSpotUnavailable, MessageInvalid, OutcomeUnknown, RateLimited, Rejected, Unauthorized
from app.http import Http
from app.hubspot.client import HubSpot
from app.hubspot.contacts import Contact
from app.simulator import seed
from app.simulator.faults import FaultKind
from app.simulator.hubspot.state import Contact as Known
from tests.app.hubspot.conftest import PORTAL, VERSIONS, Scene, settings
from tests.app.hubspot.scripted import Reply, Scripted

PHONE, EMAIL = "+491701234567", "dana@example.com"


def know(scene: Scene, contact_id: str, *, email: str = "", phone: str = "") -> None:
    scene.world.hubspot.portals[seed.PORTAL_ID].contacts[contact_id] = Known(contact_id, "", email, phone)


@pytest.mark.parametrize("versions", [{**VERSIONS["v3"], "crm": "v3"}, {**VERSIONS["dated"], "crm": "2026-09"}])
def test_contacts_are_found_by_number_or_address(scene: Scene) -> None:
    know(scene, "5", phone="+49 (170) 123-4567")
    know(scene, "6", email="Dana@example.com")
    know(scene, "7", phone="+4930123456", email="eve@example.com")
    assert scene.portal.contacts.search(phone=PHONE, email=EMAIL) == [
        Contact(5, frozenset({PHONE}), ""),
        Contact(6, frozenset(), EMAIL),
    ]


def test_only_what_is_asked_for_is_looked_for(scene: Scene) -> None:
    know(scene, "5")
    assert scene.portal.contacts.search(phone="", email=EMAIL) == []
    assert scene.portal.contacts.search(phone=PHONE, email="") == []


@pytest.mark.parametrize(
    ("contact", "has"),
    [
        (Contact(5, frozenset({PHONE}), ""), True),
        (Contact(5, frozenset(), EMAIL), True),
        (Contact(5, frozenset({"+4930123456"}), "eve@example.com"), False),
        (Contact(5, frozenset(), ""), False),
    ],
)
def test_whose_addresses_they_are(contact: Contact, *, has: bool) -> None:
    assert contact.has(phone=PHONE, email=EMAIL) is has
    assert not contact.has(phone="", email="")


def test_a_contact_is_made_with_what_is_known(scene: Scene) -> None:
    made = scene.portal.contacts.create(phone=PHONE, email=EMAIL, name="Dana Roe")
    stored = scene.world.hubspot.portals[seed.PORTAL_ID].contacts[str(made)]
    assert (stored.name, stored.email, stored.phone) == ("Dana Roe", EMAIL, PHONE)
    assert scene.portal.contacts.create(phone="", email=EMAIL, name="") == made


def test_a_lost_answer_may_have_made_one_but_has_found_nobody(scene: Scene) -> None:
    scene.fault(FaultKind.RESET_AFTER, times=2, path="/contacts")
    with pytest.raises(HubSpotUnavailable):
        scene.portal.contacts.search(phone=PHONE, email="")
    with pytest.raises(OutcomeUnknown):
        scene.portal.contacts.create(phone=PHONE, email="", name="")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(409, b'{"message": "Contact already exists."}'), MessageInvalid),
        (Reply(400, b'{"message": "no"}'), Rejected),
        (Reply(201, b'{"id": "not-a-number"}'), HubSpotUnavailable),
        (Reply(201, b"{}"), HubSpotUnavailable),
        (Reply(429, b'{"policyName": "SECONDLY"}'), RateLimited),
        (Reply(403, b'{"category": "MISSING_SCOPES"}'), Unauthorized),
    ],
)
def test_answers_that_make_nobody(http: Http, reply: Reply, error: type[Exception]) -> None:
    with Scripted(reply) as server, pytest.raises(error):
        HubSpot(settings(server.url), http).portal(PORTAL, lambda _: "token").contacts.create(
            phone=PHONE, email="", name=""
        )


def test_results_that_cannot_be_read_are_nobody(http: Http) -> None:
    body = b'{"results": [{"id": null}, "odd", {"id": "5", "properties": null}]}'
    with Scripted(Reply(200, body)) as server:
        contacts = HubSpot(settings(server.url), http).portal(PORTAL, lambda _: "token").contacts
        assert contacts.search(phone=PHONE, email="") == [Contact(5, frozenset(), "")]
