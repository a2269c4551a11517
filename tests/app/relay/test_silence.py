from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app import logs, metrics
from app.relay import schedule
from app.relay.doctor import examine
from app.relay.findings import Level
from app.relay.services import Services
from app.storage.tables import heartbeats
from tests.app.relay.world import RelayWorld, outgoing

ALWAYS, NEVER = "Mon-Sun 00:00-24:00 UTC", "Mon 00:00-00:01 UTC"
Alarms = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def alarms(light_relay: RelayWorld) -> Alarms:
    """What the log says of silence from here on."""
    stream = io.StringIO()
    logs.configure(light_relay.services.settings.model_copy(update={"log_format": "json"}), [], stream=stream)

    def told() -> list[dict[str, Any]]:
        return [one for one in map(json.loads, stream.getvalue().splitlines()) if one["event"] == "hubspot_silent"]

    return told


def watching(relay: RelayWorld, *, after: float = 7_200, hours: str = ALWAYS) -> Services:
    changes = {"silence_alarm": after, "office_hours": hours}
    return replace(relay.services, settings=relay.services.settings.model_copy(update=changes))


def silent_seconds() -> float:
    text = metrics.render()[0].decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("relay_hubspot_silent_seconds"))


def levels(services: Services) -> dict[str, Level]:
    return {one.check: one.level for one in examine(services.settings)}


def test_pitfall_16_silence_within_office_hours_is_an_alarm_told_once(light_relay: RelayWorld, alarms: Alarms) -> None:
    services = watching(light_relay)
    light_relay.from_hubspot(outgoing())
    schedule.measure(services)
    assert (alarms(), levels(services)["silence"]) == ([], Level.OK)
    light_relay.pass_time(7_300)
    schedule.measure(services)
    schedule.measure(services)
    assert [one["level"] for one in alarms()] == ["warning"]
    assert silent_seconds() == pytest.approx(7_300, abs=60)
    assert levels(services)["silence"] == Level.WARN
    light_relay.from_hubspot(outgoing(message_id="msg-2"))
    schedule.measure(services)
    assert silent_seconds() == pytest.approx(0, abs=60)
    light_relay.pass_time(7_300)
    schedule.measure(services)
    assert len(alarms()) == 2


def test_what_services_send_and_what_a_comparison_finds_breaks_no_silence(
    light_relay: RelayWorld, alarms: Alarms
) -> None:
    services = watching(light_relay)
    schedule.measure(services)
    light_relay.pass_time(7_300)
    light_relay.say("Hello?")
    light_relay.wait_for_webhooks()
    schedule.measure(services)
    assert len(alarms()) == 1


@pytest.mark.parametrize("changes", [{"after": 0}, {"hours": NEVER}])
def test_there_is_no_alarm_where_it_is_off_or_nobody_works(
    light_relay: RelayWorld, alarms: Alarms, changes: dict[str, Any]
) -> None:
    services = watching(light_relay, **changes)
    schedule.measure(services)
    light_relay.pass_time(10_000)
    schedule.measure(services)
    assert alarms() == []
    assert levels(services).get("silence", Level.OK) == Level.OK


def test_nothing_is_written_while_nothing_comes(light_relay: RelayWorld) -> None:
    schedule.measure(light_relay.services)
    light_relay.services.database.write = None  # type: ignore[method-assign,assignment]  # whoever wants to write fails
    schedule.measure(light_relay.services)
    assert light_relay.count(heartbeats) == 1
