from __future__ import annotations

import pytest

from app.relay.doctor.work_health import breakers, workers
from app.relay.findings import Level
from app.storage import breakers as rows
from app.storage import rings
from app.storage.breakers import Key, Scope
from tests.app.relay.deliveries import deliver, message
from tests.app.relay.world import RelayWorld


@pytest.fixture
def relay(light_relay: RelayWorld) -> RelayWorld:
    """The database makes no difference here."""
    return light_relay


def sql(relay: RelayWorld, statement: str) -> None:
    with relay.services.database.write() as connection:
        connection.exec_driver_sql(statement)


def test_a_side_that_fails_for_everybody_is_told_with_its_reason(relay: RelayWorld) -> None:
    with relay.services.database.write() as connection:
        fresh = rows.make(connection, Key(Scope.SERVICE, 1))
        rows.store(connection, fresh.opened("Loopback is down.", probe_in=9.0))
    [told] = breakers(relay.services)
    assert (told.level, "Loopback is down." in told.sentence) == (Level.WARN, True)
    assert "relay accounts resume 1" in told.fix


def test_lanes_that_nobody_takes(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    [fresh] = workers(relay.services)
    assert fresh.level is Level.OK
    sql(relay, "UPDATE lanes SET due = due - 300, rung_until = NULL")
    [silent] = workers(relay.services)
    assert "nobody rings" in silent.sentence
    with relay.services.database.write() as connection:
        rings.mark_rung(connection, [1])
    [rung] = workers(relay.services)
    assert "nobody comes" in rung.sentence


def test_lanes_of_a_paused_account_wait_rightly(relay: RelayWorld) -> None:
    deliver(relay, message("m1"))
    sql(relay, "UPDATE lanes SET due = due - 300")
    sql(relay, "UPDATE accounts SET state = 'paused'")
    [one] = workers(relay.services)
    assert one.level is Level.OK
