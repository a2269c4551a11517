"""Places and contact cards, from a customer's messenger into HubSpot's inbox and back."""

from __future__ import annotations

from typing import Any

import pytest

from app.simulator.faults import Api, FaultKind
from tests.app.relay.bot import Bot
from tests.app.relay.world import RelayWorld, outgoing

MESSAGES = r"/custom-channels/.*/messages$"
LOCATION = {"type": "LOCATION", "latitude": 53.5, "longitude": 9.9, "name": "Harbour", "address": "1 Quay"}
CARD = {
    "addresses": [],
    "emails": [{"email": "robin@example.org"}],
    "phones": [{"phone": "+4930123"}],
    "urls": [],
    "name": {"firstName": "Robin", "lastName": "Roe"},
}


@pytest.fixture
def bot(light_relay: RelayWorld) -> Bot:
    return Bot(light_relay)


def test_a_venue_is_a_location_and_its_words_are_the_text(bot: Bot) -> None:
    point = {"latitude": 53.5, "longitude": 9.9}
    bot.message(5, location=point, venue={"location": point, "title": "Harbour", "address": "1 Quay"})
    bot.settle()
    [message] = bot.inbox()
    link = "https://www.google.com/maps?q=53.5,9.9"
    assert message["attachments"] == [{**LOCATION, "url": link}]
    assert message["text"] == f"Harbour, 1 Quay\n{link}"


def test_a_contact_is_a_contact(bot: Bot) -> None:
    vcard = "BEGIN:VCARD\nFN:R. Roe\nEMAIL:robin@example.org\nEND:VCARD"
    shared = {"phone_number": "+4930123", "first_name": "Robin", "last_name": "Roe", "vcard": vcard}
    bot.message(5, contact=shared)
    bot.settle()
    [message] = bot.inbox()
    assert message["attachments"] == [{"type": "CONTACT", "contactProfile": CARD}]
    assert message["text"] == "Robin Roe\n+4930123\nrobin@example.org"


def test_what_hubspot_does_not_take_so_goes_in_words(bot: Bot) -> None:
    bot.relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=MESSAGES, status=400)
    bot.message(5, location={"latitude": 53.5, "longitude": 9.9, "live_period": 60})
    bot.settle()
    [message] = bot.inbox()
    assert message["attachments"] == []
    assert message["text"] == "[live location, as it was at first]\nhttps://www.google.com/maps?q=53.5,9.9"


def test_an_agents_place_and_card_reach_a_service_that_shows_them(light_relay: RelayWorld) -> None:
    light_relay.conversation()
    attachments: list[dict[str, Any]] = [LOCATION, {"type": "CONTACT", "contactProfile": CARD}]
    light_relay.from_hubspot(outgoing("Here we are", attachments=attachments))
    light_relay.settle()
    text, place, card = (one for one in light_relay.customer_sees() if not one["mine"])
    assert text["text"] == "Here we are"
    assert place["place"] == {name: LOCATION[name] for name in ("latitude", "longitude", "name", "address")}
    assert (card["card"]["name"], card["card"]["phones"]) == ("Robin Roe", ["+4930123"])
