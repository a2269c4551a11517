from __future__ import annotations

import pytest

from app.domain.webhook import RawRequest
from app.storage import envelopes
from app.storage.backdating import backdate
from tests.app.storage.rows import Rows


@pytest.mark.parametrize(("age", "older"), [(0.0, 0.0), (90.5, 90.5), (-3.0, 0.0)])
def test_an_envelope_is_as_old_as_its_request(rows: Rows, age: float, older: float) -> None:
    raw = RawRequest("POST", "https://relay.example/")
    stored = rows.write(envelopes.store, raw, source="loopback", dedupe="d1", account_id=None)
    assert stored is not None
    assert stored.id is not None
    dated = rows.write(backdate, stored, age=age)
    assert dated.received_at == stored.received_at - older
    found = rows.read(envelopes.get, stored.id)
    assert found is not None
    assert found.received_at == dated.received_at
