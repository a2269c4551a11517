from __future__ import annotations

from functools import partial

import pytest

from app.domain.message import Attachment, AttachmentKind, Direction
from app.storage import lanes, media
from app.storage import tables as t
from app.storage.media import InHubSpot, Job
from tests.app.storage.rows import Rows, at_once

PICTURE = Attachment(kind=AttachmentKind.IMAGE, source="id:1", name="a.png", mime="image/png", size=3)
VOICE = Attachment(kind=AttachmentKind.VOICE, source="id:2")


def add(rows: Rows, *attachments: Attachment) -> tuple[int, list[int]]:
    message = rows.message(rows.lane())
    return message, rows.write(media.add, message, attachments or (PICTURE,))


def claim(rows: Rows, media_id: int, owner: str = "me") -> Job | None:
    return rows.write(media.claim, media_id, owner=owner, lease=60.0)


def claimed(rows: Rows, media_id: int, owner: str = "me") -> Job:
    job = claim(rows, media_id, owner)
    assert job is not None
    return job


def lose(rows: Rows, job: Job) -> None:
    rows.set(t.media, job.id, lease=rows.now() - 1)


def states(rows: Rows, message: int) -> list[str]:
    return [one.state for one in rows.read(media.of_message, message)]


def test_attachments_are_due_at_once_in_their_order(rows: Rows) -> None:
    message, ids = add(rows, PICTURE, VOICE)
    assert rows.read(media.due, limit=10) == ids
    assert rows.read(media.due, limit=1) == ids[:1]
    assert [one.attachment for one in rows.read(media.of_message, message)] == [PICTURE, VOICE]
    assert states(rows, message) == ["pending", "pending"]


def test_a_job_says_what_it_is_and_counts_its_tries(rows: Rows) -> None:
    message, (one,) = add(rows)
    job = claimed(rows, one)
    assert job == Job(one, message, rows.account, rows.lane(), PICTURE, 1, Direction.OUTBOUND)
    assert claim(rows, one, "other") is None
    assert rows.read(media.due, limit=10) == []
    lose(rows, job)
    assert rows.read(media.due, limit=10) == [one]
    assert claimed(rows, one, "other").attempts == 2


def test_what_is_not_there_or_not_due_is_not_claimed(rows: Rows) -> None:
    _, (one,) = add(rows)
    assert claim(rows, one + 1000) is None
    rows.set(t.media, one, due=rows.now() + 60)
    assert claim(rows, one) is None


def test_one_of_many_prepares_an_attachment(rows: Rows) -> None:
    for _ in range(10):
        _, (one,) = add(rows)
        jobs = at_once(partial(claim, rows, one), ["a", "b", "c"])
        assert len([job for job in jobs if job]) == 1
        assert rows.row(t.media, one).attempts == 1


def test_a_ready_attachment_has_its_file_and_is_done(rows: Rows) -> None:
    message, (one,) = add(rows)
    rows.write(media.ready, claimed(rows, one), InHubSpot("f1", "b.png", "image/png", 3))
    (found,) = rows.read(media.of_message, message)
    assert (found.state, found.file_id, found.name, found.mime, found.hint) == ("ready", "f1", "b.png", "image/png", "")
    assert claim(rows, one) is None
    row = rows.row(t.media, one)
    assert (row.owner, row.lease, row.due, row.size) == (None, None, None, 3)


def test_a_failed_attachment_has_a_sentence_in_its_place(rows: Rows) -> None:
    message, (one,) = add(rows)
    rows.write(media.failed, claimed(rows, one), hint="Too big.")
    (found,) = rows.read(media.of_message, message)
    assert (found.state, found.file_id, found.hint) == ("failed", None, "Too big.")
    assert claim(rows, one) is None


def test_an_attachment_waits_before_it_is_tried_again(rows: Rows) -> None:
    _, (one,) = add(rows)
    rows.write(media.again, claimed(rows, one), delay=60.0)
    row = rows.row(t.media, one)
    assert row.owner is None
    assert 50 < row.due - rows.now() <= 60
    rows.set(t.media, one, due=rows.now())
    assert claimed(rows, one).attempts == 2


