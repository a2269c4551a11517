from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from app.bench.stub import Kind, StubServer
from app.connectors.loopback import LoopbackConnector, LoopbackCredentials
from app.domain.account import Account
from app.domain.part import Part, PartContent
from app.domain.person import Identifier, Person
from app.domain.status import Status
from app.http import Http
from app.hubspot.client import HubSpot
from app.hubspot.publication import Publication
from app.settings import Settings

PUBLICATION = Publication(
    channel_account_id="77",
    thread_id="thread-1",
    idempotency_id="key-1",
    text="Hello",
    sender=Person(identifier=Identifier(value="dana"), name="Dana"),
    recipient=Person(identifier=Identifier(value="account")),
    sent_at=datetime(2026, 11, 22, tzinfo=UTC),
)


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture
def http() -> Iterator[Http]:
    with closing(Http(call_timeout=5.0)) as client:
        yield client


def hubspot(stub: StubServer, http: Http) -> HubSpot:
    settings = Settings(
        environment="test", hubspot_api_url=stub.url, hubspot_client_id="id", hubspot_client_secret="secret"
    )
    return HubSpot(settings, http)


def account(stub: StubServer) -> Account:
    return Account(
        id=1,
        key="key",
        connector="loopback",
        portal_id=1,
        channel_id="1001",
        hubspot_id="77",
        name="Account",
        identifier=Identifier(value="account"),
        credentials=LoopbackCredentials(token="token", secret="signing-secret"),
        credentials_version=1,
        api_url=stub.loopback_url,
    )


def test_it_answers_what_the_client_of_hubspot_asks(stub: StubServer, http: Http) -> None:
    client = hubspot(stub, http)
    tokens = client.refresh("refresh")
    portal = client.portal(1, lambda _: tokens.access_token)
    first, second = portal.publish("1001", PUBLICATION), portal.publish("1001", PUBLICATION)
    assert first.message_id
    assert first.thread_id
    assert second.message_id != first.message_id
    portal.set_status("1001", first.message_id, Status.SENT)
    assert stub.counts() == {Kind.TOKEN: 1, Kind.PUBLISH: 2, Kind.STATUS: 1}
    [published, _] = stub.calls(Kind.PUBLISH)
    assert (published.lane, published.key, published.text) == ("thread-1", "key-1", "Hello")
    [told] = stub.calls(Kind.STATUS)
    assert (told.lane, told.text) == (first.message_id, "SENT")


def test_it_answers_what_the_connector_asks(stub: StubServer, http: Http) -> None:
    connector, opened = LoopbackConnector(), account(stub)
    sent = connector.send(Part("dana", PartContent(text="Hello"), "key-1"), opened, http)
    assert len(sent.ids) == 1
    assert connector.test(opened, http).name
    [call] = stub.calls(Kind.SEND)
    assert (call.lane, call.key, call.text) == ("dana", "key-1", "Hello")


def test_the_latency_can_be_changed_and_the_calls_forgotten(stub: StubServer, http: Http) -> None:
    portal = hubspot(stub, http).portal(1, lambda _: "token")
    portal.publish("1001", PUBLICATION)
    stub.reset(latency=0.2)
    assert stub.counts() == {}
    began = time.time()
    portal.publish("1001", PUBLICATION)
    [call] = stub.calls()
    assert began <= call.arrived <= call.answered - 0.19 <= time.time() - 0.19
