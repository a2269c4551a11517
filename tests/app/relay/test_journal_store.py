from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import OperationalError

from app.errors import ConfigurationError
from app.relay import accept
from app.relay.deposit import store_service_events
from app.relay.journal import FOLDER, Fate
from app.relay.journal_store import Shelf, with_journal
from app.storage import envelopes as envelope_rows
from app.storage.database import Database
from app.storage.patience import Patience
from app.storage.spool import ASIDE, JOURNAL
from app.storage.tables import accounts, envelopes, messages, unopened
from app.vault import Vault
from tests.app.relay.deliveries import message
from tests.app.relay.journaling import away, from_hubspot, from_loopback, journaling, lies, until_empty
from tests.app.relay.world import RelayWorld, eventually, outgoing, relay_world
from tests.servers.postgres_server import PostgresServer


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """SQLite can be hidden; what only a server can do has a world of its own."""
    return light_relay


@contextmanager
def shelf_of(relay: RelayWorld) -> Iterator[Shelf]:
    patience = Patience(relay.services.database)
    yield Shelf(relay.services, patience)
    patience.close()


def sealed(relay: RelayWorld, id_: str = "d1") -> str:
    """The record of one customer's message."""
    with away(relay), journaling(relay) as services:
        from_loopback(relay, services, message(id_), id_=id_)
    [file] = (relay.services.settings.data_dir / FOLDER).glob(f"*{JOURNAL}")
    return file.read_text(encoding="ascii").splitlines()[-1].split(" ", 2)[2]


@pytest.fixture
def remembered(relay: RelayWorld) -> None:
    """The journal has seen the accounts."""
    with journaling(relay):
        pass


@pytest.mark.usefixtures("remembered")
def test_a_record_is_stored_once(relay: RelayWorld) -> None:
    record = sealed(relay)
    with shelf_of(relay) as shelf:
        assert [shelf.store(record) for _ in range(2)] == [Fate.STORED, Fate.STORED]
    assert (relay.count(messages), relay.count(envelopes)) == (1, 1)


@pytest.mark.usefixtures("remembered")
def test_a_record_over_which_the_relay_stumbles_is_kept_unopened_and_blocks_nobody(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:

    def stumble(connection: Any, row: Any, events: Any, envelope: Any) -> Any:
        if any(one.content.text == "bad" for one in events):
            raise KeyError("a customer's text")
        return store_service_events(connection, row, events, envelope)

    with monkeypatch.context() as broken, journaling(relay) as services:
        broken.setattr(accept, "store_service_events", stumble)
        with away(relay):
            for id_, words in (("m1", "good"), ("m2", "bad"), ("m3", "good too")):
                from_loopback(relay, services, message(id_, words), id_=id_)
        until_empty(services)
    assert [one.content["text"] for one in relay.rows()] == ["good", "good too"]
    with relay.services.database.read() as connection:
        [item] = envelope_rows.unopened_items(connection)
    assert "KeyError" in item.reason
    assert "customer" not in item.reason
    assert lies(relay).aside == 0
    accept.open_again(relay.services, item.envelope_id)
    assert (relay.count(messages), relay.count(unopened)) == (3, 0)


@pytest.mark.usefixtures("remembered")
def test_a_record_that_alone_is_refused_is_kept_unopened_at_the_third_time(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("index row too large"))

    record = sealed(relay)
    monkeypatch.setattr(accept, "store_service_events", refuse)
    with shelf_of(relay) as shelf:
        assert [shelf.store(record) for _ in range(3)] == [Fate.AWAY, Fate.AWAY, Fate.STORED]
    assert (relay.count(messages), relay.count(unopened)) == (0, 1)


@pytest.mark.usefixtures("remembered")
def test_while_nothing_can_be_stored_no_record_is_blamed(relay: RelayWorld) -> None:
    record = sealed(relay)
    with shelf_of(relay) as shelf, away(relay):
        assert {shelf.store(record) for _ in range(5)} == {Fate.AWAY}
    assert relay.count(envelopes) == 0


@pytest.mark.usefixtures("remembered")
def test_a_record_whose_account_is_gone_is_set_aside(relay: RelayWorld) -> None:
    record = sealed(relay)
    relay.execute(delete(accounts))
    with shelf_of(relay) as shelf:
        assert shelf.store(record) is Fate.UNUSABLE


def test_a_record_that_no_key_opens_is_set_aside_and_comes_back_with_the_key(relay: RelayWorld) -> None:
    with away(relay), journaling(relay) as services:
        from_hubspot(services, outgoing())
    ours, stranger = relay.services, replace(relay.services, vault=Vault(["another key of the tests"]))
    relay.services = stranger
    with journaling(relay) as services:
        until_empty(services)
    assert (lies(relay).aside, relay.count(messages)) == (1, 0)
    relay.services = ours
    [aside] = (ours.settings.data_dir / FOLDER).glob(f"*{ASIDE}")
    with journaling(relay) as services:
        aside.rename(aside.with_suffix(JOURNAL))
        # It is taken over by the process that runs, within a second.
        eventually(lambda: relay.count(messages) == 1)
        until_empty(services)
    assert lies(relay).aside == 0


@pytest.mark.postgresql
def test_a_database_that_only_reads_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: PostgresServer, migrated_postgresql_url: str
) -> None:
    with relay_world(tmp_path, monkeypatch, migrated_postgresql_url, migrated=True) as world:
        with journaling(world):
            pass
        postgresql.stop()
        with journaling(world) as services:
            from_loopback(world, services, message("m1"))
        record = next((tmp_path / FOLDER).glob(f"*{JOURNAL}")).read_text(encoding="ascii").split(" ", 2)[2].strip()
        postgresql.start()
        set_read_only(postgresql, world, "on")
        with shelf_of(world) as shelf:
            assert [shelf.store(record) for _ in range(4)] == [Fate.AWAY] * 4
            set_read_only(postgresql, world, "off")
            assert shelf.store(record) is Fate.STORED
        with world.services.database.read() as connection:
            assert connection.execute(select(messages.c.service_id)).scalars().all() == ["m1"]


def set_read_only(server: PostgresServer, world: RelayWorld, value: str) -> None:
    """Let new connections to the database only read, as on a standby."""
    other = Database(server.url, pool=1)
    with other.write() as connection:
        name = world.services.database.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}"))
    other.close()
    world.services.database.close()


def test_a_folder_that_cannot_be_made_stops_the_start(relay: RelayWorld, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings = relay.services.settings.model_copy(update={"data_dir": file})
    with pytest.raises(ConfigurationError, match="RELAY_DATA_DIR"):
        with_journal(replace(relay.services, settings=settings))
