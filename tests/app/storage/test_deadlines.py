from __future__ import annotations

from app.storage import deadlines
from app.storage import tables as t
from tests.app.storage.rows import Rows, at_once, call


def test_only_pending_messages_past_their_deadline_that_no_call_holds_are_overdue(rows: Rows) -> None:
    lane = rows.claimed()
    late = [rows.message(lane.id, deadline=-1.0) for _ in range(3)]
    called = rows.message(lane.id, deadline=600.0)
    rows.begun(lane, called)
    rows.set(t.messages, called, deadline_at=rows.now() - 1)
    rows.sent(rows.message(lane.id, deadline=-1.0))
    in_time, endless = rows.message(lane.id, deadline=600.0), rows.message(lane.id)
    assert rows.read(deadlines.overdue, limit=10) == late
    assert rows.read(deadlines.overdue, limit=2) == late[:2]
    failed = [
        one
        for one in (*late, called, in_time, endless)
        if rows.write(deadlines.fail, one, reason="deadline", hint="Too late.")
    ]
    assert failed == late
    row = rows.row(t.messages, late[0])
    assert (row.status, row.reason, row.hint) == ("failed", "deadline", "Too late.")
    assert not rows.write(deadlines.fail, late[0], reason="deadline", hint="")


def test_of_a_call_that_begins_and_a_deadline_that_ends_one_wins(rows: Rows) -> None:
    lane = rows.claimed()
    for _ in range(20):
        message = rows.message(lane.id, deadline=600.0)
        rows.parts(message)
        rows.set(t.messages, message, deadline_at=rows.now() + 0.02)

        def begin(message: int = message) -> bool:
            return rows.begin(lane, message) is not None

        def expire(message: int = message) -> bool:
            while message not in rows.read(deadlines.overdue, limit=100):
                if rows.row(t.messages, message).calling:
                    return False
            return rows.write(deadlines.fail, message, reason="deadline", hint="")

        begun, expired = at_once(call, [begin, expire])
        assert begun is not expired
        row = rows.row(t.messages, message)
        assert (row.calling is not None, row.status) == (begun, "pending" if begun else "failed")
        rows.sent(message)
