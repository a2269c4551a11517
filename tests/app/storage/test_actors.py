from __future__ import annotations

from app.storage import actors
from app.storage import tables as t
from tests.app.storage.rows import PORTAL, Rows, at_once

SAM = "A-101"


def test_an_actor_is_unknown_until_somebody_asks(rows: Rows) -> None:
    assert rows.read(actors.get, PORTAL, SAM) is None
    assert rows.write(actors.claim, PORTAL, SAM, lease=30)
    known = rows.read(actors.get, PORTAL, SAM)
    assert known is not None
    assert (known.name, known.fresh_for) == ("", 0.0)
    assert 29 < known.asked_for <= 30


def test_a_name_is_kept_and_may_be_asked_for_again(rows: Rows) -> None:
    rows.write(actors.claim, PORTAL, SAM, lease=30)
    rows.write(actors.store, PORTAL, SAM, "Sam\0 Agent", keep=100)
    known = rows.read(actors.get, PORTAL, SAM)
    assert known is not None
    assert (known.name, known.asked_for) == ("Sam Agent", 0.0)
    assert 99 < known.fresh_for <= 100
    assert rows.write(actors.claim, PORTAL, SAM, lease=30)


def test_after_a_refusal_the_name_stays_as_it_was(rows: Rows) -> None:
    rows.write(actors.claim, PORTAL, SAM, lease=30)
    rows.write(actors.store, PORTAL, SAM, "Sam", keep=0)
    rows.write(actors.claim, PORTAL, SAM, lease=30)
    rows.write(actors.rest, PORTAL, SAM, seconds=60)
    known = rows.read(actors.get, PORTAL, SAM)
    assert known is not None
    assert (known.name, known.asked_for) == ("Sam", 0.0)
    assert known.fresh_for > 50


def test_of_many_who_ask_at_once_one_may(rows: Rows) -> None:
    assert sum(at_once(lambda _: rows.write(actors.claim, PORTAL, SAM, lease=30), range(6))) == 1
    with rows.database.read() as connection:
        assert len(connection.execute(t.actors.select()).all()) == 1
