"""One portal's comparison on its way: what all its steps share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.account import RunState
from app.hubspot.client import PortalClient
from app.hubspot.conversations import INCOMING, Conversations, ThreadMessage
from app.hubspot.payloads import milliseconds
from app.relay.reconcile.paced import Paced
from app.relay.reconcile.report import Left, Reason, Report
from app.relay.services import Services
from app.storage.accounts import AccountRow
from app.storage.ledger import Published


@dataclass(frozen=True)
class Wish:
    """What somebody wants compared.

    ``since``: seconds since 1970; None: since the last time. ``older``: send agents' messages above the cut-off, too.
    ``dry_run``: change nothing.
    """

    since: float | None = None
    older: bool = False
    dry_run: bool = False


@dataclass
class Seen:
    """The messages that HubSpot has shown: their ids, and what those that came from us say and when."""

    ids: set[str] = field(default_factory=set)
    _by_content: dict[int, str] = field(default_factory=dict)

    def add(self, message: ThreadMessage) -> None:
        """Remember a message."""
        self.ids.add(message.id)
        if message.direction == INCOMING:
            self._by_content[_content(message.channel_account_id, message.at, message.text)] = message.id

    def find(self, account: AccountRow, published: Published) -> str | None:
        """Return HubSpot's id of a message that was published, by what it says and when."""
        if published.content.at is None:
            return None
        at = datetime.fromtimestamp(published.content.at, UTC)
        return self._by_content.get(_content(account.hubspot_id, at, published.content.text))


def _content(account_id: str, at: datetime, text: str) -> int:
    return hash((account_id, milliseconds(at), text.strip()))


@dataclass(frozen=True)
class Comparison:
    """One portal's comparison. ``started``: the database's time. ``accounts``: by our ids; purged ones too."""

    services: Services
    wish: Wish
    report: Report
    accounts: Mapping[int, AccountRow]
    connected_at: Mapping[int, float]
    started: float
    client: PortalClient
    paced: Paced
    conversations: Conversations
    seen: Seen = field(default_factory=Seen)

    @property
    def since(self) -> datetime:
        """What was said after this time is compared."""
        return datetime.fromtimestamp(self.report.since, UTC)

    @property
    def living(self) -> list[int]:
        """The accounts that were not removed."""
        return [one.id for one in self.accounts.values() if one.state is not RunState.PURGED]

    def account_of(self, message: ThreadMessage) -> AccountRow | None:
        """Return our account that a message stands on; None where it is somebody else's."""
        ids = (message.channel_id, message.channel_account_id)
        return next((one for one in self.accounts.values() if (one.channel_id, one.hubspot_id) == ids), None)

    def leave(self, reason: Reason, account_id: int, message: str) -> None:
        """Write down that something was left, and why."""
        self.report.left.append(Left(reason, account_id, message))

    def fill(self, work: Callable[[], bool]) -> None:
        """Fill a gap, unless nothing shall be changed, and count it where there was one."""
        if not self.wish.dry_run and work():
            self.report.filled += 1
