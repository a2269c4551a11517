from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app import metrics
from app.http import Http
from app.relay import signatures
from app.relay.doctor import webhook_health
from app.relay.doctor.webhook_health import round_trip, webhooks
from app.relay.findings import Finding, Level
from app.relay.services import Services, build
from app.relay.signatures import Consultation
from app.storage import schema
from app.storage.database import Database
from app.storage.tables import envelopes, unopened
from app.vault import Vault
from tests.app.http.scripted import ScriptedServer, Visit
from tests.app.relay.world import CLIENT_SECRET, RelayWorld, basic_settings, hubspot_headers, outgoing


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


@pytest.fixture
def alone(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Services]:
    """Services whose public address leads to whatever a test puts there."""
    services = build(basic_settings(tmp_path, database_url=migrated_sqlite_url))
    yield services
    services.close()


def changed(services: Services, **changes: Any) -> Services:
    return replace(services, settings=services.settings.model_copy(update=changes))


def found(services: Services, **changes: Any) -> dict[str, Finding]:
    return {one.check: one for one in round_trip(changed(services, **changes))}


def address(services: Services, **changes: Any) -> Finding:
    return found(services, **changes)["webhook_address"]


def test_a_request_goes_out_and_arrives_in_this_database(relay: RelayWorld) -> None:
    report = found(relay.services)
    assert {name: one.level for name, one in report.items() if name != "webhooks_refused"} == {
        "webhook_address": Level.OK,
        "webhook_signature": Level.OK,
    }
    assert "arrives in this database" in report["webhook_address"].sentence
    assert (relay.count(envelopes), relay.count(unopened)) == (0, 0)


def test_another_database_behind_the_same_keys(relay: RelayWorld, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    schema.upgrade(database)
    one = address(replace(relay.services, database=database))
    database.close()
    assert (one.level, "into another database" in one.sentence) == (Level.FAIL, True)


def test_another_deployment_takes_nothing_in(relay: RelayWorld) -> None:
    stranger = replace(relay.services, vault=Vault(["key of another deployment"]))
    one = address(stranger)
    assert (one.level, "other RELAY_SECRET_KEYS" in one.sentence) == (Level.FAIL, True)
    assert relay.count(envelopes) == 0


def test_a_web_role_with_another_client_secret(relay: RelayWorld) -> None:
    one = found(relay.services, hubspot_client_secret=SecretStr("a new one that the web role has not read"))
    assert one["webhook_secret"].level is Level.FAIL
    assert one["webhook_address"].level is Level.OK


def test_a_path_in_front_that_nobody_takes_off(relay: RelayWorld) -> None:
    one = address(relay.services, public_url=f"{relay.services.settings.public_url}/relay")
    assert (one.level, "does not know this path" in one.sentence) == (Level.FAIL, True)


def passed_on(relay: RelayWorld, change: Callable[[bytes], bytes] = bytes) -> Callable[[Visit], None]:
    """A proxy before the relay's web role; ``change`` is what it does to a request."""

    def script(visit: Visit) -> None:
        head, _, body = change(visit.read()).partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        method, path, _ = line.split(" ")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        headers.pop("content-length", None)
        with closing(Http()) as http:
            answer = http.request(method, relay.services.settings.public_url + path, headers=headers, content=body)
        visit.answer(answer.body, status=f"{answer.status} Whatever")

    return script


def keep_silent(visit: Visit) -> None:
    visit.read()
    visit.ending.wait()


def without_signature(request: bytes) -> bytes:
    lines = request.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"x-hubspot-signature"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (bytes, "HubSpot would sign for"),
        (without_signature, "a proxy removed it"),
        (lambda request: request.replace(b",  ", b", "), "The body is changed on its way"),
    ],
    ids=["another address than the web role's", "headers removed", "body written anew"],
)
def test_what_the_way_does_to_a_signature_is_named(
    relay: RelayWorld, change: Callable[[bytes], bytes], words: str
) -> None:
    with ScriptedServer(passed_on(relay, change)) as proxy:
        report = found(relay.services, public_url=proxy.url)
    assert report["webhook_address"].level is Level.OK
    assert report["webhook_signature"].level is Level.FAIL
    assert words in report["webhook_signature"].sentence


PAGE = b"<!DOCTYPE html><title>Sign in</title>"
OURS = b'{"error": "The database is away; nothing was stored."}'


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        ("302 Found", ("Location: https://login.example/?next=1",), b"", "sends on to login.example"),
        ("200 OK", ("Content-Type: text/html; charset=utf-8",), PAGE, "with text/html: a login page"),
        ("401 Unauthorized", ("Content-Type: text/html",), PAGE, "a login page"),
        ("204 No Content", (), b"", "another site"),
        ("404 Not Found", ("Content-Type: text/html",), PAGE, "by somebody else"),
        ("502 Bad Gateway", ("Content-Type: text/html",), PAGE, "no web role behind it"),
        ("503 Service Unavailable", (), OURS, "cannot store anything"),
        ("405 Method Not Allowed", (), b'{"error": "No."}', "does not know this path"),
        ("200 OK", (), b'{"nonce": "made up", "client_secret": "x"}', "another site"),
    ],
)
def test_whoever_else_answers_is_recognised(
    alone: Services, status: str, headers: Sequence[str], body: bytes, words: str
) -> None:
    def script(visit: Visit) -> None:
        visit.read()
        visit.answer(body, status=status, headers=tuple(headers))

    with ScriptedServer(script) as other:
        one = address(alone, public_url=other.url)
    assert (one.level, bool(one.fix)) == (Level.FAIL, True)
    assert words in one.sentence


