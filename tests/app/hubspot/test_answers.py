from __future__ import annotations

from typing import Any

import pytest

from app.domain.person import Identifier, IdentifierType
from app.domain.status import Status
from app.hubspot.answers import (
    Channel,
    ChannelAccount,
    Published,
    Rate,
    StoredMessage,
    read_page,
    read_published,
    read_rate,
)

RATE = {
    "x-hubspot-ratelimit-max": "110",
    "x-hubspot-ratelimit-remaining": "7",
    "x-hubspot-ratelimit-interval-milliseconds": "10000",
}


def test_the_rate_limit() -> None:
    assert read_rate(RATE) == Rate(limit=110, remaining=7, window=10.0)


@pytest.mark.parametrize("name", sorted(RATE))
@pytest.mark.parametrize("value", [None, "", "many", "-1"])
def test_without_all_of_its_headers_there_is_no_rate_limit(name: str, value: str | None) -> None:
    changed = {key: one for key, one in RATE.items() if key != name} | ({} if value is None else {name: value})
    assert read_rate(changed) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "9f", "conversationsThreadId": "7"}, Published("9f", "7")),
        ({"id": 9, "conversationsThreadId": 7}, Published("9", "7")),
        ({"id": "", "conversationsThreadId": None}, Published()),
        ({}, Published()),
        (None, Published()),
    ],
)
def test_a_publication_counts_without_ids(body: dict[str, Any] | None, expected: Published) -> None:
    assert read_published(body) == expected


@pytest.mark.parametrize(
    ("status", "expected", "sentence"),
    [
        ({"statusType": "SENT"}, Status.SENT, ""),
        ("SENT", Status.SENT, ""),
        ({"statusType": "READ"}, Status.READ, ""),
        ({"statusType": "RECEIVED"}, Status.DELIVERED, ""),
        ({"statusType": "FAILED", "failureDetails": {"errorMessage": "Gone"}}, Status.FAILED, "Gone"),
        ({"statusType": "FAILED", "failureDetails": None}, Status.FAILED, ""),
        ({"statusType": "UNHEARD_OF"}, None, ""),
        (None, None, ""),
        (7, None, ""),
    ],
)
def test_statuses(status: object, expected: Status | None, sentence: str) -> None:
    message = StoredMessage.model_validate({"id": "9f", "status": status})
    assert (message.status, message.sentence) == (expected, sentence)


def test_an_account_with_everything() -> None:
    account = ChannelAccount.model_validate(
        {
            "id": 2001,
            "channelId": 1001,
            "inboxId": "501",
            "name": "Shop",
            "active": True,
            "authorized": True,
            "archived": False,
            "createdAt": "2026-10-01T10:00:00Z",
            "deliveryIdentifier": {"type": "HS_PHONE_NUMBER", "value": "+491"},
        }
    )
    assert (account.id, account.channel_id, account.inbox_id) == ("2001", "1001", "501")
    assert (account.active, account.authorized, account.archived) == (True, True, False)
    assert account.identifier == Identifier(type=IdentifierType.PHONE, value="+491")


@pytest.mark.parametrize("value", [None, "true", 1, "odd"])
def test_a_switch_is_off_unless_it_is_on(value: object) -> None:
    assert not ChannelAccount.model_validate({"id": "1", "active": value}).active


def test_a_channel() -> None:
    channel = Channel.model_validate(
        {
            "id": "1001",
            "name": "Relay",
            "webhookUrl": "https://r/w",
            "channelAccountConnectionRedirectUrl": None,
            "channelDescription": "Text",
            "capabilities": {"richText": ["BOLD"]},
        }
    )
    assert (channel.webhook_url, channel.redirect_url, channel.description) == ("https://r/w", "", "Text")
    assert channel.capabilities == {"richText": ["BOLD"]}


@pytest.mark.parametrize(
    ("body", "results", "after"),
    [
        ({"results": [{"id": "1"}, "odd"], "paging": {"next": {"after": "2"}}}, [{"id": "1"}], "2"),
        ({"results": [], "paging": {"next": {"after": 7}}}, [], "7"),
        ({"results": None, "paging": None}, [], ""),
        ({"paging": {"next": None}}, [], ""),
        ({}, [], ""),
    ],
)
def test_pages(body: dict[str, Any], results: list[dict[str, str]], after: str) -> None:
    page = read_page(body)
    assert (page.results, page.after) == (results, after)
