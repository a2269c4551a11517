"""Places and contact cards in HubSpot's words."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.message import Card, Place
from app.hubspot.attachments import read_content
from app.hubspot.places import read_card, read_place, write_card, write_place
from app.simulator.hubspot.attachments import SHAPES

HARBOUR = Place(latitude=53.5461, longitude=9.966, name="Harbour", address="1 Quay")
DANA = Card(
    name="Dana van der Roe",
    organisation="Buyer, Market",
    phones=("+491", "+492"),
    emails=("d@example.org",),
    links=("https://example.org",),
    addresses=("1 Quay, Hamburg",),
)


def test_a_place_comes_back_as_it_was_written() -> None:
    written = write_place(HARBOUR)
    assert written["url"] == "https://www.google.com/maps?q=53.5461,9.966"
    assert read_place(written) == HARBOUR


def test_a_bare_point_has_no_empty_fields() -> None:
    assert write_place(Place(latitude=0, longitude=0)) == {
        "type": "LOCATION",
        "latitude": 0.0,
        "longitude": 0.0,
        "url": "https://www.google.com/maps?q=0.0,0.0",
    }


def test_a_card_comes_back_as_it_was_written() -> None:
    assert read_card(write_card(DANA)) == DANA


def test_an_empty_card_has_the_lists_that_are_required() -> None:
    assert write_card(Card()) == {
        "type": "CONTACT",
        "contactProfile": {"addresses": [], "emails": [], "phones": [], "urls": []},
    }


@pytest.mark.parametrize("written", [write_place(HARBOUR), write_card(DANA), write_card(Card(name="Dana"))])
def test_hubspots_shapes_take_what_is_written(written: dict[str, Any]) -> None:
    SHAPES[written["type"]].model_validate(written)


@pytest.mark.parametrize(
    "item",
    [{}, {"latitude": 1}, {"latitude": "x", "longitude": 0}, {"latitude": 0, "longitude": 181}, {"latitude": None}],
)
def test_what_is_nowhere_is_no_place(item: dict[str, Any]) -> None:
    assert read_place(item) is None


def test_all_parts_of_a_card_are_read() -> None:
    profile = {
        "name": {"prefix": "Dr", "firstName": "Dana", "middleName": "M", "lastName": "Roe", "suffix": "Jr"},
        "org": {"company": "Market", "department": "Sales", "title": "Buyer"},
        "addresses": [
            {"street": "1 Quay", "city": "Hamburg", "zip": "20457", "country": "Germany", "type": "WORK"},
            {},
        ],
        "phones": [{"phone": "+491", "type": "CELL"}, {"type": "WORK"}],
        "emails": "odd",
    }
    assert read_card({"contactProfile": profile}) == Card(
        name="Dr Dana M Roe Jr",
        organisation="Buyer, Sales, Market",
        phones=("+491",),
        addresses=("1 Quay, Hamburg, 20457, Germany",),
    )


def test_agents_places_and_cards_are_no_lines_and_a_link_of_their_own_is_one() -> None:
    items = [{**write_place(HARBOUR), "url": "https://shop.example"}, write_card(DANA)]
    content = read_content("Hello", "", items, "")
    assert (content.places, content.cards) == ((HARBOUR,), (DANA,))
    assert content.text == "Hello\nhttps://shop.example"
