from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from app.simulator import seed
from app.simulator.application import create_simulator
from app.simulator.hubspot import oauth
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


def test_an_account_moves_to_the_help_desk(world: World, client: FlaskClient) -> None:
    path = f"/settings/accounts/{seed.LOOPBACK_ACCOUNT_ID}"
    assert client.post(path, data={"wish": "move", "inbox": seed.HELP_DESK_ID}).status_code == 303
    assert world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].inbox_id == seed.HELP_DESK_ID
    assert client.post(path, data={"wish": "move", "inbox": "9"}).status_code == 404
    assert client.post(path, data={"wish": "paint"}).status_code == 400


@pytest.fixture
def token(world: World, client: FlaskClient) -> str:
    """The staging token of a window that is open."""
    client.post("/settings/connect", data=CONNECT)
    return next(iter(world.hubspot.staging))


def fill(world: World, client: FlaskClient, token: str) -> int:
    """What HubSpot answers when the integration fills the token in."""
    with world.lock:
        access = oauth.issue(world, world.hubspot.refresh_tokens[seed.REFRESH_TOKEN]).value
    path = f"/conversations/v3/custom-channels/{seed.CHANNEL_ID}/channel-account-staging-tokens/{token}"
    body = {"accountName": "New", "deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "new"}}
    return client.patch(path, json=body, headers={"Authorization": f"Bearer {access}"}).status_code


@pytest.mark.parametrize(
    ("wish", "gone", "shown", "answer"),
    [("close", "lives", "closed", 200), ("close", "gone", "closed", 404), ("expire", "lives", "expired", 404)],
)
def test_a_window_ends_half_way(
    world: World, client: FlaskClient, token: str, wish: str, gone: str, shown: str, answer: int
) -> None:
    world.switch(closed_window_token=gone)
    assert ", waiting" in client.get("/settings").text
    assert client.post(f"/settings/windows/{token}", data={"wish": wish}).status_code == 303
    assert f", {shown}" in client.get("/settings").text
    assert fill(world, client, token) == answer
    assert client.post("/settings/windows/unknown", data={"wish": wish}).status_code == 404


def test_a_window_that_comes_back_leads_to_the_account(world: World, client: FlaskClient, token: str) -> None:
    assert fill(world, client, token) == 200
    assert "filled in, not come back" in client.get("/settings").text
    back = client.get(f"/_sim/connected/{token}", headers={"Accept": "text/html"})
    assert "New is connected" in client.get(back.location).text
    page = client.get("/settings").text
    assert "not come back" not in page
    assert "New" in page
