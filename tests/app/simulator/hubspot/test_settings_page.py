from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from app.simulator import seed
from app.simulator.application import create_simulator
from app.simulator.world import World

CONNECT = {"portal": seed.PORTAL_ID, "channel": seed.CHANNEL_ID, "inbox": seed.HELP_DESK_ID}


@pytest.fixture
def world() -> Iterator[World]:
    made = World(seed=1)
    seed.seed(made, Settings(environment="test"), "http://127.0.0.1:9")
    yield made
    made.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return create_simulator(Settings(environment="test"), world=world).test_client()


def test_the_page_shows_channels_and_accounts(client: FlaskClient) -> None:
    page = client.get("/settings").text
    assert "Account 4700001" in page
    assert "Help desk" in page
    assert "loopback-demo" in page


def test_a_channel_of_an_app_that_was_removed_is_not_offered(world: World, client: FlaskClient) -> None:
    world.hubspot.refresh_tokens[seed.REFRESH_TOKEN].revoked = True
    assert "No installed app has a channel." in client.get("/settings").text


def test_connect_opens_the_popup_with_five_parameters(client: FlaskClient) -> None:
    answer = client.post("/settings/connect", data=CONNECT)
    target = urlsplit(answer.location)
    assert (answer.status_code, target.netloc, target.path) == (303, "127.0.0.1:9", "/connect")
    asked = parse_qs(target.query)
    assert asked.keys() == {"accountToken", "channelId", "inboxId", "portalId", "redirectUrl"}
    assert asked["inboxId"] == [seed.HELP_DESK_ID]


@pytest.mark.parametrize("wrong", [{"portal": "1"}, {"channel": "1"}, {"inbox": "1"}])
def test_what_is_not_there_cannot_be_connected(client: FlaskClient, wrong: dict[str, str]) -> None:
    assert client.post("/settings/connect", data={**CONNECT, **wrong}).status_code == 404


def test_an_account_is_switched_off_and_removed(world: World, client: FlaskClient) -> None:
    account = world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID]
    path = f"/settings/accounts/{account.id}"
    assert client.post(path, data={"wish": "off"}).status_code == 303
    assert [one.active for one in world.hubspot.accounts.values()] == [False, True]
    client.post(path, data={"wish": "on"})
    assert [one.active for one in world.hubspot.accounts.values()] == [True, True]
    client.post(path, data={"wish": "remove"})
    assert account.archived_at is not None
    assert client.post(path, data={"wish": "on"}).status_code == 404
