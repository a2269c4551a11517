"""The whole text of an agent's message that HubSpot's event carried cut. The beginning alone is never sent."""

from __future__ import annotations

from functools import partial

from app.domain.message import Content
from app.errors import ResponseUnexpected
from app.relay import pace, tokens
from app.relay.road import Question
from app.relay.services import Services
from app.storage import messages, threads
from app.storage.accounts import AccountRow
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
    with services.database.write() as connection:
        messages.complete(connection, head.id, content)


def _completed(content: Content, text: str, html: str) -> Content:
    """Return the whole; the lines that stand behind the text for attachments without bytes stay there."""
    lines = content.text[content.cut_at :]
    formatted = html if html and not lines else None
    return content.model_copy(update={"text": text + lines, "html": formatted, "cut_at": None})
