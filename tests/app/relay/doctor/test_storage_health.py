from __future__ import annotations

from dataclasses import replace

from app.relay.doctor import storage_health
from app.relay.findings import Finding, Level
from app.relay.journal import FOLDER
from app.storage.spool import Spool
from app.vault import Vault
from tests.app.relay.world import RelayWorld


def found(relay: RelayWorld, *, journal: bool = True) -> dict[str, Finding]:
    settings = relay.services.settings.model_copy(update={"journal": journal})
    return {one.check: one for one in storage_health.journal(settings)}


def spool_of(relay: RelayWorld) -> Spool:
    folder = relay.services.settings.data_dir / FOLDER
    folder.mkdir(exist_ok=True)
    return Spool.create(folder)


def test_a_journal_that_is_off_is_not_worth_a_word(light_relay: RelayWorld) -> None:
    assert found(light_relay, journal=False) == {}


def test_an_empty_journal_is_well(light_relay: RelayWorld) -> None:
    assert found(light_relay)["journal"].level is Level.OK


def test_what_waits_is_counted_and_nobody_empties_a_journal_that_is_off(light_relay: RelayWorld) -> None:
    spool = spool_of(light_relay)
    spool.append("one")
    spool.append("two")
    spool.close()
    assert found(light_relay)["journal"].level is Level.WARN
    assert "2 requests (44 bytes)" in found(light_relay)["journal"].sentence
    off = found(light_relay, journal=False)["journal"]
    assert (off.level, "RELAY_JOURNAL" in off.fix) == (Level.FAIL, True)


def test_what_was_set_aside_or_damaged_needs_a_person(light_relay: RelayWorld) -> None:
    spool = spool_of(light_relay)
    spool.append("one")
    record = spool.read()
    assert record is not None
    spool.set_aside(record)
    spool.path.write_bytes(spool.path.read_bytes().replace(b"one", b"eno"))
    assert spool.read() is None
    assert spool.retire()
    report = found(light_relay)
    assert {name: one.level for name, one in report.items()} == {
        "journal": Level.OK,
        "journal_aside": Level.FAIL,
        "journal_damaged": Level.FAIL,
    }
    assert report["journal_aside"].sentence.startswith("1 request")


def vault(relay: RelayWorld, *keys: str) -> list[Finding]:
    return list(storage_health.vault(replace(relay.services, vault=Vault(keys))))


def test_a_key_that_opens_nothing(light_relay: RelayWorld) -> None:
    closed = vault(light_relay, "another key of the tests")
    assert [one.level for one in closed] == [Level.FAIL, Level.FAIL]
    assert "account 1" in closed[0].sentence


def test_an_older_key_is_worth_a_word(light_relay: RelayWorld) -> None:
    [one] = vault(light_relay, "another key of the tests", "a key of the tests")
    assert (one.level, "2 of 2" in one.sentence) == (Level.WARN, True)
