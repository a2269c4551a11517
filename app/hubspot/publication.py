"""What we give HubSpot: publications and statuses, and the words they are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from app.domain.message import Card, Direction, Place
from app.domain.person import Identifier, Person
from app.domain.status import Status
from app.hubspot.attachments import FileRef, write_file
from app.hubspot.payloads import IDENTIFIER_WORDS
from app.hubspot.places import write_card, write_place

#: HubSpot's words for our directions: its own inbox is the place where a message comes in.
DIRECTION_WORDS: Final = {Direction.INBOUND: "INCOMING", Direction.OUTBOUND: "OUTGOING"}

#: The statuses that HubSpot can be told. It has no word for *delivered*.
STATUS_WORDS: Final = {
    Status.SENT: "SENT",
    Status.DELIVERED: "SENT",
    Status.READ: "READ",
    Status.FAILED: "FAILED",
}

#: HubSpot documents no limit for a failure's sentence; agents see it in a small box.
SENTENCE_LENGTH: Final = 500


@dataclass(frozen=True)
class Publication:
    """A message for HubSpot's inbox.

    ``incoming`` is false for what a colleague wrote in the service itself. ``thread_id`` is our stable id of the
    conversation, None where the channel threads by identifiers. ``idempotency_id`` is unique in the channel account
    and the same at every try. ``in_reply_to`` is HubSpot's id of the message that this one answers, ``contact_id``
    a CRM contact.
    """

    channel_account_id: str
    thread_id: str | None
    idempotency_id: str
    text: str
    sender: Person
    recipient: Person
    sent_at: datetime
    html: str | None = None
    attachments: tuple[FileRef, ...] = field(default=())
    places: tuple[Place, ...] = field(default=())
    cards: tuple[Card, ...] = field(default=())
    incoming: bool = True
    in_reply_to: str | None = None
    contact_id: int | None = None

    @property
    def refers(self) -> bool:
        """Tell whether the message names anything else at HubSpot that may be gone."""
        return bool(self.attachments or self.in_reply_to or self.contact_id is not None)


def write_publication(publication: Publication, *, with_usage: bool = True) -> dict[str, Any]:
    """Return the body of the call. Every field that some version of the API requires is there.

    ``with_usage`` false leaves the attachments' usages out.
    """
    direction = Direction.INBOUND if publication.incoming else Direction.OUTBOUND
    body = {
        "messageDirection": DIRECTION_WORDS[direction],
        "channelAccountId": publication.channel_account_id,
        "integrationThreadId": publication.thread_id,
        "integrationIdempotencyId": publication.idempotency_id,
        "text": publication.text,
        "richText": publication.html,
        "timestamp": write_moment(publication.sent_at),
        "senders": [write_person(publication.sender)],
        "recipients": [write_person(publication.recipient)],
        "attachments": _attachments(publication, with_usage=with_usage),
        "inReplyToId": publication.in_reply_to,
        "associateWithContactId": publication.contact_id,
    }
    return {name: value for name, value in body.items() if value is not None}


def _attachments(publication: Publication, *, with_usage: bool) -> list[dict[str, Any]]:
    return [
        *(write_file(one, with_usage=with_usage) for one in publication.attachments),
        *map(write_place, publication.places),
        *map(write_card, publication.cards),
    ]


def write_status(status: Status, sentence: str = "") -> dict[str, str]:
    """Return the body that sets a message's status; the sentence goes with a failure only.

    Raises:
        ValueError: HubSpot has no such status.
    """
    if status not in STATUS_WORDS:
        raise ValueError(f"HubSpot cannot be told the status {status.value}")
    body = {"statusType": STATUS_WORDS[status]}
    if status is Status.FAILED and sentence:
        body["errorMessage"] = sentence[:SENTENCE_LENGTH]
    return body


def write_person(person: Person) -> dict[str, Any]:
    """Return a participant of a message."""
    body: dict[str, Any] = {"deliveryIdentifier": write_identifier(person.identifier)}
    return body | ({"name": person.name} if person.name else {})


def write_identifier(identifier: Identifier) -> dict[str, str]:
    """Return a delivery identifier. Always the object: the bare string of HubSpot's guide is answered 400."""
    return {"type": IDENTIFIER_WORDS[identifier.type], "value": identifier.value}


def write_moment(moment: datetime) -> str:
    """Return a time as HubSpot writes it: UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
