from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.person import IdentifierType
from app.hubspot.answers import Channel
from app.hubspot.channel import ChannelCapabilities, Difference, RichText, WantedChannel, compare, fields_of

CAPABILITIES = ChannelCapabilities(
    identifiers=frozenset({IdentifierType.PHONE, IdentifierType.OPAQUE}),
    rich_text=frozenset({RichText.ITALIC, RichText.BOLD}),
    mimes=("image/*", "application/*"),
    most_files=10,
    file_size=1_000,
    total_size=10_000,
)
WANTED = WantedChannel(
    name="Messengers",
    description="All of them",
    logo_url="",
    webhook_url="https://relay.example.com/webhooks/hubspot",
    connect_url="https://relay.example.com/connect",
    capabilities=CAPABILITIES,
)


def answer(**changes: Any) -> Channel:
    """The channel as HubSpot answers it."""
    body = {
        "id": 1001,
        "name": "Messengers",
        "channelDescription": "All of them",
        "channelLogoUrl": None,
        "webhookUrl": "https://relay.example.com/webhooks/hubspot",
        "channelAccountConnectionRedirectUrl": "https://relay.example.com/connect",
        "capabilities": CAPABILITIES.write(),
    }
    return Channel.model_validate({**body, **changes})


def test_what_is_written_has_hubspots_words() -> None:
    assert WANTED.write() == {
        "name": "Messengers",
        "channelDescription": "All of them",
        "webhookUrl": "https://relay.example.com/webhooks/hubspot",
        "channelAccountConnectionRedirectUrl": "https://relay.example.com/connect",
        "capabilities": {
            "deliveryIdentifierTypes": ["CHANNEL_SPECIFIC_OPAQUE_ID", "HS_PHONE_NUMBER"],
            "richText": ["BOLD", "ITALIC"],
            "threadingModel": "INTEGRATION_THREAD_ID",
            "allowConversationStart": False,
            "allowMultipleRecipients": False,
            "allowInlineImages": False,
            "allowOutgoingMessages": True,
            "outgoingAttachmentTypes": ["FILE", "QUICK_REPLIES"],
            "allowedFileAttachmentMimeTypes": ["application/*", "image/*"],
            "maxFileAttachmentCount": 10,
            "maxFileAttachmentSizeBytes": 1_000,
            "maxTotalFileAttachmentSizeBytes": 10_000,
        },
    }


def test_without_files_their_types_are_hubspots_own() -> None:
    plain = ChannelCapabilities(identifiers=frozenset({IdentifierType.OPAQUE}))
    assert "allowedFileAttachmentMimeTypes" not in plain.write()
    assert plain.write()["outgoingAttachmentTypes"] == ["QUICK_REPLIES"]
    there = answer(capabilities={**plain.write(), "allowedFileAttachmentMimeTypes": ["text/*"]})
    assert compare(replace(WANTED, capabilities=plain), there) == []


def test_the_same_is_no_difference() -> None:
    assert compare(WANTED, answer()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"richText": ["ITALIC", "BOLD"]},
        {"allowOutgoingMessages": "true", "allowInlineImages": "false"},
        {"maxFileAttachmentCount": "10"},
        {"allowTelepathy": True},
        {"allowMultipleRecipients": None},
    ],
    ids=["order of lists", "switches as texts", "numbers as texts", "what nobody knows", "what is missing"],
)
def test_another_way_to_say_the_same_is_no_difference(changes: dict[str, Any]) -> None:
    assert compare(WANTED, answer(capabilities={**CAPABILITIES.write(), **changes})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Old"),
        ("channelDescription", None),
        ("channelLogoUrl", "https://old.example/logo.png"),
        ("webhookUrl", "https://old.example/webhooks/hubspot"),
        ("webhookUrl", "https://relay.example.com/webhooks/hubspot/"),
        ("channelAccountConnectionRedirectUrl", None),
    ],
)
def test_a_field_that_differs_is_found_and_alone_is_changed(name: str, value: str | None) -> None:
    [found] = compare(WANTED, answer(**{name: value}))
    wanted = WANTED.fields()[name]
    assert (found.field, found.wanted, found.there) == (name, wanted, value or "")
    assert WANTED.write_changes([found]) == {name: wanted or None}


@pytest.mark.parametrize(("name", "value"), [(name, None) for name in CAPABILITIES.write()] + [("richText", [])])
def test_a_capability_that_differs_changes_all_of_them(name: str, value: Any) -> None:
    there = answer(capabilities={**CAPABILITIES.write(), name: value})
    found = compare(WANTED, there)
    if name in {"allowConversationStart", "allowMultipleRecipients", "allowInlineImages"}:
        assert found == []
        return
    assert [one.field for one in found] == [f"capabilities.{name}"]
    assert WANTED.write_changes(found) == {"capabilities": CAPABILITIES.write()}


def test_only_what_differs_is_written() -> None:
    changes = [Difference("name", "Messengers", "Old"), Difference("capabilities.richText", [], ["BOLD"])]
    assert WANTED.write_changes(changes) == {"name": "Messengers", "capabilities": CAPABILITIES.write()}


def test_fields_of_a_channel_are_named_like_the_wanted_ones() -> None:
    assert set(fields_of(answer())) == set(WANTED.fields())
