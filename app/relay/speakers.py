"""Who speaks in a conversation of several people, in front of the text, where the account shows it."""

from __future__ import annotations

from app.domain.message import Content
from app.domain.rich_text.opening import begin_with
from app.relay.services import Services
from app.storage import threads
from app.storage.accounts import AccountRow
from app.storage.messages import Head


def named(services: Services, head: Head, account: AccountRow, content: Content) -> Content:
    """Return what a customer says, with their name in front where others could have said it."""
    if not account.options.speakers or head.own or head.sender is None or content.is_placeholder:
        return content
    with services.database.read() as connection:
        thread = threads.get(connection, head.thread_id or "")
        several = thread is not None and threads.has_several(connection, thread.id)
    if thread is None or not (several or services.connector(account).is_group(thread.conversation)):
        return content
    lead = f"{head.sender.name or head.sender.identifier.value}: "
    return content.model_copy(update={"text": lead + content.text, "html": begin_with(lead, content.html)})
