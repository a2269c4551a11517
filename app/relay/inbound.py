"""Steps 5 to 9 towards HubSpot: what a customer wrote is published into the thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.capability import UnknownOutcome
from app.domain.fit import card_in_words, missing_in_words, place_in_words
from app.domain.message import AttachmentKind, Content, Kind
from app.domain.part import PartContent, Sent
from app.domain.person import Identifier, Person
from app.errors import MediaNotReady, MessageInvalid
from app.hubspot.answers import Published
from app.hubspot.attachments import FileRef
from app.hubspot.client import PortalClient
from app.hubspot.outcomes import Gone
from app.hubspot.publication import Publication
from app.limiter import Horizon
from app.media.targets import HUBSPOT
from app.relay import choices, contacts, courtesies, echoes, notes, pace, speakers, tokens
from app.relay.attachments.waiting import settled
from app.relay.pace import Slot
from app.relay.road import Call, Park, Question
from app.relay.services import Services
from app.storage import contacts as contact_rows
from app.storage import ids, lanes, media, messages, ordering, threads
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Purpose
from app.storage.contacts import Acquaintance
from app.storage.database import Connection
from app.storage.lanes import Lane
from app.storage.messages import Head
from app.storage.threads import Thread


@dataclass(frozen=True)
class PublishedAs(Sent):
    """What HubSpot answered; a duplicate's answer may lack both.

    ``told``: the customer whose contact HubSpot was told; ``is_gone``: it does not have that contact any more.
    ``was_in``: HubSpot's id of the thread as we knew it before.
    """

    published: Published | None = None
    was_in: str | None = None
    told: Acquaintance | None = None
    is_gone: bool = False


class Inbound:
    """The road to HubSpot. One message is one publication, whatever its length: HubSpot takes long texts."""

    purpose = Purpose.PUBLISH
    side = Side.HUBSPOT
    counts = True

    def question(self, services: Services, head: Head, account: AccountRow) -> Question | Park | None:
        """Ask who the customer is in the CRM, where that can be known."""
        return contacts.question(services, head, account)

    def split(self, services: Services, head: Head, account: AccountRow) -> Sequence[PartContent] | Park | None:
        """Wait for the attachments, at most the media time-out; then put what could not be had into words.

        What was written on our side waits first until it is clear that a colleague wrote it.
        """
        if echo := head.follows is None and echoes.drop_from_service(services, head, account):
            return None if echo is True else echo
        attachments = settled(services, head)
        if isinstance(attachments, Park):
            return attachments
        content = _read(services, head, account)
        lines = [content.text, *(missing_in_words(one) for one in attachments if one.trouble)]
        text = "\n".join(line for line in lines if line.strip()) or "\n".join(_in_words(content))
        html = content.html if text == content.text else None
        return [PartContent(text=text, html=html, reply_to=content.reply_to)]

    def date(self, connection: Connection, head: Head) -> float | None:
        """Let the times of a thread rise; one that comes late keeps its own, and is shown where it belongs.

        What the service gives no time for has that of its arrival.
        """
        at = head.sent_at or lanes.clock(connection) - head.age
        return None if head.late else ordering.date(connection, head.lane_id, at)

    def slot(self, services: Services, lane: Lane, account: AccountRow) -> Slot:  # noqa: ARG002 - the portal's budget
        """Reserve a call in the portal's budget."""
        return pace.hubspot(services, lane, horizon=Horizon.MESSAGES)

    def call(self, services: Services, call: Call) -> Sent:
        """Publish."""
        head, account = call.head, call.account
        with services.database.read() as connection:
            thread = threads.get(connection, head.thread_id or "")
            quoted = _quoted(connection, call, thread)
            known = contacts.to_tell(connection, head, account, thread.hubspot_thread_id if thread else None)
            thread_id = _integration_thread_id(services, connection, head)
            prepared = media.of_message(connection, head.id) if head.content.attachments else []
        _check_all_there(prepared)
        sender, recipient = _parties(head, account, thread)
        files = tuple(FileRef(one.file_id, _usage(one)) for one in prepared if one.file_id)
        publication = Publication(
            channel_account_id=account.hubspot_id,
            thread_id=thread_id,
            idempotency_id=head.key(call.part),
            text=_with_missing(call.part.content.text, prepared),
            html=call.part.content.html,
            sender=sender,
            recipient=recipient,
            incoming=not head.own,
            sent_at=datetime.fromtimestamp(call.part.content.at or head.sent_at, UTC),
            attachments=files,
            places=head.content.places,
            cards=head.content.cards,
            in_reply_to=quoted,
            contact_id=known.contact_id if known else None,
        )
        plain = _plain(services, publication)
        try:
            client = tokens.client(services, account.portal_id)
            published, is_whole = _publish(client, account, publication, plain=plain)
        except (Gone, MessageInvalid) as error:
            _prepare_anew(services, prepared, error)
            raise
        if thread is not None:
            courtesies.mark_read(services, head, account, thread)
        # Only what was alone in question is to blame; else the next message tells.
        is_gone = not is_whole and replace(publication, contact_id=None) == plain
        was_in = thread.hubspot_thread_id if thread is not None else None
        told = known if is_whole or is_gone else None
        return PublishedAs((), published=published, was_in=was_in, told=told, is_gone=is_gone)

    def record(self, connection: Connection, call: Call, sent: Sent) -> list[int]:
        """Remember HubSpot's ids; its thread id may change, the newest counts."""
        if not isinstance(sent, PublishedAs) or sent.published is None:
            return []
        published = sent.published
        if sent.told is not None and sent.is_gone:
            contact_rows.forget(connection, sent.told)
        elif sent.told is not None:
            contact_rows.told(connection, sent.told, published.thread_id)
        if published.message_id:
            messages.published_as(connection, call.head.id, published.message_id)
        is_new = published.thread_id and published.thread_id != sent.was_in
        thread = threads.get(connection, call.head.thread_id or "") if is_new else None
        if thread is not None:
            threads.learn(connection, thread, ours=(), hubspot=published.thread_id)
        return []

    def policy(self, services: Services, account: AccountRow) -> tuple[bool, UnknownOutcome]:  # noqa: ARG002
        """HubSpot knows a repeated publication by its idempotency id."""
        return True, UnknownOutcome.RESEND

    def slow_down(self, services: Services, account: AccountRow, seconds: float) -> None:
        """Hold back the whole portal."""
        pace.penalise_hubspot(services, account.portal_id, seconds)


