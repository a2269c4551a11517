from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from app.domain.webhook import RawRequest
from app.relay.delivery import Delivery

RAW = RawRequest("PUT", "https://relay.example/w?q=%00ü", "/ü", "q=%00", {"x-ü": "é"}, bytes(range(256)))


def test_a_request_comes_back_from_json_as_it_came() -> None:
    before = Delivery.of(RAW, source="matrix", dedupe="3:t1", account_id=3)
    after = Delivery.model_validate_json(before.model_dump_json())
    assert after == before
    assert after.raw == RAW
    assert (after.source, after.dedupe, after.account_id) == ("matrix", "3:t1", 3)


def test_what_a_later_release_adds_is_passed_over_but_a_later_form_is_refused() -> None:
    text = Delivery.of(RAW, source="hubspot", dedupe="d", account_id=None).model_dump_json()
    assert Delivery.model_validate_json(text.replace("{", '{"new":1,', 1)).raw == RAW
    with pytest.raises(ValidationError):
        Delivery.model_validate_json(text.replace('"version":1', '"version":2'))


@pytest.mark.parametrize(("ago", "age"), [(90.0, 90.0), (-90.0, 0.0)])
def test_the_age_counts_from_the_taking_and_a_clock_that_was_set_back_makes_none(ago: float, age: float) -> None:
    delivery = Delivery.of(RAW, source="hubspot", dedupe="d", account_id=None)
    moved = delivery.model_copy(update={"taken_at": time.time() - ago})
    assert moved.age == pytest.approx(age, abs=5)
