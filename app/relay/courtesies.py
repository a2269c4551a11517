"""Courtesies towards customers: that somebody writes, and that their message was read. Where an account shows them.

They are made beside the messages, by a thread of their own and from what the service's budget has left at once: none
fails or delays a message, and one that cannot be made is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from app import logs
from app.connectors.base import MarksRead, ShowsTyping
from app.domain.message import Kind
from app.errors import RelayError
from app.relay import pace
from app.relay.services import Services
from app.storage.accounts import AccountRow
from app.storage.messages import Head
from app.storage.threads import Thread

log = logs.get_logger(__name__)


def mark_read(services: Services, head: Head, account: AccountRow, thread: Thread) -> None:
    """Tell the customer that their message was read, now that HubSpot has it."""
    connector = services.connector(account)
    if not account.options.read_marks or head.own or head.kind is not Kind.MESSAGE:
        return
    if isinstance(connector, MarksRead):
        mark = partial(connector.mark_read, thread.conversation, message=head.service_id)
        _offer(services, account, "mark_read", lambda: mark(services.opened(account), services.http))


def show_typing(services: Services, account: AccountRow, thread: Thread) -> None:
    """Tell the customer that somebody writes, while an answer is on its way."""
    connector = services.connector(account)
    if account.options.typing and isinstance(connector, ShowsTyping):
        show = partial(connector.show_typing, thread.conversation)
        _offer(services, account, "show_typing", lambda: show(services.opened(account), services.http))


def _offer(services: Services, account: AccountRow, name: str, make: Callable[[], None]) -> None:
    services.errands.offer(partial(_make, services, account, name, make))


def _make(services: Services, account: AccountRow, name: str, make: Callable[[], None]) -> None:
    wait = pace.spare(services, account)
    if wait is None:
        log.info("courtesy_left_out", account=account.id, courtesy=name)
        return
    time.sleep(wait)
    try:
        make()
    except RelayError as error:
        log.warning("courtesy_failed", account=account.id, courtesy=name, code=error.reason, hint=error.hint)
