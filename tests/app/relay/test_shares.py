from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lane import LaneKind
from app.relay.shares import Shares, choose
from app.settings import Settings
from app.storage.rings import Busy, DueLane

SHARES = Shares(portal=3, account=2, asking=9)


def due(*places: tuple[int, int], kind: LaneKind = LaneKind.OUTBOUND) -> list[DueLane]:
    """Lanes 1, 2, ... of the given accounts and portals, the longest due first."""
    return [DueLane(number, account, portal, kind) for number, (account, portal) in enumerate(places, 1)]


def busy(counts: dict[tuple[int, int], int], asking: int = 0) -> list[Busy]:
    return [Busy(portal, account, count, asking) for (portal, account), count in counts.items()]


@pytest.mark.parametrize(
    ("waiting", "counts", "chosen", "full"),
    [
        (due((1, 1), (1, 1)), {}, [1, 2], set()),
        (due((1, 1), (1, 1), (1, 1)), {}, [1, 2], set()),
        (due((1, 1), (1, 1), (1, 1), (2, 1), (2, 1)), {}, [1, 2, 4], {1}),
        (due((1, 1), (2, 1), (3, 2)), {(1, 1): 2, (1, 2): 1}, [3], {1}),
        (due((1, 1), (2, 1)), {(1, 1): 2}, [2], {1}),
        (due((1, 1)), {(9, 9): 7}, [1], {9}),
        ([], {(1, 1): 3}, [], {1}),
    ],
    ids=["room", "account's share", "portal's share", "busy portal", "busy account", "another portal", "nothing due"],
)
def test_lanes_are_chosen_in_order_within_the_shares(
    waiting: list[DueLane], counts: dict[tuple[int, int], int], chosen: list[int], full: set[int]
) -> None:
    found = choose(waiting, busy(counts), SHARES)
    assert ([lane.id for lane in found.lanes], set(found.full)) == (chosen, full)
    assert found.passed_over is (len(chosen) < len(waiting))


def test_statuses_go_first_and_find_room_where_messages_fill_the_share() -> None:
    messages = due((1, 1), (1, 1))
    status = DueLane(9, 1, 1, LaneKind.STATUS)
    assert [lane.id for lane in choose([*messages, status], [], SHARES).lanes] == [9, 1]
    assert [lane.id for lane in choose([*messages, status], busy({(1, 1): 2}), SHARES).lanes] == [9]
    assert choose([status], busy({(1, 1): 4}), SHARES).lanes == []


def test_no_more_messages_ask_for_hubspots_budget_than_can_be_booked() -> None:
    shares = Shares(portal=30, account=30, asking=3)
    waiting = due(*[(1, 1)] * 5, kind=LaneKind.INBOUND)
    found = choose(waiting, busy({(1, 1): 9}, asking=1), shares)
    assert ([lane.id for lane in found.lanes], found.full, found.passed_over) == ([1, 2], frozenset({1}), True)
    to_the_service = due((1, 1))
    assert choose(to_the_service, busy({(1, 1): 9}, asking=3), shares).lanes == to_the_service


def test_what_may_ask_at_once_follows_from_the_rate() -> None:
    assert Shares.of(Settings(hubspot_rate=110)).asking == 10
    assert Shares.of(Settings(hubspot_rate=1)).asking == 1


@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from(LaneKind)), max_size=60),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), max_size=4, unique_by=lambda one: one[0]),
)
def test_the_shares_always_hold(places: list[tuple[int, LaneKind]], counts: list[tuple[int, int]]) -> None:
    """Accounts 1 and 2 are of portal 1, 3 and 4 of portal 2."""
    shares = Shares(portal=5, account=3, asking=2)
    waiting = [DueLane(at, account, (account + 1) // 2, kind) for at, (account, kind) in enumerate(places)]
    before = [Busy((account + 1) // 2, account, count, 0) for account, count in counts]
    chosen = choose(waiting, before, shares).lanes
    for account in range(1, 5):
        new = [lane for lane in chosen if lane.account_id == account]
        held = sum(one.lanes for one in before if one.account_id == account)
        assert not new or held + len(new) <= shares.account + 2
    for portal in (1, 2):
        new = [lane for lane in chosen if lane.portal_id == portal]
        held = sum(one.lanes for one in before if one.portal_id == portal)
        assert not new or held + len(new) <= shares.portal + 2
        assert sum(lane.kind is LaneKind.INBOUND for lane in new) <= shares.asking
    if not chosen and waiting:
        assert any(one.lanes for one in before)
