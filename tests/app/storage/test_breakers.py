from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.lane import LaneKind
from app.storage import breakers
from app.storage.breakers import Breaker, Key, Scope, of_lane
from app.storage.database import Connection, Database

KEY = Key(Scope.HUBSPOT, 1)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as opened:
        yield opened


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (LaneKind.OUTBOUND, Scope.SERVICE),
        (LaneKind.INBOUND, Scope.HUBSPOT),
        (LaneKind.STATUS, Scope.HUBSPOT),
    ],
)
def test_which_side_a_lane_calls(kind: LaneKind, scope: Scope) -> None:
    assert of_lane(7, kind) == Key(scope, 7)


def test_what_is_stored_is_read(connection: Connection) -> None:
    assert breakers.get(connection, KEY) is None
    fresh = breakers.make(connection, KEY)
    assert fresh == Breaker(KEY)
    breakers.store(connection, replace(fresh, failed_lanes=(3, 9)).opened("It is down.", probe_in=5.0, refused=True))
    found = breakers.make(connection, KEY)
    assert (found.failed_lanes, found.hint, found.is_open, found.refused) == ((3, 9), "It is down.", True, True)
    assert found.probe_in is not None
    assert 4.0 < found.probe_in <= 5.0
    breakers.drop(connection, KEY)
    assert breakers.every(connection) == []


def test_a_probe_that_fails_counts_and_loses_its_right(connection: Connection) -> None:
    breaker = breakers.make(connection, KEY).opened("down", probe_in=0.0)
    breakers.store(connection, breaker)
    assert breakers.probe_due(connection) == [KEY]
    probing = breaker.probed_by(12, again_in=9.0)
    breakers.store(connection, probing)
    assert breakers.probe_due(connection) == []
    failed = probing.opened("still down", probe_in=10.0)
    assert (failed.probe_lane, failed.last_probe_lane, failed.probes) == (None, 12, 1)
