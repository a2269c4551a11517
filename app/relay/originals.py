"""The whole text of an agent's message that HubSpot's event carried cut. The beginning alone is never sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from app.connectors import registry
from app.domain.fit import with_pictures
from app.domain.message import Attachment, Content
from app.domain.rich_text import html_reader
from app.errors import ResponseUnexpected
from app.relay import pace, tokens
from app.relay.road import Question
from app.relay.services import Services
from app.storage import media, messages, threads
from app.storage.accounts import AccountRow
from app.storage.database import Connection
from app.storage.messages import Head


def question(services: Services, head: Head, account: AccountRow) -> Question | None:
    """Return the question for the whole text, None where it is here. A refusal is judged like that of any call."""
    if head.content.cut_at is None:
        return None
    return Question(partial(pace.portal_now, services, account.portal_id), partial(_fetch, services, head, account))


def _fetch(services: Services, head: Head, account: AccountRow) -> None:
    with services.database.read() as connection:
        thread = threads.get(connection, head.thread_id or "")
    hubspot_thread_id = thread.hubspot_thread_id if thread is not None else None
    whole = tokens.client(services, account.portal_id).original_content(hubspot_thread_id or "", head.service_id)
    if not whole.text:
        raise ResponseUnexpected("HubSpot cut this message and does not give its whole text: send it again in pieces.")
    content = _completed(head.content, whole.text, whole.html)
    added = content.attachments[len(head.content.attachments) :]
    with services.database.write() as connection:
        messages.complete(connection, head.id, content)
        due = _prepare(connection, account, head, added)
    for media_id in due:
        services.doorbell.ring_media(media_id)


def _prepare(connection: Connection, account: AccountRow, head: Head, added: Sequence[Attachment]) -> list[int]:
    """Let pictures be fetched that stand in the rest of the text, where the service takes files."""
    if not registry.get(account.connector).capabilities.attachments:
        return []
    return media.add(connection, head.id, added, first=len(head.content.attachments))


def _completed(content: Content, text: str, html: str) -> Content:
    """Return the whole; the lines that stand behind the text for attachments without bytes stay there.

    Pictures that stand in it are attachments as well.
    """
    lines = content.text[content.cut_at :]
    formatted = html if html and not lines else None
    attachments = tuple(with_pictures(content.attachments, html_reader.read(html))) if html else content.attachments
    whole = {"text": text + lines, "html": formatted, "cut_at": None, "attachments": attachments}
    return content.model_copy(update=whole)
