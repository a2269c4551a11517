from __future__ import annotations

from itertools import pairwise

from app.domain.status import Status


def test_a_status_has_one_place_in_the_order() -> None:
    rising = [Status.PENDING, Status.SENT, Status.FAILED, Status.DELIVERED, Status.READ, Status.CANCELLED]
    assert all(low.rank < high.rank for low, high in pairwise(rising))
    assert set(rising) == set(Status)
