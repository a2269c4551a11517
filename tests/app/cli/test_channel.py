from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from tests.app.cli.conftest import Terminal
from tests.app.relay.world import RelayWorld

KEY = "developer-key-of-the-tests"


def webhook(relay: RelayWorld) -> str:
    return f"{relay.services.settings.public_url}/webhooks/hubspot"


def channels(relay: RelayWorld) -> dict[str, Any]:
    return dict(relay.world.hubspot.channels)


def test_show_has_both_sides(relay: RelayWorld, terminal: Terminal) -> None:
    shown = terminal.json("channel", "show")
    assert shown["channel"] == seed.CHANNEL_ID
    lines = {line["field"]: line for line in shown["fields"]}
    assert lines["webhookUrl"] == {
        "field": "webhookUrl",
        "settings": webhook(relay),
        "hubspot": webhook(relay),
        "differs": False,
    }
    assert lines["capabilities.maxFileAttachmentSizeBytes"]["differs"]
    text = terminal.out("channel", "show")
    assert webhook(relay) in text
    assert KEY not in text


def test_diff_apply_diff(relay: RelayWorld, terminal: Terminal) -> None:
    relay.services.hubspot.update_channel(seed.CHANNEL_ID, {"webhookUrl": "https://old.example/hook"})
    first = terminal.json("channel", "diff", status=1)
    [stale] = [one for one in first["differences"] if one["field"] == "webhookUrl"]
    assert (stale["settings"], stale["hubspot"]) == (webhook(relay), "https://old.example/hook")
    assert "https://old.example/hook" in terminal.run("channel", "diff", status=1).stdout
    changed = terminal.json("channel", "apply")
    assert {one["field"] for one in changed["changed"]} == {one["field"] for one in first["differences"]}
    assert terminal.json("channel", "diff") == {"channel": seed.CHANNEL_ID, "differences": []}
    assert "is as the settings and connectors make it" in terminal.out("channel", "diff")


def test_a_second_apply_sends_nothing(relay: RelayWorld, terminal: Terminal) -> None:
    assert "was changed" in terminal.out("channel", "apply")
    for method in ("PATCH", "POST", "DELETE"):
        _forbid(relay, method)
    assert "nothing was sent" in terminal.out("channel", "apply")
    assert terminal.json("channel", "apply")["changed"] == []


def _forbid(relay: RelayWorld, method: str) -> None:
    fault = Fault(kind=FaultKind.STATUS, status=500)
    relay.world.faults.add(FaultRule(api=Api.HUBSPOT, method=method, times=None, fault=fault))


def test_register_waits_shows_where_it_is_and_makes_no_second_one(
    relay: RelayWorld, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_CHANNEL_NAME", "Shop")
    relay.world.switch(channel_visibility_delay=0.5)
    result = terminal.run("channel", "register", "--json")
    made = json.loads(result.stdout)
    assert (made["visible"], made["differences"]) == (True, [])
    assert f"HubSpot registered channel {made['channel']}" in result.stderr
    assert "Waiting until HubSpot lists it" in result.stderr
    assert "--force" in terminal.refusal("channel", "register")
    assert len(channels(relay)) == 2
    assert "Channel" in terminal.out("channel", "register", "--force")
    assert len(channels(relay)) == 3
    assert "--channel" in terminal.refusal("channel", "show")
    assert terminal.json("channel", "diff", "--channel", made["channel"])["differences"] == []


@pytest.mark.usefixtures("relay")
def test_a_channel_that_is_not_there_is_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_CHANNEL_NAME", "Shop")
    monkeypatch.setenv("RELAY_PUBLIC_URL", "https://another.example")
    for command in ("diff", "apply"):
        assert "relay channel register" in terminal.refusal("channel", command)
    shown = terminal.json("channel", "show", status=1)
    assert shown["channel"] is None
    assert shown["fields"][0] == {"field": "name", "settings": "Shop", "hubspot": None, "differs": False}
    assert "does not show this channel" in terminal.refusal("channel", "show", "--channel", "999999")


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("RELAY_HUBSPOT_APP_ID", "", "RELAY_HUBSPOT_APP_ID is missing"),
        ("RELAY_HUBSPOT_DEVELOPER_API_KEY", "", "RELAY_HUBSPOT_DEVELOPER_API_KEY is missing"),
        ("RELAY_HUBSPOT_DEVELOPER_API_KEY", "pat-na1-private", "not a private app's token"),
        ("RELAY_PUBLIC_URL", "", "RELAY_PUBLIC_URL is missing"),
        ("RELAY_CHANNEL_CONNECTORS", "pigeon", "no connector 'pigeon'"),
    ],
)
@pytest.mark.usefixtures("relay")
def test_a_wrong_setting_is_one_sentence(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, words: str
) -> None:
    monkeypatch.setenv(setting, value)
    refusal = terminal.refusal("channel", "show")
    assert words in refusal
    assert "pat-na1" not in refusal
    assert KEY not in refusal


def test_app_writes_the_project(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PUBLIC_URL", "https://relay.example.com")
    assert next(line["file"] for line in terminal.json("channel", "app", "project")) == "project/hsproject.json"
    file = tmp_path / "project" / "src" / "app" / "app-hsmeta.json"
    auth = json.loads(file.read_text())["config"]["auth"]
    assert auth["redirectUrls"] == ["https://relay.example.com/oauth/callback"]
    assert "as they should be" in terminal.out("channel", "app", "project")
    file.write_text("{}")
    assert "would be overwritten" in terminal.refusal("channel", "app", "project")
    terminal.run("channel", "app", "project", "--force")
    assert json.loads(file.read_text())["uid"] == "hubspot-relay"


def test_app_wants_an_address_for_an_app(terminal: Terminal) -> None:
    assert "RELAY_PUBLIC_URL is missing" in terminal.refusal("channel", "app")
