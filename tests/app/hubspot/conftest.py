"""A seeded HubSpot for each test, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.person import Identifier, Person
from app.http import Http
from app.hubspot.client import HubSpot, PortalClient, Rate
from app.hubspot.publication import Publication
from app.settings import Settings
from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.server import SimulatorServer
from app.simulator.world import World

PORTAL = int(seed.PORTAL_ID)
CHANNEL = seed.CHANNEL_ID
ACCOUNT = seed.LOOPBACK_ACCOUNT_ID
THREAD = "0b7f3c1e-7c38-4a62-9c0b-5a2f6f0d9a11"


def settings(url: str, **changes: Any) -> Settings:
    """Settings for the simulated app."""
    return Settings(
        environment="test",
        hubspot_api_url=url,
        hubspot_app_id=seed.APP_ID,
        hubspot_client_id=seed.CLIENT_ID,
        hubspot_client_secret=seed.CLIENT_SECRET,
        hubspot_developer_api_key=seed.DEVELOPER_KEY,
        **changes,
    )


def publication(**changes: Any) -> Publication:
    """A customer's message."""
    values: dict[str, Any] = {
        "channel_account_id": ACCOUNT,
        "thread_id": THREAD,
        "idempotency_id": "key-1",
        "text": "Hello",
        "sender": Person(identifier=Identifier(value="dana"), name="Dana"),
        "recipient": Person(identifier=Identifier(value="loopback-demo")),
        "sent_at": datetime(2026, 10, 1, 10, 0, tzinfo=UTC),
    }
    return Publication(**{**values, **changes})


@dataclass
class Tokens:
    """A token source that refreshes at HubSpot, as the relay's does, and counts how often."""

    hubspot: HubSpot
    refresh_token: str = seed.REFRESH_TOKEN
    current: str = ""
    refreshes: int = 0

    def __call__(self, refused: str | None) -> str:
        if not self.current or refused == self.current:
            found = self.hubspot.refresh(self.refresh_token)
            self.current, self.refresh_token = found.access_token, found.refresh_token
            self.refreshes += 1
        return self.current


@dataclass
class Scene:
    """The simulator, the app's client, and the client of the demo's portal."""

    simulator: SimulatorServer
    hubspot: HubSpot
    tokens: Tokens
    portal: PortalClient
    rates: list[Rate] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.simulator.world

    def fault(self, kind: FaultKind, *, times: int | None = 1, path: str = "", **detail: Any) -> None:
        rule = FaultRule(api=Api.HUBSPOT, path=path, times=times, fault=Fault(kind=kind, **detail))
        self.world.faults.add(rule)

    def messages(self) -> list[Any]:
        with self.world.lock:
            return list(self.world.hubspot.messages.values())


VERSIONS = {
    "v3": dict.fromkeys(("channels", "conversations", "files", "oauth"), "v3"),
    "dated": {"channels": "2026-09", "conversations": "2026-09", "files": "2026-03", "oauth": "2026-03"},
}


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(allowed_private_hosts=("127.0.0.1",), call_timeout=5.0)
    yield client
    client.close()


@pytest.fixture
def versions() -> dict[str, str]:
    """The versions of the APIs; a test that has to hold for several overrides it."""
    return VERSIONS["dated"]


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorServer]:
    """One server for all tests of a process; each test finds its world empty."""
    with SimulatorServer(Settings(environment="test"), world=World(seed=7)) as running:
        yield running


@pytest.fixture
def scene(simulator: SimulatorServer, http: Http, versions: dict[str, str]) -> Scene:
    simulator.world.reset()
    chosen = settings(simulator.url, **{f"hubspot_{api}_version": one for api, one in versions.items()})
    seed.seed(simulator.world, chosen, "http://127.0.0.1:9")
    hubspot = HubSpot(chosen, http)
    tokens = Tokens(hubspot)
    rates: list[Rate] = []
    return Scene(simulator, hubspot, tokens, hubspot.portal(PORTAL, tokens, rates.append), rates)
