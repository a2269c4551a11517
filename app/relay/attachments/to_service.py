"""What an agent attached: fetched from HubSpot, made into what the service takes, and kept until it has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from app.connectors.base import Connector
from app.domain.message import AttachmentKind
from app.errors import ContentUnsupported, HubSpotUnavailable, MessageInvalid
from app.hubspot.attachments import FILE_SCHEME, file_id
from app.hubspot.outcomes import Gone
from app.media import sniff
from app.media.sniff import Found
from app.media.targets import service_target
from app.relay import tokens
from app.relay.attachments.conversion import made_for, sameness, size_of, suffix_of
from app.relay.attachments.fetching import fetch, is_for_later, is_there, megabytes
from app.relay.attachments.serving import keep_for
from app.relay.attachments.to_hubspot import take_turn
from app.relay.services import Services
from app.storage import stored_media
from app.storage.accounts import AccountRow
from app.storage.media import InStore, Job
from app.storage.stored_media import Stored

#: Answers of an address after which a signed one is asked for: HubSpot's files may be private, and links end.
_CLOSED: Final = frozenset({401, 403, 404, 410})

#: What a file may be sent as, the best first. What a service cannot show it may still hand over.
_SENT_AS: Final = {
    AttachmentKind.IMAGE: (AttachmentKind.IMAGE, AttachmentKind.FILE),
    AttachmentKind.STICKER: (AttachmentKind.STICKER, AttachmentKind.IMAGE, AttachmentKind.FILE),
    AttachmentKind.VIDEO: (AttachmentKind.VIDEO, AttachmentKind.FILE),
    AttachmentKind.AUDIO: (AttachmentKind.AUDIO, AttachmentKind.FILE),
    AttachmentKind.VOICE: (AttachmentKind.VOICE, AttachmentKind.AUDIO, AttachmentKind.FILE),
    AttachmentKind.FILE: (AttachmentKind.FILE,),
}


@dataclass(frozen=True)
class _Made:
    """A file as the service takes it."""

    file: BinaryIO
    found: Found
    size: int


def bring(services: Services, job: Job, account: AccountRow, *, spool: BinaryIO) -> InStore:
    """Fetch an attachment and keep what it is made into, or take the same bytes that are kept already.

    Raises:
        RelayError: it cannot be had, or the service takes nothing like it.
    """
    _fetch(services, job, account, target=spool)
    given, connector = job.attachment, services.connector(account)
    found = sniff.identify(spool, name=given.name, said=given.mime, kind=given.kind)
    same = sameness(spool, found, connector.name, account.portal_id, _taken_by(connector))
    keep = keep_for(connector)
    with services.database.write() as connection:
        known = stored_media.find_same(connection, same, keep=keep)
    if known is not None:
        return _in_store(known, sniff.rename(found.name, known.suffix) if known.suffix else found.name)
    with ExitStack() as stack:
        made = _made(services, connector, spool, found, until=stack)
        stored = _store(services, made, sameness=same, keep=keep)
    return _in_store(stored, made.found.name)


def _in_store(stored: Stored, name: str) -> InStore:
    return InStore(stored.id, AttachmentKind(stored.kind), name, stored.mime, stored.size)


def _taken_by(connector: Connector) -> str:
    """Return what a service takes, as text: a release that knows it to take more makes other files for it."""
    taken = sorted(connector.capabilities.attachments.items())
    return ";".join(f"{kind}:{accepts.size}:{','.join(sorted(accepts.types))}" for kind, accepts in taken)


def _fetch(services: Services, job: Job, account: AccountRow, *, target: BinaryIO) -> None:
    """Fetch from the event's address, else from one that HubSpot signs. No token of the portal ever goes there."""
    source, file = job.attachment.source, file_id(job.attachment)
    if not source.startswith(FILE_SCHEME):
        status = fetch(services, source, target).status
        if is_there(status):
            return
        if not (status in _CLOSED and file):
            raise _refusal(status)
    if not file:
        raise MessageInvalid("HubSpot names neither an address nor a file: attach it again")
    take_turn(services, account.portal_id)
    try:
        signed = tokens.client(services, account.portal_id).signed_url(file)
    except Gone as error:
        raise MessageInvalid("HubSpot does not have it any more", code="file_gone", detail=error.detail) from error
    status = fetch(services, signed, target).status
    if not is_there(status):
        raise _refusal(status)


def _refusal(status: int) -> HubSpotUnavailable | MessageInvalid:
    if is_for_later(status):
        return HubSpotUnavailable(f"its address does not give it out now (status {status})")
    return MessageInvalid(f"its address does not give it out any more (status {status})", code="file_gone")


def _made(services: Services, connector: Connector, spool: BinaryIO, found: Found, *, until: ExitStack) -> _Made:
    """Return the file in the best way in which the service takes it.

    Raises:
        ContentUnsupported: it takes it in none, or it is too large for each.
    """
    why = f"{connector.title} takes no files of this kind"
    for made, most in _ways(services, connector, spool, found, until=until):
        if made.size <= most:
            return made
        why = f"it has {megabytes(made.size)}, and {connector.title} takes at most {megabytes(most)}"
    raise ContentUnsupported(why)


def _ways(
    services: Services, connector: Connector, spool: BinaryIO, found: Found, *, until: ExitStack
) -> Iterator[tuple[_Made, int]]:
    """Yield what the file can be sent as, each with the largest size (bytes) that the service takes."""
    for kind in _SENT_AS[found.kind]:
        accepts = connector.capabilities.attachments.get(kind)
        if accepts is None:
            continue
        target = service_target(kind, accepts)
        file, made = made_for(services, target, spool, replace(found, kind=kind), until=until)
        if not accepts.types or made.mime in accepts.types:
            yield _Made(file, made, size_of(file)), accepts.size


def _store(services: Services, made: _Made, *, sameness: str, keep: float) -> Stored:
    with services.database.write() as connection:
        stored_id = stored_media.begin(connection)
    services.store.write(stored_id, made.file)
    found = made.found
    stored = Stored(stored_id, found.kind.value, suffix_of(found.name), found.mime, made.size)
    with services.database.write() as connection:
        stored_media.complete(connection, stored, sameness=sameness, keep=keep)
    return stored
