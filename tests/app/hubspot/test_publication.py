from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.message import AttachmentKind
from app.domain.person import Identifier, IdentifierType, Person
from app.domain.status import Status
from app.hubspot.attachments import FileRef
from app.hubspot.publication import Publication, write_identifier, write_moment, write_publication, write_status

PUBLICATION = Publication(
    channel_account_id="2001",
    thread_id="0b7f3c1e-7c38-4a62-9c0b-5a2f6f0d9a11",
    idempotency_id="key-1",
    text="Hello",
    sender=Person(identifier=Identifier(value="dana"), name="Dana"),
    recipient=Person(identifier=Identifier(type=IdentifierType.PHONE, value="+4915112345678")),
    sent_at=datetime(2026, 10, 1, 10, 0, 0, 250_999, UTC),
)


def test_a_plain_publication_has_every_field_that_some_version_requires() -> None:
    assert write_publication(PUBLICATION) == {
        "messageDirection": "INCOMING",
        "channelAccountId": "2001",
        "integrationThreadId": "0b7f3c1e-7c38-4a62-9c0b-5a2f6f0d9a11",
        "integrationIdempotencyId": "key-1",
        "text": "Hello",
        "timestamp": "2026-10-01T10:00:00.250Z",
        "senders": [{"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "dana"}, "name": "Dana"}],
        "recipients": [{"deliveryIdentifier": {"type": "HS_PHONE_NUMBER", "value": "+4915112345678"}}],
        "attachments": [],
    }


def test_what_is_optional_is_written_when_it_is_there() -> None:
    body = write_publication(
        replace(
            PUBLICATION,
            html="<p>Hello</p>",
            incoming=False,
            in_reply_to="9f0b",
            contact_id=77,
            attachments=(FileRef("55", AttachmentKind.VOICE),),
        )
    )
    assert body["messageDirection"] == "OUTGOING"
    assert body["richText"] == "<p>Hello</p>"
    assert body["inReplyToId"] == "9f0b"
    assert body["associateWithContactId"] == 77
    assert body["attachments"] == [{"type": "FILE", "fileId": "55", "fileUsageType": "VOICE_RECORDING"}]


def test_without_a_thread_hubspot_threads_by_identifiers() -> None:
    assert "integrationThreadId" not in write_publication(replace(PUBLICATION, thread_id=None))


def test_usages_can_be_left_out() -> None:
    publication = replace(PUBLICATION, attachments=(FileRef("55", AttachmentKind.IMAGE),))
    assert write_publication(publication, with_usage=False)["attachments"] == [{"type": "FILE", "fileId": "55"}]


def test_an_empty_text_is_still_a_text() -> None:
    assert write_publication(replace(PUBLICATION, text=""))["text"] == ""


@pytest.mark.parametrize("kind", IdentifierType)
def test_every_kind_of_identifier_has_a_word(kind: IdentifierType) -> None:
    assert write_identifier(Identifier(type=kind, value="x"))["type"].isupper()


def test_times_are_written_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    assert write_moment(datetime(2026, 10, 1, 12, 0, tzinfo=there)) == "2026-10-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("status", "word"),
    [(Status.SENT, "SENT"), (Status.DELIVERED, "SENT"), (Status.READ, "READ"), (Status.FAILED, "FAILED")],
)
def test_statuses(status: Status, word: str) -> None:
    assert write_status(status) == {"statusType": word}


@pytest.mark.parametrize("status", [Status.PENDING, Status.CANCELLED])
def test_statuses_that_hubspot_does_not_have(status: Status) -> None:
    with pytest.raises(ValueError, match=status.value):
        write_status(status)


def test_only_a_failure_has_a_sentence_and_it_is_cut() -> None:
    assert write_status(Status.FAILED, "x" * 501) == {"statusType": "FAILED", "errorMessage": "x" * 500}
    assert write_status(Status.SENT, "x") == {"statusType": "SENT"}
