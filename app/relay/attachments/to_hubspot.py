"""What a customer attached: fetched from the service, made visible, and stored in HubSpot's file manager."""

from __future__ import annotations

from contextlib import ExitStack
from typing import BinaryIO

from app.connectors.base import FetchesMedia, MediaRequest
from app.errors import MessageInvalid, RateLimited, ServiceUnavailable
from app.limiter import Horizon
from app.media import sniff
from app.media.sniff import Found
from app.media.targets import HUBSPOT
from app.relay import pace, tokens
from app.relay.attachments.conversion import made_for, sameness, size_of
from app.relay.attachments.fetching import TIMEOUT, fetch, is_for_later, is_there
from app.relay.services import Services
from app.storage import media
from app.storage.accounts import AccountRow
from app.storage.media import InHubSpot, Job

#: A call to HubSpot waits so long (seconds) for its place among the portal's calls.
PATIENCE = 10.0
#: Folder of HubSpot's file manager that attachments are stored in.
_FOLDER = "/relay-attachments"
#: A file that was uploaded within this time (seconds) is taken for another attachment with the same content.
_SAME_FOR = 7 * 86_400.0


def bring(services: Services, job: Job, account: AccountRow, *, spool: BinaryIO) -> InHubSpot:
    """Fetch an attachment and upload it, or take the same file that HubSpot has already.

    Raises:
        RelayError: it cannot be had, now or ever.
    """
    _fetch(services, job, account, target=spool)
    given = job.attachment
    found = sniff.identify(spool, name=given.name, said=given.mime, kind=given.kind)
    same = sameness(spool, found, "hubspot", account.portal_id)
    if not job.reused:
        with services.database.read() as connection:
            known = media.find_same(connection, account.portal_id, same, within=_SAME_FOR)
        if known is not None:
            return known
    with ExitStack() as stack:
        file, found = made_for(services, HUBSPOT, spool, found, until=stack)
        size = size_of(file)
        file_id = _upload(services, account, file, found)
    return InHubSpot(file_id, found.name, found.mime, size, same)


def _upload(services: Services, account: AccountRow, file: BinaryIO, found: Found) -> str:
    take_turn(services, account.portal_id)
    client = tokens.client(services, account.portal_id)
    try:
        return client.upload(file, name=found.name, mime=found.mime, folder=_FOLDER, timeout=TIMEOUT)
    except MessageInvalid as error:
        hint = "HubSpot does not take it, maybe because of its size or type"
        raise MessageInvalid(hint, code=error.reason, detail=error.detail) from error


def _fetch(services: Services, job: Job, account: AccountRow, *, target: BinaryIO) -> None:
    connector, opened = services.connector(account), services.opened(account)
    request = MediaRequest(job.attachment.source)
    if isinstance(connector, FetchesMedia):
        request = connector.media_request(job.attachment, opened, services.http)
    # An address in a message may be anybody's, and so may the service's, where it was entered in the connect window.
    is_named = opened.api_url != "" and request.url.startswith(opened.api_url + "/")
    status = fetch(services, request.url, target, headers=request.headers, is_named=is_named).status
    if is_for_later(status):
        raise ServiceUnavailable(f"the service does not give it out now (status {status})")
    if not is_there(status):
        raise MessageInvalid(f"the service does not give it out any more (status {status})")


def take_turn(services: Services, portal_id: int) -> None:
    """Wait for a place in the portal's budget, with the file at hand.

    Raises:
        RateLimited: there is none so soon; the file is fetched again later, which costs it no try.
    """
    if not pace.wait_for_portal(services, portal_id, horizon=Horizon.MESSAGES, patience=PATIENCE):
        hint = "Messages take all calls that HubSpot allows this portal."
        raise RateLimited(hint, retry_after=PATIENCE, code="no_room")