def _read(services: Services, head: Head, account: AccountRow) -> Content:
    """Return a message as the agent reads it: with what it is about, what it answers, and who says so."""
    content = choices.answered(services, head) if head.kind is Kind.MESSAGE else notes.worded(services, head)
    return speakers.named(services, head, account, content)


def _in_words(message: Content | Publication) -> list[str]:
    """Say what is no text and no file."""
    return [*map(place_in_words, message.places), *map(card_in_words, message.cards)]


def _publish(
    client: PortalClient, account: AccountRow, publication: Publication, *, plain: Publication
) -> tuple[Published, bool]:
    """Publish, and once more without what the message refers to, where HubSpot does not take it so.

    What somebody has deleted there, a contact or a quoted message, takes no customer's message with it. Returns whether
    it went whole.
    """
    try:
        return client.publish(account.channel_id, publication), True
    except (Gone, MessageInvalid):
        if plain == publication:
            raise
        return client.publish(account.channel_id, plain), False


def _check_all_there(prepared: Sequence[media.Prepared]) -> None:
    """Wait for files that are uploaded once more.

    Raises:
        MediaNotReady: one is under way.
    """
    if any(one.state == "pending" for one in prepared):
        raise MediaNotReady("A file of this message is stored in HubSpot once more.")


def _with_missing(text: str, prepared: Sequence[media.Prepared]) -> str:
    """Add what could not be fetched once more; what was missing from the beginning stands in the text already."""
    missing = [one.attachment.model_copy(update={"trouble": one.hint}) for one in prepared if one.is_lost]
    return "\n".join(filter(None, [text, *map(missing_in_words, missing)]))


def _prepare_anew(services: Services, prepared: Sequence[media.Prepared], error: Exception) -> None:
    """Upload files once more that were uploaded for other messages: somebody may have deleted them since.

    Raises:
        MediaNotReady: there are such files.
    """
    taken = [one for one in prepared if one.is_taken]
    if not taken:
        return
    with services.database.write() as connection:
        media.prepare_anew(connection, [one.id for one in taken], gone=[one.sameness for one in taken])
    for one in taken:
        services.doorbell.ring_media(one.id)
    raise MediaNotReady("A file of this message is stored in HubSpot once more.") from error


def _plain(services: Services, publication: Publication) -> Publication:
    """Return a publication that refers to nothing and has places and cards in words; our own thread id may stay."""
    thread_id = publication.thread_id if services.settings.channel_threading == "thread_id" else None
    bare = replace(publication, thread_id=thread_id, in_reply_to=None, contact_id=None, places=(), cards=())
    missing = [line for line in _in_words(publication) if line not in publication.text]
    return replace(bare, text="\n".join([publication.text, *missing]), html=None) if missing else bare


def _integration_thread_id(services: Services, connection: Connection, head: Head) -> str | None:
    """Return by what HubSpot finds the thread: our id; or, where identifiers make threads, the one that it made up."""
    if services.settings.channel_threading == "thread_id":
        return head.thread_id
    return threads.newest_alias(connection, head.thread_id or "")


def _usage(prepared: media.Prepared) -> AttachmentKind | None:
    """Return what HubSpot is told about a file; nothing where its player or viewer could not open it."""
    kind = prepared.attachment.kind
    return kind if HUBSPOT.shows(kind, prepared.mime) else None


def _parties(head: Head, account: AccountRow, thread: Thread | None) -> tuple[Person, Person]:
    """Return who wrote and to whom: for a colleague's message the account, with the colleague's name."""
    ours = Person(identifier=account.identifier, name=account.name)
    written_by = head.sender or Person(identifier=Identifier(value="unknown"))
    if not head.own:
        return written_by, ours
    customer = thread.person if thread is not None else None
    place = thread.conversation if thread is not None else "unknown"
    return ours.model_copy(update={"name": written_by.name or account.name}), customer or Person(
        identifier=Identifier(value=place)
    )


def _quoted(connection: Connection, call: Call, thread: Thread | None) -> str | None:
    """Return HubSpot's id of the quoted message, where we know it: guesses are not documented to be harmless."""
    reply_to = call.part.content.reply_to
    if reply_to is None or thread is None:
        return None
    return ids.hubspot_id_of(connection, call.account.id, thread.conversation, reply_to)


ROAD = Inbound()
