"""What a comparison with HubSpot found, filled and left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why something that is missing on one side was left."""

    TOO_OLD = "too_old"
    BEFORE_ACCOUNT = "before_account"
    JUDGED = "judged"
    ACCOUNT_PAUSED = "account_paused"
    ACCOUNT_PURGED = "account_purged"
    NOT_UNDERSTOOD = "not_understood"
    THREAD_UNCLEAR = "thread_unclear"
    DELETED = "deleted"
    DEAD_LETTER = "dead_letter"


#: What each means, and what can be done.
SENTENCES: Final = {
    Reason.TOO_OLD: "older than RELAY_RECONCILE_CUTOFF: `relay reconcile --older` sends it all the same",
    Reason.BEFORE_ACCOUNT: "written before the account was connected here: nothing to do",
    Reason.JUDGED: "HubSpot shows it as failed or read: what was told is not taken back",
    Reason.ACCOUNT_PAUSED: "its account is paused: resume it, and reconcile again",
    Reason.ACCOUNT_PURGED: "its account was removed in HubSpot: nothing to do",
    Reason.NOT_UNDERSTOOD: "its webhook came and was not understood: `relay envelopes list` says why",
    Reason.THREAD_UNCLEAR: "HubSpot merged several conversations, and nothing tells whose it is: answer again by hand",
    Reason.DELETED: "it, or its conversation, was deleted in HubSpot: nothing to do",
    Reason.DEAD_LETTER: "a customer's message that needs a person: `relay dead-letters list`",
}


@dataclass(frozen=True)
class Left:
    """Something that was left. ``message``: HubSpot's id of an agent's message, ours of a customer's."""

    reason: Reason
    account: int
    message: str


@dataclass
class Report:
    """What the comparison of one portal found.

    ``since``: what was said after this time was compared. ``messages``: those on our accounts that HubSpot showed, and
    those that we had published. ``never_came``: agents' messages without a webhook; ``never_arrived``: ours that
    HubSpot lost; ``untold``: verdicts that it does not show. ``filled``: how many of these are on their way now.
    ``trouble``: why not all could be compared; empty when all was.
    """

    portal: int
    since: float = 0.0
    threads: int = 0
    messages: int = 0
    never_came: int = 0
    never_arrived: int = 0
    untold: int = 0
    filled: int = 0
    left: list[Left] = field(default_factory=list)
    trouble: str = ""

    @property
    def reasons(self) -> Counter[Reason]:
        """How many were left for each reason."""
        return Counter(one.reason for one in self.left)
