"""Connectors that say something wrong about themselves: the suite has to notice."""

from __future__ import annotations

import pytest
from pydantic import Field

from app.conformance import Outcome, declarations
from app.conformance.report import perform
from app.conformance.samples import Subject
from app.connectors.base import Connector
from app.connectors.loopback import LoopbackConnector
from app.domain.account import Credentials
from app.domain.capability import Accepts, Capabilities, RateLimit, RateScope
from app.domain.message import AttachmentKind
from app.domain.status import Status


class PlainCredentials(Credentials):
    token: str = Field(title="Token", description="Opens the service.", examples=["t"])


class SilentCredentials(Credentials):
    room: str = Field(examples=["r"])


class Nameless(LoopbackConnector):
    name = "Loop Back"


class Slashed(LoopbackConnector):
    api_url = "https://api.example/"


class Remembers(LoopbackConnector):
    def __init__(self) -> None:
        self.seen: list[str] = []


class Plain(LoopbackConnector):
    credentials = PlainCredentials  # type: ignore[assignment]


class Silent(LoopbackConnector):
    credentials = SilentCredentials  # type: ignore[assignment]


class Mute(LoopbackConnector):
    capabilities = Capabilities(text_length=0)


class Imaginative(LoopbackConnector):
    capabilities = Capabilities(text_length=10, receipts=frozenset({Status.CANCELLED}))


class Free(LoopbackConnector):
    capabilities = Capabilities(text_length=10, rates=(RateLimit(RateScope.ACCOUNT, 0, 1),))


class Empty(LoopbackConnector):
    capabilities = Capabilities(text_length=10, attachments={AttachmentKind.IMAGE: Accepts(0)})


@pytest.mark.parametrize(
    ("connector", "check", "reason"),
    [
        (Nameless(), "has a name, a title and an address", "small letters"),
        (Slashed(), "has a name, a title and an address", "no slash"),
        (Remembers(), "has no state", "keep nothing"),
        (Plain(), "describes its credentials", "SecretStr"),
        (Silent(), "describes its credentials", "needs a title"),
        (Mute(), "declares its capabilities", "text_length"),
        (Imaginative(), "declares its capabilities", "receipts"),
        (Free(), "declares its capabilities", "rate"),
        (Empty(), "declares its capabilities", "attachment"),
    ],
)
def test_a_wrong_declaration_is_noticed(connector: Connector, check: str, reason: str) -> None:
    [found] = [one for one in declarations.checks(Subject(connector)) if one.name == check]

    result = perform(found)

    assert result.outcome is Outcome.FAILED
    assert reason in result.reason
