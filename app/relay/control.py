"""The control lane: what happens to a channel account or to a conversation as a whole, one after the other.

HubSpot's account events name no flags, so HubSpot is asked how the account stands. An invitation to a conversation is
accepted here too, because what was said before is not pushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import logs
from app.connectors.base import Welcomes
from app.domain.account import RunState
from app.domain.capability import UnknownOutcome
from app.domain.message import Event
from app.domain.part import PartContent, Sent
from app.hubspot.answers import ChannelAccount
from app.hubspot.outcomes import Gone
from app.hubspot.wire import AccountEventKind
from app.limiter import Horizon
from app.relay import pace, tokens
from app.relay.deposit import WELCOME, store_service_events
from app.relay.pace import Slot
from app.relay.road import Call, Park
from app.relay.services import Services
from app.storage import accounts, breakers, lanes, messages
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Purpose
from app.storage.breakers import Key, Scope
from app.storage.database import Connection
from app.storage.envelopes import Stored
from app.storage.lanes import Lane
from app.storage.messages import Head

_INACTIVE = "The account is switched off in HubSpot's inbox settings: an administrator has to switch it on there."
_UNAUTHORIZED = "HubSpot holds this account for not authorised: connect it again in HubSpot's inbox settings."
_PURGED = "The account was removed in HubSpot. Its history is kept; connect it anew to go on."

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Looked(Sent):
    """What HubSpot says about the account now; None: it is gone there."""

    account: ChannelAccount | None = None


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
        """Return the one step that an event takes."""
        return [PartContent()]

    def date(self, connection: Connection, head: Head) -> float | None:  # noqa: ARG002
        """Return nothing: nobody sees these."""
        return None

    def slot(self, services: Services, lane: Lane, account: AccountRow) -> Slot:  # noqa: ARG002 - the portal's budget
        """Reserve a call in the portal's budget."""
        return pace.hubspot(services, lane, horizon=Horizon.MESSAGES)

    def call(self, services: Services, call: Call) -> Sent:
        """Join the conversation, or ask HubSpot about the account unless the event says that it is gone."""
        event = _event(call.head)
        if event == WELCOME:
            return _join(services, call)
        if event == AccountEventKind.PURGED.value:
            return Looked(())
        account = call.account
        try:
            found = tokens.client(services, account.portal_id).account(account.channel_id, account.hubspot_id)
        except Gone:
            return Looked(())
        return Looked((), account=found)

    def record(self, connection: Connection, call: Call, sent: Sent) -> list[int]:
        """Store what was said before, or take over how the account stands at HubSpot."""
        if isinstance(sent, Joined):
            envelope = Stored(None, lanes.clock(connection))
            return store_service_events(connection, call.account, sent.events, envelope).ring
        _stand(connection, call.account, sent.account if isinstance(sent, Looked) else None)
        return []

    def policy(self, services: Services, account: AccountRow) -> tuple[bool, UnknownOutcome]:  # noqa: ARG002
        """Asking and joining twice does no harm."""
        return True, UnknownOutcome.RESEND

    def slow_down(self, services: Services, account: AccountRow, seconds: float) -> None:
        """Hold back the whole portal."""
        pace.penalise_hubspot(services, account.portal_id, seconds)


def _event(head: Head) -> str:
    return str((head.content.model_extra or {}).get("event", ""))


def _join(services: Services, call: Call) -> Joined:
    connector = services.connector(call.account)
    conversation = str((call.head.content.model_extra or {}).get("conversation", ""))
    if not isinstance(connector, Welcomes) or not conversation:
        return Joined(())
    return Joined((), events=tuple(connector.join(conversation, services.opened(call.account), services.http)))


def _stand(connection: Connection, account: AccountRow, found: ChannelAccount | None) -> None:
    """Let the account run as HubSpot says it stands."""
    if found is None:
        _purge(connection, account)
    elif not found.active or not found.authorized:
        hint = _INACTIVE if not found.active else _UNAUTHORIZED
        # No probe: HubSpot itself says how it stands, and tells when that changes.
        breakers.drop(connection, Key(Scope.HUBSPOT, account.id))
        accounts.pause_side(connection, account.id, Side.HUBSPOT, hint=hint)
    else:
        accounts.rename(connection, account.id, found.name or account.name)
        if accounts.resume_side(connection, account.id, Side.HUBSPOT):
            lanes.wake_account(connection, account.id)


def _purge(connection: Connection, account: AccountRow) -> None:
    """Stop the account and cancel what it has queued; history stays."""
    if accounts.set_state(connection, account.id, RunState.PURGED, hint=_PURGED):
        cancelled = messages.cancel_account(connection, account.id, hint=_PURGED)
        log.warning("account_purged", account=account.id, cancelled=cancelled, hint=_PURGED)


ROAD = Control()
