from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.account import ContactPolicy
from app.relay import contacts, doctor
from app.relay.doctor import examine
from app.relay.findings import Finding, Level
from app.storage import accounts
from app.storage.accounts import Side
from tests.app.http.scripted import ScriptedServer, Visit
from tests.app.relay.deliveries import bury, deliver, oddity
from tests.app.relay.world import RelayWorld, basic_settings


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def found(relay: RelayWorld, check: str, **changes: Any) -> Finding:
    """The finding of one check, which must be there once."""
    [one] = [one for one in examine(relay.services.settings.model_copy(update=changes)) if one.check == check]
    return one


def levels(relay: RelayWorld, **changes: Any) -> dict[str, Level]:
    return {one.check: one.level for one in examine(relay.services.settings.model_copy(update=changes))}


def test_nothing_fails_in_a_whole_relay(relay: RelayWorld) -> None:
    report = examine(relay.services.settings)
    assert [one for one in report if one.level is Level.FAIL] == []
    named = {one.check for one in report}
    assert named >= {"settings", "public_url", "database", "migrations", "broker", "hubspot"}
    assert named >= {"hubspot_clock", "database_clock", "vault", "portal 4700001", "accounts", "workers"}
    assert named >= {"webhook_address", "webhook_signature", "webhooks_refused", "webhooks", "channel"}
    assert named >= {"portal 4700001 scopes", "portal 4700001 accounts", "portal 4700001 rate"}


def test_whatever_is_wrong_has_a_fix_or_says_it(relay: RelayWorld) -> None:
    bury(relay, "m1")
    deliver(relay, oddity())
    accounts_hint = "Ask the administrator for a new token."
    with relay.services.database.write() as connection:
        accounts.pause_side(connection, 1, Side.SERVICE, hint=accounts_hint)
    report = {one.check: one for one in examine(relay.services.settings)}
    assert accounts_hint in report["account 1"].sentence
    assert "relay accounts resume 1" in report["account 1"].fix
    assert "1 items" in report["envelopes"].sentence
    assert "1 messages" in report["dead_letters"].sentence
    assert [one for one in report.values() if one.level is Level.FAIL and not one.fix] == []


def test_a_broker_that_is_away(relay: RelayWorld) -> None:
    report = levels(relay, broker_url="redis://127.0.0.1:1/0")
    assert (report["broker"], report["limiter"]) == (Level.FAIL, Level.FAIL)


def test_without_a_broker_relay_up_is_named(relay: RelayWorld) -> None:
    one = found(relay, "broker", broker_url="")
    assert (one.level, "relay up" in one.fix) == (Level.WARN, True)


def test_rabbitmq_needs_a_redis_for_the_limits(relay: RelayWorld) -> None:
    assert "RELAY_REDIS_URL" in found(relay, "services", broker_url="amqp://127.0.0.1:1//").sentence


def test_hubspot_that_cannot_be_reached(relay: RelayWorld) -> None:
    assert found(relay, "hubspot", hubspot_api_url="http://127.0.0.1:1").level is Level.FAIL


def test_missing_secrets_end_the_examination_early(relay: RelayWorld) -> None:
    bad = levels(relay, environment="production", secret_keys=())
    assert (bad["settings"], bad["services"]) == (Level.FAIL, Level.FAIL)


def test_a_database_without_tables(relay: RelayWorld, tmp_path: Path) -> None:
    report = levels(relay, database_url=f"sqlite:///{tmp_path / 'other.db'}")
    assert (report["database"], report["migrations"]) == (Level.OK, Level.FAIL)
    assert "vault" not in report


def test_everything_down_gives_nothing_but_findings(tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/no/folder/relay.db"
    broker, hubspot = "redis://127.0.0.1:1/0", "http://127.0.0.1:1"
    report = examine(basic_settings(tmp_path, database_url=nowhere, broker_url=broker, hubspot_api_url=hubspot))
    failed = {one.check for one in report if one.level is Level.FAIL}
    assert failed == {"database", "hubspot", "webhook_address", "broker", "limiter"}
    assert all(one.fix for one in report if one.level is Level.FAIL)


@pytest.mark.parametrize(
    ("policy", "missing", "level"),
    [
        (ContactPolicy.FIND, "crm.objects.contacts.read", Level.WARN),
        (ContactPolicy.FIND, "crm.objects.contacts.write", Level.OK),
        (ContactPolicy.CREATE, "crm.objects.contacts.write", Level.WARN),
    ],
)
def test_scopes_that_contacts_need_are_named(
    relay: RelayWorld, policy: ContactPolicy, missing: str, level: Level
) -> None:
    assert "contacts" not in levels(relay)
    contacts.set_policy(relay.services, 1, policy)
    for held in relay.world.hubspot.refresh_tokens.values():
        held.scopes = held.scopes - {missing}
    relay.pass_time(3_600)  # until the next token
    one = found(relay, "contacts")
    assert one.level is level
    assert (missing in one.sentence) is (level is Level.WARN)


def keep_silent(visit: Visit) -> None:
    visit.ending.wait()


def test_whatever_hangs_it_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_TIME", 0.5)
    with ScriptedServer(keep_silent) as hole:
        database = f"postgresql://u:p@127.0.0.1:{hole.port}/db"
        settings = basic_settings(tmp_path, port=hole.port, database_url=database, hubspot_api_url=hole.url)
        report = {one.check: one for one in examine(settings)}
    for check in ("database", "hubspot", "round_trip"):
        assert "no result after" in report[check].sentence
