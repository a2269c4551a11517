from __future__ import annotations

import pytest

from app.storage import ordering
from app.storage import tables as t
from tests.app.storage.rows import Rows


def test_the_order_that_passed_only_rises(rows: Rows) -> None:
    lane = rows.lane()
    for key, passed in ((5, 5), (3, 5), (5, 5), (8, 8)):
        rows.write(ordering.pass_order, lane, key)
        assert rows.row(t.lanes, lane).passed == passed


def test_the_times_of_a_lane_rise(rows: Rows) -> None:
    lane = rows.due_lane()
    told = [rows.write(ordering.date, lane, at) for at in (100.0, 100.0, 100.0, 200.0, 150.0)]
    assert told == pytest.approx([100.0, 100.001, 100.002, 200.0, 200.001])
