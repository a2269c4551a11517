from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from app.domain.webhook import RawRequest
from app.relay import round_trip
from app.relay.round_trip import HEADER, PATH, make, read
from app.storage.tables import envelopes
from app.vault import Vault
from tests.app.relay.world import CLIENT_SECRET, RelayWorld

KEY = "a key of the tests"


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def send(relay: RelayWorld, sealed: str) -> int:
    """Send a request with this challenge, rightly signed for what it is. Returns the answer's status."""
    challenge = make(relay.services.settings, relay.services.vault)
    return relay.ask("POST", PATH, challenge.body, {**challenge.headers, HEADER: sealed})[0]


def sealed(*, purpose: str = "doctor", at: float = 0.0, key: str = KEY) -> str:
    content = {"for": purpose, "at": time.time() + at, "nonce": "1", "url": "https://a.example"}
    return Vault([key]).seal(json.dumps(content))


def test_a_challenge_leaves_its_number_and_nothing_else(relay: RelayWorld) -> None:
    assert send(relay, sealed()) == 200
    with relay.services.database.read() as connection:
        [row] = connection.execute(envelopes.select())
    assert (row.source, row.dedupe, row.body, row.headers) == ("doctor", "doctor:1", b"", {})
    assert row.url == relay.services.settings.public_url + PATH


def test_a_challenge_that_comes_twice_is_stored_once(relay: RelayWorld) -> None:
    one = sealed()
    assert [send(relay, one), send(relay, one)] == [200, 200]
    assert relay.count(envelopes) == 1


@pytest.mark.parametrize(
    "forged",
    [
        lambda: "x",
        lambda: "v1:00000000:gAAAA",
        lambda: "v1:" * 5_000,
        lambda: sealed(key="key of another deployment"),
        lambda: sealed(purpose="connect"),
        lambda: sealed(at=-700),
        lambda: sealed(at=700),
        lambda: Vault([KEY]).seal("no JSON"),
        lambda: Vault([KEY]).seal("[]"),
    ],
    ids=["nonsense", "made up", "long", "another's", "another purpose", "old", "ahead", "no JSON", "no object"],
)
def test_what_is_no_challenge_is_a_webhook_with_a_wrong_signature(relay: RelayWorld, forged: Callable[[], str]) -> None:
    assert send(relay, forged()) == 401
    assert relay.count(envelopes) == 0


def test_a_challenge_admits_no_webhook(relay: RelayWorld) -> None:
    """Whoever has caught one can replay it, but send nothing with it: its body is never read."""
    event = json.dumps({"type": "OUTGOING_CHANNEL_MESSAGE_CREATED", "portalId": 4700001}).encode()
    assert relay.ask("POST", PATH, event, {HEADER: sealed()})[0] == 200
    with relay.services.database.read() as connection:
        assert [row.body for row in connection.execute(envelopes.select())] == [b""]


def test_the_answer_gives_no_secret_away(relay: RelayWorld) -> None:
    challenge = make(relay.services.settings, relay.services.vault)
    answer = round_trip.answer(relay.services, RawRequest("POST", challenge.url, headers=challenge.headers))
    assert answer is not None
    for secret in (CLIENT_SECRET, KEY):
        assert secret not in answer.body
        assert secret not in repr(challenge)
    report = read(answer.body.encode(), challenge)
    assert report is not None
    assert report.trouble == "The body is changed on its way."


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"nonce": "2"}', b'{"nonce": "2", "client_secret": ""}'])
def test_an_answer_to_something_else_is_none(relay: RelayWorld, body: bytes) -> None:
    assert read(body, make(relay.services.settings, relay.services.vault)) is None