def test_the_first_result_counts(rows: Rows) -> None:
    message, (one,) = add(rows)
    late = claimed(rows, one, "late")
    lose(rows, late)
    quick = claimed(rows, one, "quick")
    rows.write(media.ready, quick, InHubSpot("f1", "", "", 1))
    rows.write(media.ready, late, InHubSpot("f2", "", "", 1))
    rows.write(media.failed, late, hint="Gone.")
    rows.write(media.again, late, delay=0.0)
    assert rows.write(media.leave_behind, message) == frozenset()
    (found,) = rows.read(media.of_message, message)
    assert (found.state, found.file_id, found.hint) == ("ready", "f1", "")
    assert rows.read(media.due, limit=10) == []


def test_who_lost_its_lease_does_not_free_the_attachment_of_its_successor(rows: Rows) -> None:
    _, (one,) = add(rows)
    late = claimed(rows, one, "late")
    lose(rows, late)
    claimed(rows, one, "quick")
    rows.write(media.again, late, delay=0.0)
    assert claim(rows, one, "third") is None


def test_a_message_leaves_behind_what_is_not_there_yet(rows: Rows) -> None:
    message, (first, second) = add(rows, PICTURE, VOICE)
    rows.write(media.ready, claimed(rows, first), InHubSpot("f1", "", "", 1))
    assert rows.write(media.leave_behind, message) == {1}
    assert states(rows, message) == ["ready"]
    late = claimed(rows, second)
    assert late.late
    assert rows.write(media.ready, late, InHubSpot("f2", "", "", 1)) is True
    other = rows.message(rows.lane())
    rows.write(media.hand_over, late, other)
    assert [one.file_id for one in rows.read(media.of_message, other)] == ["f2"]


def test_the_same_file_is_found_in_its_portal_and_for_a_while(rows: Rows) -> None:
    message, (one,) = add(rows)
    rows.write(media.ready, claimed(rows, one), InHubSpot("f1", "a.png", "image/png", 3, "same"))
    portal = rows.read(lanes.portal_of, rows.account)

    def find(portal_id: int, sameness: str) -> InHubSpot | None:
        return rows.read(media.find_same, portal_id, sameness, within=60.0)

    assert find(portal, "same") == InHubSpot("f1", "a.png", "image/png", 3, "same", reused=True)
    assert find(portal + 1, "same") is None
    assert find(portal, "other") is None
    rows.set(t.media, one, finished_at=rows.now() - 61)
    assert find(portal, "same") is None
    assert states(rows, message) == ["ready"]


def test_what_was_taken_for_another_and_is_gone_is_taken_no_more(rows: Rows) -> None:
    message, (first, second) = add(rows, PICTURE, PICTURE)
    rows.write(media.ready, claimed(rows, first), InHubSpot("f1", "", "", 1, "same"))
    rows.write(media.ready, claimed(rows, second), InHubSpot("f1", "", "", 1, "same", reused=True))
    rows.write(media.prepare_anew, [second], gone=["same"])
    job = claimed(rows, second)
    assert (job.reused, job.attempts) == (True, 1)
    rows.write(media.ready, job, InHubSpot("f2", "", "", 1, "same"))
    assert [(one.file_id, one.is_taken) for one in rows.read(media.of_message, message)] == [
        ("f1", False),
        ("f2", False),
    ]


def test_what_was_rung_is_not_rung_again_at_once(rows: Rows) -> None:
    _, ids = add(rows, PICTURE, VOICE)
    rows.write(media.mark_rung, ids[:1])
    assert rows.read(media.due, limit=10) == ids[1:]
    rows.set(t.media, ids[0], rung_until=rows.now() - 0.01)
    assert sorted(rows.read(media.due, limit=10)) == ids


@pytest.mark.parametrize("name", ["a\x00.png", "ä☃.png"])
def test_a_name_that_databases_refuse_does_not_stop_a_message(rows: Rows, name: str) -> None:
    message, (one,) = add(rows, PICTURE.model_copy(update={"name": name}))
    job = claimed(rows, one)
    rows.write(media.ready, job, InHubSpot("f1", name, "", 1))
    (found,) = rows.read(media.of_message, message)
    assert found.attachment.name == found.name == name.replace("\x00", "")
