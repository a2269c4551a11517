from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app.connectors import registry
from app.domain.capability import Accepts, Capabilities, RichTextDialect
from app.domain.message import AttachmentKind
from app.domain.person import IdentifierType
from app.errors import ConfigurationError, HubSpotUnavailable, OutcomeUnknown, Rejected
from app.http import Http
from app.hubspot.answers import Channel
from app.hubspot.channel import RichText, WantedChannel, compare
from app.hubspot.client import HubSpot
from app.relay import channel_note
from app.relay.channel import (
    MOST_CHANNELS,
    MOST_FILES,
    AlreadyRegistered,
    Registered,
    apply,
    build,
    choose,
    combine,
    find,
    register,
    sentence,
)
from app.settings import Settings
from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.server import SimulatorServer

RELAY = "https://relay.example.com"


@dataclass
class Scene:
    """The simulated HubSpot with the demo's channel, and what waiting does to its clock."""

    simulator: SimulatorServer
    settings: Settings
    hubspot: HubSpot
    wanted: WantedChannel
    told: list[str] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.simulator.world.advance(seconds)

    def register(self, wanted: WantedChannel | None = None, *, force: bool = False) -> Registered:
        chosen = wanted or replace(self.wanted, name="New")
        told = self.told.append
        return register(self.settings, self.hubspot, chosen, force=force, tell=told, wait=self.wait)

    def forbid(self, method: str) -> None:
        """Let every call of this kind fail from now on."""
        rule = FaultRule(api=Api.HUBSPOT, method=method, times=None, fault=Fault(kind=FaultKind.STATUS, status=500))
        self.simulator.world.faults.add(rule)

    def fault(self, kind: FaultKind, method: str, **details: Any) -> None:
        rule = FaultRule(api=Api.HUBSPOT, method=method, times=1, fault=Fault(kind=kind, **details))
        self.simulator.world.faults.add(rule)

    def there(self) -> Channel:
        return self.hubspot.channel(seed.CHANNEL_ID)

    def names(self) -> list[str]:
        return [one.name for one in self.simulator.world.hubspot.channels.values()]


