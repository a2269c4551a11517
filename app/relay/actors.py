"""The name that customers see of whoever answers, where the account shows it.

HubSpot's webhooks leave it out at times; then HubSpot is asked, once a day for each actor of a portal.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from app import logs
from app.domain.message import Content
from app.domain.rich_text.opening import begin_with
from app.errors import RelayError
from app.relay import pace, tokens
from app.relay.accounts import known as known_account
from app.relay.road import Park, Question
from app.relay.services import Services
from app.storage import accounts, actors
from app.storage.accounts import AccountRow
from app.storage.messages import Head

#: Agents, bots and HubSpot's own assistant have names that customers may see; systems and integrations have not.
_SPEAKERS: Final = ("A-", "B-", "L-")

#: Seconds that a name is kept, and that a missing one is after HubSpot did not tell it.
_KEPT: Final = 86_400.0
_REST: Final = 60.0
#: One look-up of an actor at a time; others wait for it, look again so often, and an answer waits at most so long.
_LEASE: Final = 45.0
_LOOK: Final = 0.3
_PATIENCE: Final = 5.0

log = logs.get_logger(__name__)


def show_names(services: Services, account_id: int, *, shown: bool) -> None:
    """Choose whether an account's customers see from now on who answers.

    Raises:
        ConfigurationError: there is no such account.
    """
    with services.database.write() as connection:
        known_account(connection, account_id)
        accounts.set_agent_names(connection, account_id, shown=shown)
    log.info("agent_names_changed", account=account_id, shown=shown)


def question(services: Services, head: Head, account: AccountRow) -> Question | Park | None:
    """Return the look-up of the name of whoever wrote a message, or how long somebody else's is waited for."""
    actor_id = _nameless(head, account)
    if not actor_id or head.age > _PATIENCE:
        return None
    with services.database.read() as connection:
        known = actors.get(connection, account.portal_id, actor_id)
    if known is not None and known.fresh_for > 0:
        return None
    if known is not None and known.asked_for > 0:
        return Park(_LOOK)
    return Question(partial(pace.portal_now, services, account.portal_id), partial(_ask, services, account, actor_id))


def signed(services: Services, head: Head, account: AccountRow) -> Content:
    """Return what a message says, with the name in front where customers shall see it and it is known."""
    name = _name(services, head, account) if account.agent_names else ""
    return _with_name(head.content, name) if name and head.content.text.strip() else head.content


def _name(services: Services, head: Head, account: AccountRow) -> str:
    if head.sender is None or not _speaks(head.sender.identifier.value):
        return ""
    if head.sender.name:
        return head.sender.name
    with services.database.read() as connection:
        known = actors.get(connection, account.portal_id, head.sender.identifier.value)
    return known.name if known else ""


def _with_name(content: Content, name: str) -> Content:
    lead = f"{name}: "
    return content.model_copy(update={"text": lead + content.text, "html": begin_with(lead, content.html)})


def _nameless(head: Head, account: AccountRow) -> str:
    """Return the actor whose name is missing; empty where none is, or nobody would see it."""
    if not account.agent_names or head.sender is None or head.sender.name or not head.content.text.strip():
        return ""
    return head.sender.identifier.value if _speaks(head.sender.identifier.value) else ""


def _speaks(actor_id: str) -> bool:
    return actor_id.startswith(_SPEAKERS)


def _ask(services: Services, account: AccountRow, actor_id: str) -> Park | None:
    with services.database.write() as connection:
        if not actors.claim(connection, account.portal_id, actor_id, lease=_LEASE):
            return Park(_LOOK)
    try:
        name = tokens.client(services, account.portal_id).actor(actor_id)
    except RelayError as error:
        log.warning("actor_not_looked_up", actor=actor_id, code=error.reason, hint=error.hint)
        with services.database.write() as connection:
            actors.rest(connection, account.portal_id, actor_id, seconds=_REST)
        return None
    with services.database.write() as connection:
        actors.store(connection, account.portal_id, actor_id, name, keep=_KEPT)
    return None
