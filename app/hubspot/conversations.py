"""Reading the inbox: threads and their messages, whoever wrote them and on whatever channel.

Nothing here tells what was sent to us by webhook, so what is found is given the webhook's form (``as_request``) and
goes the webhook's road.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from app.domain.webhook import RawRequest
from app.hubspot.addresses import join
from app.hubspot.answers import Page, StoredMessage, read_page
from app.hubspot.calls import Read, pages, parse, parse_each, read_body
from app.hubspot.outcomes import Gone
from app.hubspot.payloads import (
    EPOCH,
    Client,
    Flag,
    Id,
    Moment,
    Object,
    Participant,
    Payload,
    Text,
    read_object,
    read_objects,
)
from app.hubspot.wire import MESSAGE_CREATED

#: The most threads that HubSpot lists at once.
LONGEST_PAGE: Final = 500
INCOMING: Final = "INCOMING"
OUTGOING: Final = "OUTGOING"

#: Beside messages a thread holds comments, assignments and notes about itself.
_MESSAGE = "MESSAGE"
_ARCHIVED: Final = {"archived": "true"}
_TICK = timedelta(milliseconds=1)


class ThreadSummary(Payload):
    """A thread as it is listed."""

    id: Id
    original_channel_account_id: Text = ""
    latest_message_timestamp: Moment = None
    archived: Flag = False


class ThreadMessage(StoredMessage):
    """An entry of a thread. ``raw`` is all of it, as HubSpot sent it."""

    type: Text = ""
    direction: Text = ""
    channel_id: Text = ""
    created_at: Moment = None
    client: Annotated[Client, BeforeValidator(read_object)] = Client()
    senders: Annotated[list[Participant], BeforeValidator(read_objects)] = Field(default_factory=list)
    recipients: Annotated[list[Participant], BeforeValidator(read_objects)] = Field(default_factory=list)
    raw: Object

    @property
    def is_message(self) -> bool:
        """Whether somebody said it, on some channel: not a comment, an assignment or a note."""
        return self.type == _MESSAGE

    @property
    def at(self) -> datetime:
        """When it was written; long ago where HubSpot does not say."""
        return self.created_at or EPOCH

    @property
    def customers(self) -> frozenset[str]:
        """The addresses of the other side: who wrote it to us, or whom it goes to."""
        side = self.senders if self.direction == INCOMING else self.recipients
        return frozenset(one.delivery_identifier.value for one in side if one.delivery_identifier)


class Conversations:
    """The reading side of one portal's inbox. Every method raises what ``outcomes`` says.

    Needs the scope ``conversations.read``: without it Unauthorized with the code ``missing_scopes``.
    """

    def __init__(self, base: str, read: Read) -> None:
        """Read below this address; ``read`` makes one call."""
        self._base = base
        self._read = read

    def threads(self, *, since: datetime, archived: bool = False) -> Iterator[ThreadSummary]:
        """Yield the threads in which something was said after ``since``, the longest quiet first, each once.

        A thread that is written to meanwhile moves to the end of the listing, and every other one up by a place: a
        cursor that counts places would skip one. So each page begins anew where the one before ended.
        """
        seen = set[str]()
        cursor = ""
        while True:
            page = self._thread_page(since, cursor, archived=archived)
            found = parse_each(ThreadSummary, page.results)
            fresh = [one for one in found if one.id not in seen]
            seen |= {one.id for one in fresh}
            yield from fresh
            if not page.after or (not fresh and cursor == page.after):
                return
            last = max((one.latest_message_timestamp or since for one in found), default=since) - _TICK
            cursor = "" if last > since else page.after
            since = max(last, since)

    def _thread_page(self, since: datetime, cursor: str, *, archived: bool) -> Page:
        params = {
            "sort": "latestMessageTimestamp",
            "latestMessageTimestampAfter": _iso(since),
            "limit": str(LONGEST_PAGE),
            **({"after": cursor} if cursor else {}),
            **(_ARCHIVED if archived else {}),
        }
        return read_page(read_body(self._read(join(self._base, "threads"), params)))

    def thread(self, thread_id: str) -> ThreadSummary | None:
        """Return a thread, archived or not; None where HubSpot does not have it any more."""
        for params in ({}, _ARCHIVED):
            try:
                return parse(ThreadSummary, self._read(join(self._base, "threads", thread_id), params))
            except Gone:
                continue
        return None

    def messages(self, thread_id: str, *, since: datetime | None = None, archived: bool = False) -> list[ThreadMessage]:
        """Return the entries of a thread, oldest first: at least all those after ``since``.

        ``archived``: those of an archived thread, and single ones that were deleted.

        Raises:
            Gone: there is no such thread.
        """
        params = {"sort": "-createdAt", **(_ARCHIVED if archived else {})}
        url = join(self._base, "threads", thread_id, "messages")
        found = {one.id: one for one in self._newest_first(url, params, since)}
        return sorted(found.values(), key=lambda one: (one.at, one.id))

    def _newest_first(self, url: str, params: Mapping[str, str], since: datetime | None) -> Iterator[ThreadMessage]:
        """Read until ``since`` is reached. Where HubSpot ignores the order that was asked for, everything is read."""
        before: datetime | None = None
        for item in pages(self._read, url, params):
            for one in parse_each(ThreadMessage, [{**item, "raw": item}]):
                yield one
                if one.created_at is None:
                    continue
                falling = before is not None and one.at < before
                before = one.at
                if since is not None and falling and one.at < since:
                    return

    def as_request(self, message: ThreadMessage, *, portal_id: int, thread_ids: Sequence[str]) -> RawRequest:
        """Give an agent's message the form in which its webhook would have brought it.

        ``thread_ids``: our ids of its thread, which HubSpot does not tell here; empty where they are not known.
        """
        body = {
            "type": MESSAGE_CREATED,
            "portalId": portal_id,
            "channelId": message.channel_id,
            "eventTimestamp": message.raw.get("createdAt"),
            "channelIntegrationThreadIds": list(thread_ids),
            "message": message.raw,
        }
        url = join(self._base, "threads", message.thread_id, "messages", message.id)
        return RawRequest("GET", url, body=json.dumps(body).encode())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