@pytest.fixture
def scene(relay_simulator: SimulatorServer, tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(
        environment="test",
        data_dir=tmp_path / "data",
        public_url=RELAY,
        hubspot_api_url=relay_simulator.url,
        hubspot_app_id=seed.APP_ID,
        hubspot_developer_api_key=seed.DEVELOPER_KEY,
    )
    relay_simulator.world.reset()
    seed.seed(relay_simulator.world, settings, RELAY)
    http = Http(call_timeout=5.0)
    yield Scene(relay_simulator, settings, HubSpot(settings, http), build(settings))
    http.close()
    relay_simulator.world.reset()


def test_the_channel_is_made_from_settings_and_connectors() -> None:
    changes = {"channel_name": "Shop", "channel_logo_url": "https://relay.example.com/l.png"}
    made = build(Settings(environment="test", public_url=RELAY, **changes))  # type: ignore[arg-type]
    assert (made.name, made.logo_url) == ("Shop", "https://relay.example.com/l.png")
    assert (made.webhook_url, made.connect_url) == (f"{RELAY}/webhooks/hubspot", f"{RELAY}/connect")
    assert IdentifierType.OPAQUE in made.capabilities.identifiers


def test_the_example_connector_counts_only_where_it_is_named() -> None:
    both = build(Settings(environment="test", public_url=RELAY, channel_connectors=("matrix", "loopback")))
    alone = build(Settings(environment="test", public_url=RELAY, channel_connectors=("matrix",)))
    assert both.capabilities.rich_text == frozenset()
    assert RichText.BOLD in alone.capabilities.rich_text
    every = build(Settings(environment="test", public_url=RELAY)).capabilities
    others = [registry.get(name).capabilities for name in registry.names() if name != "loopback"]
    assert every == combine(others, Settings(environment="test"))


def test_what_cannot_be_made_is_told() -> None:
    with pytest.raises(ConfigurationError, match="RELAY_PUBLIC_URL"):
        build(Settings(environment="test"))
    with pytest.raises(ConfigurationError, match="no connector 'pigeon'"):
        build(Settings(environment="test", public_url=RELAY, channel_connectors=("pigeon",)))


@pytest.mark.parametrize(
    ("chosen", "model"), [("thread_id", "INTEGRATION_THREAD_ID"), ("identifier", "DELIVERY_IDENTIFIER")]
)
def test_the_setting_chooses_the_threading_model(chosen: str, model: str) -> None:
    made = build(Settings(environment="test", public_url=RELAY, channel_threading=chosen))
    assert made.fields()["capabilities.threadingModel"] == model


def test_capabilities_are_those_of_all_identifiers_those_of_any_limits_the_smallest() -> None:
    one = Capabilities(
        text_length=1,
        identifiers=frozenset({IdentifierType.PHONE}),
        rich_text=RichTextDialect.MATRIX,
        attachments={
            AttachmentKind.IMAGE: Accepts(5_000),
            AttachmentKind.FILE: Accepts(900),
            AttachmentKind.VOICE: Accepts(10),
        },
    )
    other = Capabilities(
        text_length=1,
        rich_text=RichTextDialect.SLACK,
        attachments={AttachmentKind.IMAGE: Accepts(4_000), AttachmentKind.FILE: Accepts(7_000)},
    )
    made = combine([one, other], Settings(environment="test"))
    assert made.identifiers == {IdentifierType.PHONE, IdentifierType.OPAQUE}
    assert made.mimes == ("application/*", "image/*", "text/*")
    assert (made.file_size, made.total_size, made.most_files) == (900, 900 * MOST_FILES, MOST_FILES)
    assert made.inline_images
    assert not combine([one, Capabilities(text_length=1)], Settings(environment="test")).inline_images
    assert RichText.BOLD in made.rich_text
    assert RichText.UNDERLINE not in made.rich_text
    assert combine([one], Settings(environment="test", media_limit=7)).file_size == 7


@pytest.mark.parametrize("dialect", [one for one in RichTextDialect if one is not RichTextDialect.PLAIN])
def test_the_composer_offers_what_arrives(dialect: RichTextDialect) -> None:
    made = combine([Capabilities(text_length=1, rich_text=dialect)], Settings(environment="test"))
    assert {RichText.BOLD, RichText.HYPERLINK, RichText.LISTS} <= made.rich_text


def test_a_service_without_files_or_formatting_takes_them_from_all() -> None:
    rich = Capabilities(text_length=1, rich_text=RichTextDialect.MATRIX, attachments={AttachmentKind.IMAGE: Accepts(5)})
    made = combine([rich, Capabilities(text_length=1)], Settings(environment="test"))
    assert (made.mimes, made.most_files, made.file_size, made.total_size) == ((), 0, 0, 0)
    assert made.rich_text == frozenset()


def test_the_channel_is_found_by_name_by_address_and_by_id(scene: Scene) -> None:
    named = replace(scene.wanted, name=" relay", webhook_url="https://elsewhere.example/")
    assert find(scene.hubspot, named) is not None
    assert find(scene.hubspot, replace(scene.wanted, name="Another")) is not None
    stranger = replace(named, name="Another")
    assert find(scene.hubspot, stranger) is None
    by_id = find(scene.hubspot, stranger, seed.CHANNEL_ID)
    assert by_id is not None
    assert by_id.id == seed.CHANNEL_ID


def test_several_channels_that_could_be_it_are_listed(scene: Scene) -> None:
    twins = [Channel(id="7", name="Relay"), Channel(id="8", name="relay ")]
    with pytest.raises(ConfigurationError, match="7, 8"):
        choose(twins, scene.wanted)


@pytest.mark.parametrize("semantics", ["replace", "merge"])
def test_apply_survives_both_meanings_of_a_patch_and_a_second_one_sends_nothing(scene: Scene, semantics: str) -> None:
    scene.simulator.world.switch(capabilities_patch=semantics)
    changed = apply(scene.hubspot, scene.wanted, scene.there(), wait=scene.wait)
    assert "capabilities.maxFileAttachmentSizeBytes" in {one.field for one in changed}
    assert compare(scene.wanted, scene.there()) == []
    scene.forbid("PATCH")
    assert apply(scene.hubspot, scene.wanted, scene.there(), wait=scene.wait) == []


def test_apply_changes_only_what_differs(scene: Scene) -> None:
    apply(scene.hubspot, scene.wanted, scene.there(), wait=scene.wait)
    renamed = replace(scene.wanted, name="Renamed", logo_url="https://relay.example.com/logo.png")
    changed = apply(scene.hubspot, renamed, scene.there(), wait=scene.wait)
    assert [one.field for one in changed] == ["name", "channelLogoUrl"]
    [cleared] = apply(scene.hubspot, replace(renamed, logo_url=""), scene.there(), wait=scene.wait)
    assert cleared.field == "channelLogoUrl"
    assert scene.there().logo_url == ""


def test_pitfall_26_a_webhook_address_of_an_old_deployment_is_named(scene: Scene) -> None:
    scene.hubspot.update_channel(seed.CHANNEL_ID, {"webhookUrl": "https://old.example/webhooks/hubspot"})
    stale = [one for one in compare(scene.wanted, scene.there()) if one.field == "webhookUrl"]
    assert "stale" in sentence(stale[0])
    assert "https://old.example/webhooks/hubspot" in sentence(stale[0])


def test_a_change_that_hubspot_forgets_is_not_called_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene.hubspot, "update_channel", lambda *_: None)
    with pytest.raises(ConfigurationError, match="shows other values still: capabilities"):
        apply(scene.hubspot, scene.wanted, scene.there(), wait=scene.wait)


