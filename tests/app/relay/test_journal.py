from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from app.relay import accept
from app.relay.delivery import Delivery
from app.relay.journal import FOLDER, Fate, Journal, NotTaken
from app.relay.services import Services
from app.storage import lanes
from app.storage.patience import Patience
from app.storage.spool import Spool
from app.storage.tables import envelopes, messages
from tests.app.relay.deliveries import message, work
from tests.app.relay.journaling import (
    away,
    from_hubspot,
    from_loopback,
    journal_of,
    journaling,
    lies,
    until_empty,
)
from tests.app.relay.world import RelayWorld, eventually, outgoing

FORGED = RawRequest("POST", "", headers={"x-loopback-signature": "0" * 64}, body=b"{}")


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """SQLite can be hidden; what only a server can do is tested with real processes."""
    return light_relay


@pytest.fixture
def services(relay: RelayWorld) -> Iterator[Services]:
    """Those of a web process with a journal."""
    with journaling(relay) as found:
        yield found


def stored(relay: RelayWorld) -> list[Any]:
    """Accepted messages as they came."""
    with relay.services.database.read() as connection:
        return list(connection.execute(select(messages).order_by(messages.c.id)))


def test_while_the_database_is_there_nothing_is_written_down(relay: RelayWorld, services: Services) -> None:
    from_loopback(relay, services, message("m1"))
    from_hubspot(services, outgoing())
    assert (relay.count(messages), lies(relay).size) == (2, 0)
    assert not journal_of(services).is_wanted


def test_what_comes_while_it_is_away_is_there_afterwards_once_and_in_order(
    relay: RelayWorld, services: Services
) -> None:
    at = "2026-09-14T08:15:30Z"  # of all of them: only their coming orders them
    with away(relay):
        for number in range(20):
            said = message(f"m{number}", str(number), time=at)
            assert from_loopback(relay, services, said, id_=f"d{number}").status == 200
        from_loopback(relay, services, message("m3", "3", time=at), id_="d3")
        assert lies(relay).records == 21
    until_empty(services)
    assert [one.content["text"] for one in stored(relay)] == [str(number) for number in range(20)]
    assert list((relay.services.settings.data_dir / FOLDER).glob("*.journal")) == []
    work(relay)
    assert relay.texts() == [str(number) for number in range(20)]