def test_an_address_that_takes_a_request_and_says_nothing(alone: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_health, "_PATIENCE", 0.5)
    with ScriptedServer(keep_silent) as silent:
        one = address(alone, public_url=silent.url)
    assert (one.level, "gave no whole answer" in one.sentence) == (Level.FAIL, True)


def test_an_address_where_nobody_is(alone: Services) -> None:
    one = address(alone, public_url="http://127.0.0.1:1")
    assert (one.level, "cannot be reached" in one.sentence) == (Level.FAIL, True)
    assert "relay web" in one.fix


def test_a_name_that_nobody_knows(alone: Services) -> None:
    one = address(alone, public_url="https://relay.invalid")
    assert (one.level, "relay.invalid" in one.sentence) == (Level.FAIL, True)


def test_without_an_address_there_is_nothing_to_try(alone: Services) -> None:
    assert found(alone, public_url="") == {}


def test_a_private_address_is_worth_a_word_in_production(relay: RelayWorld) -> None:
    assert "webhook_network" not in found(relay.services)
    one = found(relay.services, environment="production")["webhook_network"]
    assert (one.level, "private address" in one.sentence) == (Level.WARN, True)


def test_a_database_that_is_away_hides_where_it_arrives(relay: RelayWorld, tmp_path: Path) -> None:
    away = build(basic_settings(tmp_path, database_url=f"sqlite:///{tmp_path}/no/folder/relay.db"))
    one = address(replace(relay.services, database=away.database))
    away.close()
    assert (one.level, "cannot be seen from here" in one.sentence) == (Level.WARN, True)


@pytest.fixture
def nothing_refused() -> Iterator[None]:
    """Metrics are one for the whole process."""
    metrics.SIGNATURES_REFUSED.clear()
    metrics.SIGNATURE_REFUSED_AT.set(0)
    yield
    metrics.SIGNATURES_REFUSED.clear()
    metrics.SIGNATURE_REFUSED_AT.set(0)


def refuse(relay: RelayWorld, url: str, secret: str = CLIENT_SECRET) -> Finding:
    """Let a request be refused that was signed for another address, or by somebody else."""
    body = b'{"type": "CHANNEL_PAINTED"}'
    assert relay.ask("POST", "/webhooks/hubspot", body, hubspot_headers(url, body, secret=secret))[0] == 401
    return found(relay.services)["webhooks_refused"]


@pytest.mark.usefixtures("nothing_refused")
def test_refusals_that_only_hubspot_can_have_signed_fail_until_one_is_taken(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(signatures.check.__kwdefaults__ or {}, "consultation", Consultation())
    assert found(relay.services)["webhooks_refused"].level is Level.OK
    one = refuse(relay, relay.services.settings.public_url + "//webhooks/hubspot")
    assert (one.level, one.sentence.endswith("ago: slash 1.")) == (Level.FAIL, True)
    assert relay.from_hubspot(outgoing()) == 204
    assert found(relay.services)["webhooks_refused"].level is Level.WARN


@pytest.mark.usefixtures("nothing_refused")
def test_a_strangers_nonsense_alone_fails_nothing(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(signatures.check.__kwdefaults__ or {}, "consultation", Consultation(most=1))
    url = relay.services.settings.public_url + "/webhooks/hubspot"
    refuse(relay, url, secret="a stranger's")
    one = refuse(relay, url, secret="a stranger's")
    assert (one.level, "not_examined 1, unknown 1" in one.sentence) == (Level.WARN, True)


@pytest.mark.usefixtures("nothing_refused")
def test_refusals_of_long_ago_are_forgotten(relay: RelayWorld) -> None:
    metrics.SIGNATURES_REFUSED.labels(cause="host").inc()
    metrics.SIGNATURE_REFUSED_AT.set(time.time() - 3_700)
    assert found(relay.services)["webhooks_refused"].level is Level.OK


def test_when_hubspots_last_webhook_came(relay: RelayWorld) -> None:
    [none] = webhooks(relay.services)
    assert (none.level, "relay channel diff" in none.fix) == (Level.WARN, True)
    assert relay.from_hubspot(outgoing()) == 204
    relay.pass_time(7_200)
    [one] = webhooks(relay.services)
    assert (one.level, "2 h ago" in one.sentence) == (Level.OK, True)
