from __future__ import annotations

from sqlalchemy import Table, func, select

from app.domain.lane import LaneKind
from app.domain.status import Status
from app.domain.webhook import RawRequest
from app.storage import dead_letters, envelopes, ids, media, messages, retention, statuses
from app.storage import tables as t
from app.storage.envelopes import Item
from tests.app.storage.rows import Rows
from tests.app.storage.test_media import PICTURE

DAY = 86_400.0


def envelope(rows: Rows, dedupe: str, *, age: float = 0.0) -> int:
    raw = RawRequest("POST", "u")
    stored = rows.write(envelopes.store, raw, source="loopback", dedupe=dedupe, account_id=rows.account)
    assert stored is not None
    assert stored.id is not None
    rows.set(t.envelopes, stored.id, received_at=rows.now() - age)
    return stored.id


def ended(rows: Rows, *, age: float, status: str = "sent", envelope: int | None = None) -> int:
    message = rows.message(rows.lane(), envelope=envelope)
    rows.set(t.messages, message, status=status, finished_at=rows.now() - age)
    return message


def forget(rows: Rows, *, limit: int = 100) -> int:
    return rows.write(retention.forget, age=30 * DAY, limit=limit)


def left(rows: Rows, table: Table) -> list[int]:
    with rows.database.read() as connection:
        return sorted(connection.execute(select(table.c.id)).scalars())


def test_what_ended_long_ago_is_forgotten_and_nothing_else(rows: Rows) -> None:
    for status in ("sent", "failed", "delivered", "read", "cancelled"):
        ended(rows, age=31 * DAY, status=status)
    young = ended(rows, age=29 * DAY)
    pending = rows.message(rows.lane())
    rows.set(t.messages, pending, accepted_at=rows.now() - 99 * DAY)
    assert forget(rows) == 5
    assert left(rows, t.messages) == [young, pending]
    assert forget(rows) == 0


def test_dead_letters_wait_however_old_they_are(rows: Rows) -> None:
    waiting, replayed = ended(rows, age=99 * DAY, status="failed"), ended(rows, age=99 * DAY, status="failed")
    for message in (waiting, replayed):
        rows.write(dead_letters.bury, message, rows.account, reason="x", hint="x")
    rows.write(dead_letters.replayed, replayed)
    assert forget(rows) == 1
    assert left(rows, t.messages) == [waiting]


def test_an_envelope_goes_with_its_last_message_and_stays_for_what_was_not_understood(rows: Rows) -> None:
    gone, used, odd = (envelope(rows, name, age=31 * DAY) for name in ("gone", "used", "odd"))
    young = envelope(rows, "young")
    ended(rows, age=31 * DAY, envelope=gone)
    ended(rows, age=31 * DAY, envelope=used)
    ended(rows, age=DAY, envelope=used)
    rows.write(envelopes.keep_unopened, odd, [Item(0, "odd", None)])
    assert forget(rows) == 3
    assert left(rows, t.envelopes) == sorted([used, odd, young])


def test_everything_that_hangs_on_a_message_goes_with_it(rows: Rows) -> None:
    lane = rows.claimed()
    message = rows.message(lane.id)
    rows.finish(message, rows.begun(lane, message))
    head = rows.head(message)
    rows.write(ids.remember, head, head.parts[0], conversation="c1", ids=["s1"])
    rows.write(statuses.want, message, rows.lane(kind=LaneKind.STATUS), Status.SENT)
    rows.write(media.add, message, [PICTURE])
    rows.write(dead_letters.bury, message, rows.account, reason="x", hint="x")
    rows.write(dead_letters.replayed, message)
    rows.write(messages.finish, message, Status.SENT)
    rows.set(t.messages, message, finished_at=rows.now() - 31 * DAY)
    assert forget(rows) == 1
    with rows.database.read() as connection:
        for table in (t.parts, t.attempts, t.sent_ids, t.statuses, t.media, t.dead_letters, t.messages):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0, table.name


def test_little_is_forgotten_at_a_time_the_oldest_first(rows: Rows) -> None:
    kept = [ended(rows, age=31 * DAY) for _ in range(5)]
    for number in range(5):
        envelope(rows, f"e{number}", age=31 * DAY)
    assert forget(rows, limit=2) == 4
    assert left(rows, t.messages) == kept[2:]
    assert forget(rows, limit=2) == 4
    assert forget(rows, limit=2) == 2
    assert forget(rows, limit=2) == 0
