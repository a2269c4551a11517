from __future__ import annotations

from typing import Any

import pytest

from app.domain.webhook import RawRequest
from app.storage import envelopes
from app.storage.envelopes import Item, Stored
from tests.app.storage.rows import Rows, at_once

RAW = RawRequest("POST", "https://relay.example/w?a=1", "/w", "a=1", {"content-type": "x"}, b"\x00\xff body")


def store(rows: Rows, dedupe: str = "d1", raw: RawRequest = RAW, *, account: int | None = None) -> Stored | None:
    return rows.write(envelopes.store, raw, source="loopback", dedupe=dedupe, account_id=account)


def stored(rows: Rows, dedupe: str = "d1", raw: RawRequest = RAW, *, account: int | None = None) -> int:
    envelope = store(rows, dedupe, raw, account=account)
    assert envelope is not None
    assert envelope.id is not None
    return envelope.id


def keep(rows: Rows, envelope: int, *items: Item) -> None:
    rows.write(envelopes.keep_unopened, envelope, items)


def test_a_request_is_kept_as_it_came(rows: Rows) -> None:
    envelope = store(rows, account=rows.account)
    assert envelope is not None
    assert envelope.id is not None
    assert envelope.received_at == pytest.approx(rows.now(), abs=30)
    found = rows.read(envelopes.get, envelope.id)
    assert found is not None
    assert (found.raw, found.source, found.account_id) == (RAW, "loopback", rows.account)
    assert found.received_at == envelope.received_at
    assert rows.read(envelopes.get, envelope.id + 1) is None


def test_a_delivery_is_kept_once(rows: Rows) -> None:
    assert store(rows, "d1") is not None
    assert store(rows, "d1", RawRequest("POST", "other")) is None
    assert store(rows, "d2") is not None


def test_a_delivery_of_an_odd_name_is_kept_once(rows: Rows) -> None:
    assert store(rows, "d\x00 \ud800") is not None
    assert store(rows, "d\x00 \ud800") is None
    assert store(rows, "d") is not None


def test_of_the_same_delivery_many_times_at_once_one_is_kept(rows: Rows) -> None:
    found = at_once(lambda _: store(rows), range(8))
    assert len([one for one in found if one is not None]) == 1


def test_a_request_of_odd_characters_and_any_bytes_is_kept(rows: Rows) -> None:
    odd = RawRequest(
        "POST", "https://r/\x00\ud800", "/\x00", "q=\udfff", {"x-odd\x00": "\x00☃\ud83d"}, bytes(range(256))
    )
    found = rows.read(envelopes.get, stored(rows, raw=odd))
    assert found is not None
    assert found.raw == RawRequest("POST", "https://r/\ufffd", "/", "q=\ufffd", {"x-odd": "☃\ufffd"}, bytes(range(256)))


def test_a_large_body_is_kept_byte_for_byte(rows: Rows) -> None:
    body = bytes(range(256)) * 8192
    found = rows.read(envelopes.get, stored(rows, raw=RawRequest("POST", "u", body=body)))
    assert found is not None
    assert found.raw.body == body


def nested(depth: int) -> list[Any]:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "raw", ["a\x00b", "\ud800", {"k\x00": "\udfff"}, nested(100_000), b"\xff", {1: object()}, {(1, 2): 3}, None, ""]
)
def test_an_odd_item_is_kept_beside_its_neighbours(rows: Rows, raw: Any) -> None:
    envelope = stored(rows, account=rows.account)
    keep(rows, envelope, Item(0, "fine", {"a": 1}), Item(1, "odd \x00 reason", raw), Item(2, "fine", [1]))
    found = rows.read(envelopes.unopened_items)
    assert [one.reason for one in found] == ["fine", "odd  reason", "fine"]
    assert {(one.envelope_id, one.source, one.account) for one in found} == {(envelope, "loopback", "Shop")}


def test_keeping_nothing_keeps_nothing(rows: Rows) -> None:
    keep(rows, stored(rows))
    assert rows.read(envelopes.count_unopened) == 0


def test_items_wait_for_their_account(rows: Rows) -> None:
    first, second, third = (stored(rows, name) for name in "abc")
    keep(rows, second, Item(0, "early", None, "1/7/70"), Item(1, "early", None, "1/7/70"))
    keep(rows, first, Item(0, "early", None, "1/7/70"))
    keep(rows, third, Item(0, "early", None, "1/7/71"), Item(1, "odd", None))
    assert rows.read(envelopes.waiting_for, "1/7/70") == [first, second]
    assert rows.read(envelopes.waiting_for, "1/7/71") == [third]
    assert rows.read(envelopes.waiting_for, "1/7/72") == []
    assert rows.read(envelopes.unopened_envelopes) == [first, second, third]


def test_items_are_listed_newest_first_and_forgotten_with_their_envelope(rows: Rows) -> None:
    first, second = stored(rows, "a"), stored(rows, "b")
    keep(rows, first, Item(0, "one", None), Item(1, "two", None))
    keep(rows, second, Item(0, "three", None))
    assert [one.reason for one in rows.read(envelopes.unopened_items)] == ["three", "two", "one"]
    assert [one.reason for one in rows.read(envelopes.unopened_items, limit=1)] == ["three"]
    assert [one.account for one in rows.read(envelopes.unopened_items, limit=1)] == [None]
    assert rows.read(envelopes.count_unopened) == 3
    rows.write(envelopes.forget_unopened, first)
    assert rows.read(envelopes.count_unopened) == 1
    assert rows.read(envelopes.get, first) is not None


def test_an_envelope_without_messages_is_taken_away_once(rows: Rows) -> None:
    stored(rows, "d1")
    assert not rows.write(envelopes.take_away, "doctor", "d1")
    assert rows.write(envelopes.take_away, "loopback", "d1")
    assert not rows.write(envelopes.take_away, "loopback", "d1")


def test_how_long_ago_a_source_was_heard(rows: Rows) -> None:
    assert rows.read(envelopes.since_last, "loopback") is None
    stored(rows, "d1")
    stored(rows, "d2")
    assert rows.read(envelopes.since_last, "hubspot") is None
    assert rows.read(envelopes.since_last, "loopback") == pytest.approx(0, abs=30)
