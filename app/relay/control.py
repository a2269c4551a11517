"""The control lane: what happens to a channel account or to a conversation as a whole, one after the other.

An event of HubSpot's takes three steps, each a call of its own where there is something to ask: how the account
stands, where it is if it is gone, and what kind of inbox it is in. An invitation to a conversation is accepted here,
too, because what was said before is not pushed; and HubSpot is told whether the service takes the credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.connectors.base import Welcomes
from app.domain.account import RunState
from app.domain.capability import UnknownOutcome
from app.domain.message import Event
from app.domain.part import PartContent, Sent
from app.hubspot.answers import ChannelAccount, Inbox
from app.hubspot.outcomes import Gone
from app.hubspot.portal import PortalClient
from app.hubspot.wire import AccountEventKind
from app.limiter import Horizon
from app.relay import pace, staging, standing, tokens
from app.relay.accounts import open_waiting
from app.relay.authority import AUTHORISE
from app.relay.deposit import WELCOME, store_service_events
from app.relay.pace import Slot
from app.relay.road import Call, Park
from app.relay.services import Services
from app.storage import accounts, connections, lanes
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Purpose
from app.storage.database import Connection
from app.storage.envelopes import Stored
from app.storage.lanes import Lane
from app.storage.messages import Head


@dataclass(frozen=True)
class Looked(Sent):
    """What HubSpot says about the account now; None: it is gone there."""

    account: ChannelAccount | None = None


@dataclass(frozen=True)
class Found(Sent):
    """HubSpot has the account under another id."""

    account: ChannelAccount | None = None


@dataclass(frozen=True)
class Placed(Sent):
    """The inbox where the account is."""

    inbox: Inbox | None = None


@dataclass(frozen=True)
class Joined(Sent):
    """What was said in a conversation before we joined it."""

    events: tuple[Event, ...] = ()


class Control:
    """The road of account events and invitations."""

    purpose = Purpose.CONTROL
    side = Side.HUBSPOT
    counts = False  # it is never stopped, and an invitation is accepted at the other side

    def question(self, services: Services, head: Head, account: AccountRow) -> None:
        """Nothing is unknown."""

    def split(self, services: Services, head: Head, account: AccountRow) -> Sequence[PartContent] | Park:  # noqa: ARG002
        """Return the steps that an event takes."""
        single = _word(head) in {WELCOME, AUTHORISE}
        return [PartContent()] * (1 if single else len(_STEPS))

    def date(self, connection: Connection, head: Head) -> float | None:  # noqa: ARG002
        """Return nothing: nobody sees these."""
        return None

    def slot(self, services: Services, lane: Lane, account: AccountRow) -> Slot:  # noqa: ARG002 - the portal's budget
        """Reserve a call in the portal's budget."""
        return pace.hubspot(services, lane, horizon=Horizon.MESSAGES)

    def call(self, services: Services, call: Call) -> Sent:
        """Join the conversation, tell HubSpot about the credentials, or take the event's next step."""
        word = _word(call.head)
        if word == WELCOME:
            return _join(services, call)
        client = tokens.client(services, call.account.portal_id)
        if word == AUTHORISE:
            return _authorise(client, call.account)
        if call.part.position == _PLACE:
            open_waiting(services, call.account)
        return _STEPS[call.part.position](client, call)

    def record(self, connection: Connection, call: Call, sent: Sent) -> list[int]:
        """Store what was said before, or take over how the account stands at HubSpot."""
        account = accounts.get(connection, call.account.id) or call.account
        match sent:
            case Joined():
                envelope = Stored(None, lanes.clock(connection))
                return store_service_events(connection, account, sent.events, envelope).ring
            case Looked() if account.hubspot_id == call.account.hubspot_id:
                standing.take_over(connection, account, sent.account)
            case Found(account=found) if found is not None and standing.may_have_moved(account):
                standing.move(connection, account, found)
            case Placed(inbox=inbox) if inbox is not None and inbox.id == account.inbox_id:
                accounts.place(connection, account.id, inbox_id=inbox.id, inbox_type=inbox.type)
            case _:
                pass  # nothing was asked, or the account has changed since
        return []

    def policy(self, services: Services, account: AccountRow) -> tuple[bool, UnknownOutcome]:  # noqa: ARG002
        """Asking, telling and joining twice does no harm."""
        return True, UnknownOutcome.RESEND

    def slow_down(self, services: Services, account: AccountRow, seconds: float) -> None:
        """Hold back the whole portal."""
        pace.penalise_hubspot(services, account.portal_id, seconds)


def _word(head: Head) -> str:
    return str((head.content.model_extra or {}).get("event", ""))


def _join(services: Services, call: Call) -> Joined:
    connector = services.connector(call.account)
    conversation = str((call.head.content.model_extra or {}).get("conversation", ""))
    if not isinstance(connector, Welcomes) or not conversation:
        return Joined(())
    return Joined((), events=tuple(connector.join(conversation, services.opened(call.account), services.http)))


def _authorise(client: PortalClient, account: AccountRow) -> Sent:
    """Tell HubSpot whether the service takes the credentials. An account that is gone has no use for it."""
    if account.state is RunState.PURGED or connections.is_staged(account):
        return Sent(())
    try:
        told = client.authorise(account.channel_id, account.hubspot_id, authorized=account.authorized)
    except Gone:
        return Sent(())
    return Looked((), account=told)


def _look(client: PortalClient, call: Call) -> Sent:
    """Ask how the account stands under the id that we know, unless the event says that this is gone."""
    account = call.account
    if standing.may_have_moved(account):
        return Sent(())
    if _word(call.head) == AccountEventKind.PURGED and call.head.service_id == account.hubspot_id:
        return Looked(())
    try:
        return Looked((), account=client.account(account.channel_id, account.hubspot_id))
    except Gone:
        return Looked(())


def _search(client: PortalClient, call: Call) -> Sent:
    """Look for an account that is gone, or was never named, under another id."""
    account = call.account
    if not standing.may_have_moved(account):
        return Sent(())
    return Found((), account=staging.find_account(client, account.channel_id, account.identifier_at_hubspot))


def _place(client: PortalClient, call: Call) -> Sent:
    """Ask what kind of inbox the account is in, once for each."""
    account = call.account
    if not account.inbox_id or account.inbox_type:
        return Sent(())
    try:
        return Placed((), inbox=client.inbox(account.inbox_id))
    except Gone:
        return Sent(())


_STEPS: tuple[Callable[[PortalClient, Call], Sent], ...] = (_look, _search, _place)
_PLACE = _STEPS.index(_place)

ROAD = Control()
