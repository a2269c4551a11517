from __future__ import annotations

from typing import Any

import pytest

from app.simulator import seed
from app.simulator.hubspot.state import Contact
from tests.app.simulator.scene import Scene

CONTACTS = "/crm/v3/objects/contacts"


def find(scene: Scene, *pairs: tuple[str, str], base: str = CONTACTS) -> list[str]:
    groups = [{"filters": [{"propertyName": name, "operator": "EQ", "value": value}]} for name, value in pairs]
    answer = scene.call("POST", f"{base}/search", {"filterGroups": groups, "properties": ["email", "phone"]})
    assert answer.status_code == 200, answer.text
    assert "X-HubSpot-RateLimit-Max" not in answer.headers
    return [one["id"] for one in answer.json()["results"]]


def know(scene: Scene, contact_id: str, **fields: Any) -> None:
    scene.sim("POST", "/contacts", {"id": contact_id, **fields})


@pytest.mark.parametrize("base", [CONTACTS, "/crm/objects/2026-09/contacts"])
def test_contacts_are_found_by_any_of_the_groups(scene: Scene, base: str) -> None:
    know(scene, "5", email="Dana@example.com")
    know(scene, "6", phone="+49 170 1234567")
    know(scene, "7", email="eve@example.com")
    number = ("hs_searchable_calculated_phone_number", "1701234567")
    assert find(scene, ("email", "dana@example.com"), number, base=base) == ["5", "6"]
    assert find(scene, ("email", "nobody@example.com"), ("no_property", "x")) == []


def test_a_number_without_its_country_is_found_by_its_digits(scene: Scene) -> None:
    know(scene, "5", phone="0170 1234567")
    assert find(scene, ("hs_searchable_calculated_phone_number", "1701234567")) == ["5"]


def test_a_new_contact_is_named_to_who_makes_it_again(scene: Scene) -> None:
    given = {"properties": {"email": "Dana@example.com", "firstname": "Dana"}}
    made = scene.call("POST", CONTACTS, given)
    again = scene.call("POST", CONTACTS, given)
    assert (made.status_code, again.status_code) == (201, 409)
    assert again.json()["message"] == f"Contact already exists. Existing ID: {made.json()['id']}"
    assert made.headers["Location"].endswith(f"{CONTACTS}/{made.json()['id']}")


def test_a_new_contact_is_found_late(scene: Scene) -> None:
    scene.world.switch(contact_search_delay=10)
    know(scene, "5", email="dana@example.com")
    assert find(scene, ("email", "dana@example.com")) == []
    scene.world.advance(11)
    assert find(scene, ("email", "dana@example.com")) == ["5"]


def test_searches_have_a_limit_of_their_own(scene: Scene) -> None:
    scene.world.switch(search_limit=2)
    for _ in range(2):
        find(scene, ("email", "x"))
    refused = scene.call("POST", f"{CONTACTS}/search", {"filterGroups": []})
    assert (refused.status_code, refused.json()["policyName"]) == (429, "SECONDLY")
    scene.world.advance(2)
    find(scene, ("email", "x"))


@pytest.mark.parametrize(("path", "scope"), [("/search", "read"), ("", "write")])
def test_each_needs_its_scope(scene: Scene, path: str, scope: str) -> None:
    for token in scene.world.hubspot.access_tokens.values():
        token.scopes = frozenset({"oauth"})
    refused = scene.call("POST", f"{CONTACTS}{path}", {})
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == [f"crm.objects.contacts.{scope}"]


def test_too_many_conditions(scene: Scene) -> None:
    groups: list[dict[str, Any]] = [{"filters": []}] * 6
    assert scene.call("POST", f"{CONTACTS}/search", {"filterGroups": groups}).status_code == 400


def test_a_deleted_contact_is_nobodys_any_more(scene: Scene) -> None:
    portal = scene.world.hubspot.portals[seed.PORTAL_ID]
    portal.contacts["55"] = Contact("55", "Dana Roe")
    assert scene.publish(associateWithContactId=55)["createdBy"] == "V-55"
    scene.sim("DELETE", "/contacts/55")
    assert scene.publish()["createdBy"] != "V-55"


@pytest.mark.parametrize(("link", "remembered"), [("identifier", True), ("conversation", False)])
def test_what_an_association_links_is_a_switch(scene: Scene, link: str, *, remembered: bool) -> None:
    scene.world.switch(contact_link=link)
    scene.world.hubspot.portals[seed.PORTAL_ID].contacts["55"] = Contact("55", "Dana Roe")
    scene.publish(associateWithContactId=55)
    assert scene.publish()["createdBy"] == "V-55"
    assert (scene.publish(integrationThreadId="another")["createdBy"] == "V-55") is remembered
