from __future__ import annotations

from app.domain.part import PartContent
from app.storage import tables as t
from app.storage.parts import write_parts
from tests.app.storage.rows import Rows, at_once


def test_parts_are_written_once_whatever_a_newer_release_makes_of_the_text(rows: Rows) -> None:
    message = rows.message(rows.lane())
    first = rows.parts(message, "one", "two")
    assert [(part.position, part.state, part.content.text) for part in first] == [
        (0, "pending", "one"),
        (1, "pending", "two"),
    ]
    assert rows.parts(message, "other", "split", "three") == first
    assert rows.head(message).parts == first


def test_of_two_who_write_parts_at_once_one_writes_all(rows: Rows) -> None:
    lane = rows.lane()
    for _ in range(10):
        message = rows.message(lane)
        split = [["a"], ["b", "b"], ["c", "c", "c"]]

        def write(texts: list[str], message: int = message) -> list[str]:
            return [part.content.text for part in rows.parts(message, *texts)]

        found = at_once(write, split)
        assert found[0] == found[1] == found[2]
        assert found[0] in split


def test_the_next_part_is_the_first_that_is_not_sent(rows: Rows) -> None:
    message = rows.message(rows.lane())
    parts = rows.parts(message, "one", "two")
    rows.set(t.parts, parts[0].id, state="sent")
    assert rows.head(message).part.content.text == "two"


def test_unknown_fields_of_a_part_survive(rows: Rows) -> None:
    message = rows.message(rows.lane())
    content = PartContent.model_validate({"text": "one", "buttons": ["yes"]})
    (part,) = rows.write(write_parts, message, [content])
    assert part.content.model_extra == {"buttons": ["yes"]}
