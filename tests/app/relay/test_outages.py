from __future__ import annotations

import threading
import time

import pytest

from app.relay import outages, schedule, signatures
from app.relay.breaker import PROBES
from app.relay.outages import AWAY, REFUSED_FOR
from app.relay.signatures import Consultation
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage import reconciled
from app.storage.reconciled import Due
from app.storage.tables import heartbeats
from tests.app.relay.journaling import away, from_hubspot, journaling, until_empty
from tests.app.relay.world import RelayWorld, eventually, outgoing

PORTAL = int(seed.PORTAL_ID)


def wanted(relay: RelayWorld) -> list[Due]:
    with relay.services.database.read() as connection:
        return reconciled.due(connection, least_pause=0, routine=0)


def wanted_since(relay: RelayWorld) -> float | None:
    with relay.services.database.read() as connection:
        return reconciled.mark(connection, PORTAL).wanted_since


def test_a_pause_without_any_receiver_asks_for_a_comparison(relay: RelayWorld) -> None:
    outages.beat(relay.services.database)
    relay.pass_time(AWAY - 5)
    outages.beat(relay.services.database)
    assert wanted(relay) == []
    relay.pass_time(1_000)
    outages.beat(relay.services.database)
    assert wanted(relay) == [Due(PORTAL, "no receiver was there")]
    assert time.time() - (wanted_since(relay) or 0) == pytest.approx(1_000, abs=60)


def test_a_receiver_beats_in_the_background_whatever_happens(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []

    def beat(_: object) -> None:
        beats.append(threading.current_thread().name)
        if len(beats) == 1:
            raise KeyError("surprise")

    monkeypatch.setattr(outages, "_BEAT", 0.01)
    monkeypatch.setattr(outages, "beat", beat)
    heartbeat = outages.Heartbeat(light_relay.services)
    eventually(lambda: len(beats) > 2)
    heartbeat.close()
    assert set(beats) == {"heartbeat"}
    assert "heartbeat" not in {one.name for one in threading.enumerate()}


def test_hubspot_that_answers_again_asks_for_a_comparison(relay: RelayWorld) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/messages$", times=None, status=500)
    for number in range(4):
        relay.say("Hello?", f"c{number}")
    relay.settle()
    assert wanted(relay) == []
    relay.world.faults.clear()
    relay.pass_time(PROBES[-1] * 2)
    relay.settle()
    assert wanted(relay) == [Due(PORTAL, "HubSpot answers again")]


def test_the_service_that_answers_again_asks_for_none(light_relay: RelayWorld) -> None:
    for number in range(4):
        light_relay.say("Hello?", f"c{number}")
    light_relay.settle()
    threads = [one["id"] for one in light_relay.threads()]
    light_relay.fault(Api.LOOPBACK, FaultKind.STATUS, path="/v1/messages", times=None, status=500)
    for one in threads:
        light_relay.reply(one, "Hello")
    light_relay.settle()
    light_relay.world.faults.clear()
    light_relay.pass_time(PROBES[-1] * 2)
    light_relay.settle()
    assert len([one for one in light_relay.inbox() if one["statusType"] == "SENT"]) == 4
    assert wanted(light_relay) == []


def test_a_journal_that_was_in_use_asks_for_a_comparison(light_relay: RelayWorld) -> None:
    with journaling(light_relay) as services:
        with away(light_relay):
            from_hubspot(services, outgoing())
        until_empty(services)
        eventually(lambda: wanted(light_relay))
    assert wanted(light_relay) == [Due(PORTAL, "the journal was in use")]


@pytest.fixture
def refusing(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> RelayWorld:
    """Every refusal is noted, not only one a minute."""
    consultation = Consultation()
    monkeypatch.setattr(consultation, "is_news", lambda _: True)
    monkeypatch.setitem(signatures.check.__kwdefaults__ or {}, "consultation", consultation)
    return light_relay


def refused(relay: RelayWorld) -> None:
    status, _, _ = relay.ask("POST", "/webhooks/hubspot", b"{}", {"X-HubSpot-Signature-v3": "wrong"})
    assert status == 401


def test_refusals_that_lasted_ask_for_a_comparison_when_they_are_over(refusing: RelayWorld) -> None:
    refused(refusing)
    refusing.pass_time(REFUSED_FOR + 5)
    refused(refusing)
    schedule.measure(refusing.services)
    assert wanted(refusing) == []
    assert refusing.from_hubspot(outgoing()) == 204
    schedule.measure(refusing.services)
    assert wanted(refusing) == [Due(PORTAL, "webhooks were refused for their signature")]


def test_a_stray_refusal_asks_for_none(refusing: RelayWorld) -> None:
    refused(refusing)
    assert refusing.from_hubspot(outgoing()) == 204
    schedule.measure(refusing.services)
    refusing.pass_time(REFUSED_FOR + 5)
    refused(refusing)
    assert refusing.from_hubspot(outgoing(message_id="msg-2")) == 204
    schedule.measure(refusing.services)
    assert wanted(refusing) == []


def test_a_refusal_needs_no_database(light_relay: RelayWorld) -> None:
    with away(light_relay):
        outages.note_refusal(light_relay.services)
    assert light_relay.count(heartbeats) == 0