def test_a_channel_is_registered_whole(scene: Scene) -> None:
    made = scene.register()
    assert (made.visible, made.differences) == (True, [])
    assert compare(replace(scene.wanted, name="New"), scene.hubspot.channel(made.id)) == []
    assert scene.told == [f"HubSpot registered channel {made.id}."]


def test_pitfall_28_a_registration_waits_until_hubspot_lists_the_channel(scene: Scene) -> None:
    scene.simulator.world.switch(channel_visibility_delay=20)
    assert scene.register().visible
    assert len([line for line in scene.told if line.startswith("Waiting until HubSpot lists it")]) == 5
    assert "15 s so far" in scene.told[-1]


def test_pitfall_20_a_tenth_channel_is_worth_a_word(scene: Scene) -> None:
    for number in range(MOST_CHANNELS - 1):
        scene.hubspot.register_channel({"name": f"Old {number}", "capabilities": {}})
    assert scene.register().visible
    assert [line for line in scene.told if "about 10" in line]


def test_pitfall_21_an_empty_text_is_cleared_at_hubspot_by_null(scene: Scene) -> None:
    scene.hubspot.update_channel(seed.CHANNEL_ID, {"channelLogoUrl": "https://old.example/logo.png"})
    body = scene.wanted.write_changes(compare(scene.wanted, scene.there()))
    assert body["channelLogoUrl"] is None
    apply(scene.hubspot, scene.wanted, scene.there(), wait=scene.wait)
    assert scene.simulator.world.hubspot.channels[seed.CHANNEL_ID].logo_url is None


def test_a_registration_does_not_wait_for_ever(scene: Scene) -> None:
    scene.simulator.world.switch(channel_visibility_delay=10_000)
    made = scene.register()
    assert not made.visible
    assert made.id in scene.simulator.world.hubspot.channels


def test_no_second_channel_of_the_same_name(scene: Scene) -> None:
    scene.register()
    for name in ("New", " new"):
        with pytest.raises(AlreadyRegistered, match="--force"):
            scene.register(replace(scene.wanted, name=name))
    assert scene.names().count("New") == 1
    scene.register(force=True)
    assert scene.names().count("New") == 2


def test_no_second_channel_while_the_first_is_not_listed(scene: Scene) -> None:
    scene.simulator.world.switch(channel_visibility_delay=10_000)
    first = scene.register()
    with pytest.raises(AlreadyRegistered, match=f"Channel {first.id} was registered"):
        scene.register()
    assert scene.names().count("New") == 1


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.HTML, FaultKind.EMPTY])
def test_no_second_channel_after_an_answer_that_was_lost(scene: Scene, kind: FaultKind) -> None:
    scene.simulator.world.switch(channel_visibility_delay=10_000)
    scene.fault(kind, "POST")
    with pytest.raises((OutcomeUnknown, HubSpotUnavailable)):
        scene.register()
    with pytest.raises(AlreadyRegistered, match="may have worked"):
        scene.register()


def test_a_refusal_leaves_nothing_behind(scene: Scene) -> None:
    scene.fault(FaultKind.STATUS, "POST", status=400)
    with pytest.raises(Rejected):
        scene.register()
    assert scene.register().visible


def test_an_old_note_of_a_channel_that_is_gone_is_in_nobodys_way(scene: Scene) -> None:
    made = scene.register()
    del scene.simulator.world.hubspot.channels[made.id]
    with pytest.raises(AlreadyRegistered, match="does not show it yet"):
        scene.register()
    file = scene.settings.data_dir / "channel-registration.json"
    note = json.loads(file.read_text())
    file.write_text(json.dumps({**note, "at": note["at"] - channel_note.FRESH - 1}))
    assert scene.register().visible


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"name": 3}'])
def test_a_note_that_cannot_be_read_is_none(scene: Scene, content: str) -> None:
    scene.settings.data_dir.mkdir()
    (scene.settings.data_dir / "channel-registration.json").write_text(content)
    assert channel_note.latest(scene.settings, "New") is None


def test_a_note_of_another_app_says_nothing_about_this_one(scene: Scene) -> None:
    scene.register()
    other = scene.settings.model_copy(update={"hubspot_app_id": "4"})
    assert channel_note.latest(other, "New") is None
    assert channel_note.latest(scene.settings, "Newer") is None