def test_an_agents_message_has_its_deadline_from_when_it_was_taken(
    relay: RelayWorld, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away(relay):
        from_hubspot(services, outgoing())
        # Ten minutes pass before the database is back.
        monkeypatch.setattr("app.relay.delivery.Delivery.age", property(lambda _: 600.0))
    until_empty(services)
    row = relay.row()
    with relay.services.database.read() as connection:
        received = connection.execute(select(envelopes.c.received_at)).scalar_one()
        now = lanes.clock(connection)
    assert row.accepted_at == received == pytest.approx(now - 600, abs=60)
    assert row.deadline_at == received + relay.services.settings.deadline
    relay.settle()
    assert relay.row(row.id).status == "failed"


def test_what_comes_while_something_waits_is_put_behind_it(
    relay: RelayWorld, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, may_go_on = journal_of(services), threading.Event()
    store = journal._store  # noqa: SLF001 - held back, so that something surely waits while the database is there

    def held_back(sealed: str) -> Fate:
        return store(sealed) if may_go_on.is_set() else Fate.AWAY

    monkeypatch.setattr(journal, "_store", held_back)
    with away(relay):
        from_loopback(relay, services, message("m1"), id_="d1")
    from_loopback(relay, services, message("m2"), id_="d2")
    assert (lies(relay).records, relay.count(messages)) == (2, 0)
    may_go_on.set()
    until_empty(services)
    assert [one.service_id for one in stored(relay)] == ["m1", "m2"]


def test_the_next_process_goes_on_where_the_last_one_ended(relay: RelayWorld) -> None:
    with away(relay):
        with journaling(relay) as first:
            from_hubspot(first, outgoing(message_id="o1"))
        with journaling(relay) as second:
            assert journal_of(second).is_wanted
            from_hubspot(second, outgoing(message_id="o2"))
        assert lies(relay).records == 2
    with journaling(relay) as third:
        until_empty(third)
    assert [one.service_id for one in stored(relay)] == ["o1", "o2"]


def test_what_a_crash_left_behind_its_commit_is_stored_once(relay: RelayWorld) -> None:
    with away(relay), journaling(relay) as services:
        from_hubspot(services, outgoing())
    [file] = (relay.services.settings.data_dir / FOLDER).glob("*.journal")
    kept = file.read_bytes()
    for _ in range(2):
        file.write_bytes(kept)
        with journaling(relay) as services:
            until_empty(services)
    assert (relay.count(messages), relay.count(envelopes)) == (1, 1)


def test_a_process_that_starts_without_the_database_verifies_by_the_sealed_file(relay: RelayWorld) -> None:
    with journaling(relay):
        pass
    with away(relay), journaling(relay) as services:
        from_loopback(relay, services, message("m1"))
        with pytest.raises(SignatureInvalid):
            accept.accept_service(services, "loopback", relay.account.key, FORGED)
        assert lies(relay).records == 1


def test_an_account_that_is_not_remembered_has_to_come_again(relay: RelayWorld, services: Services) -> None:
    with away(relay), pytest.raises(NotTaken):
        accept.accept_service(services, "loopback", "another key", FORGED)
    eventually(lambda: not journal_of(services).is_wanted)
    with pytest.raises(accept.UnknownAccountError):
        accept.accept_service(services, "loopback", "another key", FORGED)


def test_without_a_word_of_the_database_no_account_is_believed(relay: RelayWorld) -> None:
    with away(relay), journaling(relay) as services:
        with pytest.raises(NotTaken):
            from_loopback(relay, services, message("m1"))
        from_hubspot(services, outgoing())
        assert lies(relay).records == 1


def test_a_disk_that_takes_no_more_is_said_and_what_was_written_is_stored(
    relay: RelayWorld, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with away(relay):
        from_hubspot(services, outgoing(message_id="o1"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(NotTaken):
                from_hubspot(services, outgoing(message_id="o2"))
        from_hubspot(services, outgoing(message_id="o3"))
    until_empty(services)
    assert [one.service_id for one in stored(relay)] == ["o1", "o3"]


def test_a_file_that_takes_no_more_is_followed_by_another(
    relay: RelayWorld, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with away(relay):
        from_hubspot(services, outgoing(message_id="o1"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(NotTaken):
                from_hubspot(services, outgoing(message_id="o2"))
        from_hubspot(services, outgoing(message_id="o3"))
        assert len(list((relay.services.settings.data_dir / FOLDER).glob("*.journal"))) == 2
    until_empty(services)
    ids = [one.service_id for one in stored(relay)]
    assert (ids[0], ids[-1]) == ("o1", "o3")


def test_a_file_that_is_left_while_this_process_runs_is_taken_over(relay: RelayWorld, services: Services) -> None:
    with away(relay), journaling(relay) as other:
        from_hubspot(other, outgoing(message_id="left"))
    eventually(lambda: relay.count(messages) == 1)
    until_empty(services)


def test_what_lies_in_the_journal_can_be_read_by_nobody_else(relay: RelayWorld, services: Services) -> None:
    with away(relay):
        from_loopback(relay, services, message("m1", "a secret word"))
        [file] = (relay.services.settings.data_dir / FOLDER).glob("*.journal")
        assert file.stat().st_mode & 0o077 == 0
        assert b"secret word" not in file.read_bytes()
        assert relay.account.key.encode() not in file.read_bytes()


def test_a_new_account_is_remembered_as_soon_as_it_was_used(relay: RelayWorld, services: Services) -> None:
    cache = journal_of(services).cache
    cache._by_address.clear()  # noqa: SLF001 - as if the account had been added after the last look
    assert cache.find("loopback", relay.account.key) is None
    from_loopback(relay, services, message("m1"))
    eventually(lambda: cache.find("loopback", relay.account.key))


def test_a_keeper_that_stumbles_goes_on(relay: RelayWorld, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def stumble(self: Spool) -> None:  # noqa: ARG001
        seen.append(os.getpid())
        raise OSError(errno.EIO, "Input/output error")

    with away(relay):
        from_hubspot(services, outgoing())
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "read", stumble)
        journal_of(services)._wake.set()  # noqa: SLF001 - it would look within a second
        eventually(lambda: seen)
    until_empty(services)
    assert relay.count(messages) == 1


def test_a_journal_is_emptied_though_more_comes_than_one_thread_stores(relay: RelayWorld, tmp_path: Path) -> None:
    """Eight threads write as fast as they can, one hands on two hundred a second: without the brake it never ends."""
    database = relay.services.database
    raw = RawRequest("POST", "https://relay.example/")

    def store_slowly(_: str) -> Fate:
        time.sleep(0.005)
        return Fate.STORED

    folder = tmp_path / "other"
    journal = Journal(
        folder, vault=relay.services.vault, database=database, patience=Patience(database), store=store_slowly
    )
    emptied = threading.Event()

    def take_without_end() -> None:
        while not emptied.is_set():
            journal.take(Delivery.of(raw, source="hubspot", dedupe="d", account_id=None), emptied.set)

    with away(relay):
        journal._lost(OSError())  # noqa: SLF001 - as the first request would find out
        for _ in range(20):
            journal.take(Delivery.of(raw, source="hubspot", dedupe="d", account_id=None), emptied.set)
    journal.start()
    threads = [threading.Thread(target=take_without_end) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        assert emptied.wait(45)  # a request has gone straight to the database
    finally:
        emptied.set()
        for thread in threads:
            thread.join()
        journal.close()
