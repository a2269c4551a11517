"""20,000 lanes due at once: no more of a portal's and of an account's are rung or owned than their shares allow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import and_, insert, or_, select
from typing_extensions import override

from app.doorbell import Doorbell, Ring
from app.relay import schedule
from app.relay.services import Services, build
from app.storage import lanes as lane_rows
from app.storage import portals
from app.storage.clock import now
from app.storage.database import Database
from app.storage.lanes import Lane
from app.storage.tables import lanes
from tests.app.relay.world import basic_settings
from tests.app.storage.rows import PORTAL, Rows, at_once

LANES, SLOTS, ROUNDS = 20_000, 64, 12
PORTAL_SHARE, ACCOUNT_SHARE = 32, 16
OTHER_PORTAL = PORTAL + 1


class Bell(Doorbell):
    """A broker that shows what it carries."""

    def __init__(self) -> None:
        super().__init__("memory://")
        self.carried: list[int] = []

    @override
    def ring(self, lane_id: int) -> Ring:
        self.carried.append(lane_id)
        return Ring.RUNG


class Workers:
    """64 slots that claim what the bell carries; what they own they give back sooner or later, done or not."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._owned: list[Lane] = []
        self._chance = random.Random(5)

    def work(self) -> None:
        """Fill the slots, and free about a third of them."""
        while self._bell.carried and len(self._owned) < SLOTS:
            with self._database.write() as connection:
                lane = lane_rows.claim(connection, self._bell.carried.pop(0), owner="worker", lease=600)
            self._owned += [lane] if lane is not None else []

    def give_back(self) -> int:
        """Free about a third of the slots. Returns how many lanes were done for good."""
        done = 0
        for lane in [one for one in self._owned if self._chance.random() < 1 / 3]:
            due_in = 0.0 if self._chance.random() < 1 / 4 else None
            with self._database.write() as connection:
                lane_rows.release(connection, lane, seen=lane.wake, due_in=due_in)
            self._owned.remove(lane)
            done += due_in is None
        return done


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str) -> Iterator[Services]:
    """A relay with two portals of three accounts, to which the lanes belong in turn, all of them due."""
    # HubSpot's own limit would keep the portals from their shares.
    shares = {"portal_share": PORTAL_SHARE, "account_share": ACCOUNT_SHARE, "hubspot_rate": 1_000_000}
    made = build(basic_settings(tmp_path, database_url=migrated_database_url, **shares))
    rows = Rows(made.database)
    rows.write(portals.add, OTHER_PORTAL, name="Other", refresh_token="sealed")
    owners = [(PORTAL, rows.account), *((PORTAL, rows.new_account()) for _ in range(2))]
    owners += [(OTHER_PORTAL, rows.new_account(portal_id=OTHER_PORTAL)) for _ in range(3)]
    due = rows.now() - 100
    every = [
        {"portal_id": portal, "account_id": account, "kind": "inbound", "conversation": str(number), "wake": 1}
        for number, (portal, account) in zip(range(LANES), owners * LANES, strict=False)
    ]
    with made.database.write() as connection:
        connection.execute(insert(lanes).values(due=due), every)
    yield made
    made.close()


def in_flight(services: Services) -> tuple[Counter[int], Counter[int]]:
    """Count rung and owned lanes by portal and by account."""
    owned = and_(lanes.c.owner.is_not(None), lanes.c.lease > now())
    query = select(lanes.c.portal_id, lanes.c.account_id).where(or_(lanes.c.rung_until > now(), owned))
    with services.database.read() as connection:
        found = connection.execute(query).all()
    return Counter(portal for portal, _ in found), Counter(account for _, account in found)


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("schedulers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_the_broker_never_holds_more_than_the_shares_allow(services: Services, schedulers: int) -> None:
    bell = Bell()
    rung, workers, done = replace(services, doorbell=bell), Workers(services.database, bell), 0
    for _ in range(ROUNDS):
        at_once(schedule.ring_due, [rung] * schedulers)
        by_portal, by_account = in_flight(services)
        assert by_portal == {PORTAL: PORTAL_SHARE, OTHER_PORTAL: PORTAL_SHARE}
        assert max(by_account.values()) <= ACCOUNT_SHARE
        workers.work()
        assert bell.carried == []
        assert in_flight(services) == (by_portal, by_account)
        done += workers.give_back()
    assert done > ROUNDS
