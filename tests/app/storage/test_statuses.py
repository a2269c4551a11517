from __future__ import annotations

import itertools

import pytest

from app.domain.lane import LaneKind
from app.domain.status import Status
from app.storage import statuses
from app.storage import tables as t
from app.storage.statuses import Untold
from tests.app.storage.rows import Rows, at_once

ALL = [Status.SENT, Status.FAILED, Status.DELIVERED, Status.READ]


def want(rows: Rows, message: int, status: Status, sentence: str = "") -> None:
    rows.write(statuses.want, message, rows.lane(kind=LaneKind.STATUS), status, sentence=sentence)


def next_untold(rows: Rows) -> Untold | None:
    return rows.read(statuses.next_untold, rows.lane(kind=LaneKind.STATUS))


def test_what_is_wanted_is_to_be_told(rows: Rows) -> None:
    assert next_untold(rows) is None
    message = rows.message(rows.lane(), service_id="hs-1")
    want(rows, message, Status.FAILED, "Bl\x00ocked.")
    assert next_untold(rows) == Untold(message, rows.account, "hs-1", Status.FAILED, Status.PENDING, "Blocked.", 0)
    rows.write(statuses.told, message, Status.FAILED)
    assert next_untold(rows) is None
    row = rows.read(statuses.of_message, message)
    assert row is not None
    assert (row.want, row.told, row.sentence) == (Status.FAILED, Status.FAILED, "Blocked.")
    assert row.told_at == pytest.approx(rows.now(), abs=30)


@pytest.mark.parametrize("order", list(itertools.permutations([Status.SENT, Status.DELIVERED, Status.READ])))
def test_only_the_highest_counts_in_whatever_order_they_come(rows: Rows, order: tuple[Status, ...]) -> None:
    message = rows.message(rows.lane())
    for status in order:
        want(rows, message, status, status.value)
    untold = next_untold(rows)
    assert untold is not None
    assert (untold.want, untold.sentence) == (Status.READ, "read")


def test_a_lower_status_than_was_told_is_not_told(rows: Rows) -> None:
    message = rows.message(rows.lane())
    want(rows, message, Status.READ)
    rows.write(statuses.told, message, Status.READ)
    for status in ALL:
        want(rows, message, status, "late")
    assert next_untold(rows) is None
    row = rows.read(statuses.of_message, message)
    assert row is not None
    assert row.sentence == ""


def test_telling_never_takes_back_what_was_told(rows: Rows) -> None:
    message = rows.message(rows.lane())
    want(rows, message, Status.READ)
    rows.write(statuses.told, message, Status.READ)
    rows.write(statuses.told, message, Status.SENT)
    row = rows.read(statuses.of_message, message)
    assert row is not None
    assert row.told is Status.READ


def test_a_status_that_rose_while_another_was_told_is_told_next(rows: Rows) -> None:
    message = rows.message(rows.lane())
    want(rows, message, Status.SENT)
    want(rows, message, Status.READ)
    rows.write(statuses.told, message, Status.SENT)
    untold = next_untold(rows)
    assert untold is not None
    assert (untold.want, untold.told) == (Status.READ, Status.SENT)


def test_the_oldest_message_is_told_first_and_each_lane_has_its_own(rows: Rows) -> None:
    first, second = rows.message(rows.lane()), rows.message(rows.lane())
    other = rows.message(rows.lane("c2"))
    want(rows, second, Status.SENT)
    want(rows, first, Status.SENT)
    elsewhere = rows.lane("c2", LaneKind.STATUS)
    rows.write(statuses.want, other, elsewhere, Status.READ)
    told = []
    while (untold := next_untold(rows)) is not None:
        told.append(untold.message_id)
        rows.write(statuses.told, untold.message_id, untold.want)
    assert told == [first, second]
    untold = rows.read(statuses.next_untold, elsewhere)
    assert untold is not None
    assert untold.message_id == other


def test_tries_are_counted_until_one_works(rows: Rows) -> None:
    message = rows.message(rows.lane())
    want(rows, message, Status.SENT)
    for _ in range(3):
        rows.write(statuses.count_attempt, message)
    untold = next_untold(rows)
    assert untold is not None
    assert untold.attempts == 3
    rows.write(statuses.told, message, Status.SENT)
    assert rows.row(t.statuses, message).attempts == 0


def test_a_message_that_is_sent_anew_is_told_anew(rows: Rows) -> None:
    message = rows.message(rows.lane())
    want(rows, message, Status.FAILED, "Blocked.")
    rows.write(statuses.told, message, Status.FAILED)
    rows.write(statuses.want_again, message)
    assert next_untold(rows) is None
    want(rows, message, Status.SENT)
    untold = next_untold(rows)
    assert untold is not None
    assert (untold.want, untold.told, untold.sentence) == (Status.SENT, Status.PENDING, "")


def test_wanting_at_once_ends_with_the_highest(rows: Rows) -> None:
    lane = rows.lane()
    for _ in range(10):
        message = rows.message(lane)

        def one(status: Status, message: int = message) -> None:
            want(rows, message, status, status.value)

        at_once(one, ALL)
        row = rows.read(statuses.of_message, message)
        assert row is not None
        assert (row.want, row.sentence) == (Status.READ, "read")


def test_a_message_without_a_status_has_none(rows: Rows) -> None:
    assert rows.read(statuses.of_message, rows.message(rows.lane())) is None
