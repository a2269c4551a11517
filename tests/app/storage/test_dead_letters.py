from __future__ import annotations

from app.storage import dead_letters
from app.storage.dead_letters import DeadLetter
from tests.app.storage.rows import Rows


def bury(rows: Rows, message: int, reason: str = "blocked", hint: str = "Blocked.", *, account: int = 0) -> None:
    rows.write(dead_letters.bury, message, account or rows.account, reason=reason, hint=hint, detail="detail")


def waiting(rows: Rows, **where: int) -> list[DeadLetter]:
    return rows.read(dead_letters.waiting, **where)


def test_a_dead_letter_waits_until_it_is_sent_again(rows: Rows) -> None:
    message = rows.message(rows.lane())
    assert not rows.read(dead_letters.is_waiting, message)
    bury(rows, message)
    (letter,) = waiting(rows)
    assert (letter.message_id, letter.account_id, letter.account) == (message, rows.account, "Shop")
    assert (letter.direction, letter.reason, letter.hint, letter.detail) == (
        "outbound",
        "blocked",
        "Blocked.",
        "detail",
    )
    assert rows.read(dead_letters.is_waiting, message)
    rows.write(dead_letters.replayed, message)
    assert waiting(rows) == []
    assert not rows.read(dead_letters.is_waiting, message)


def test_a_replay_that_did_not_help_waits_anew(rows: Rows) -> None:
    message = rows.message(rows.lane())
    bury(rows, message)
    rows.write(dead_letters.replayed, message)
    bury(rows, message, "gone", "Gone.")
    assert [(one.reason, one.hint) for one in waiting(rows)] == [("gone", "Gone.")]


def test_dead_letters_stand_in_the_order_in_which_they_are_replayed(rows: Rows) -> None:
    first, second = rows.lane("a"), rows.lane("b")
    late, other, early = (
        rows.message(first, order_key=20),
        rows.message(second, order_key=1),
        rows.message(first, order_key=10),
    )
    twin = rows.message(first, order_key=10)
    for message in (late, twin, other, early):
        bury(rows, message)
    assert [one.message_id for one in waiting(rows)] == [early, twin, late, other]
    assert [one.message_id for one in waiting(rows, limit=2)] == [early, twin]


def test_each_account_has_its_own(rows: Rows) -> None:
    other = rows.new_account(name="Other")
    mine, foreign = rows.message(rows.lane()), rows.message(rows.lane(account=other), account=other)
    bury(rows, mine)
    bury(rows, foreign, account=other)
    assert [one.message_id for one in waiting(rows)] == [mine, foreign]
    assert [(one.message_id, one.account) for one in waiting(rows, account_id=other)] == [(foreign, "Other")]


def test_another_sides_words_are_kept_whatever_they_hold(rows: Rows) -> None:
    message = rows.message(rows.lane())
    rows.write(dead_letters.bury, message, rows.account, reason="r\x00", hint="h\x00i", detail="d\x00\ud800")
    (letter,) = waiting(rows)
    assert (letter.reason, letter.hint, letter.detail) == ("r", "hi", "d\ufffd")
