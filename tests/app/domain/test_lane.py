from __future__ import annotations

from app.domain.lane import LaneKey, LaneKind


def test_lanes_have_one_order_so_that_everybody_locks_them_alike() -> None:
    keys = [LaneKey(2, LaneKind.INBOUND, "a"), LaneKey(1, LaneKind.STATUS, "b"), LaneKey(1, LaneKind.STATUS, "a")]
    assert sorted(keys) == [keys[2], keys[1], keys[0]]
