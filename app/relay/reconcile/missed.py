"""Agents' messages that never came by webhook: found in HubSpot's threads, and sent as if they had just come.

What counts is what the webhook would have brought: an OUTGOING message on one of our accounts. Those of other apps on
our accounts are among them, those that we created ourselves are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app import logs, metrics
from app.domain.account import RunState
from app.domain.status import Status
from app.hubspot.conversations import OUTGOING, ThreadMessage, ThreadSummary
from app.relay import accept
from app.relay.reconcile.comparison import Comparison
from app.relay.reconcile.report import Reason
from app.storage import ledger
from app.storage.accounts import AccountRow
from app.storage.ledger import Entry

#: Verdicts that HubSpot shows only after it was told: whoever told them, nothing is sent after them.
_VERDICTS = frozenset({Status.FAILED, Status.READ})

log = logs.get_logger(__name__)


def fill(run: Comparison, thread: ThreadSummary, found: Sequence[ThreadMessage], known: Mapping[str, Entry]) -> None:
    """Send what is missing of a thread's messages, in order. ``known``: what we know of ``found``."""
    missing = [one for one in found if one.id not in known and _concerns_us(run, one)]
    history: list[ThreadMessage] | None = None
    for message in missing:
        account = run.account_of(message)
        if account is None:
            continue
        run.report.never_came += 1
        reason = _why_left(run, account, message)
        if reason is not None:
            run.leave(reason, account.id, message.id)
            continue
        history = _history(run, thread) if history is None else history
        _send(run, account, message, history)


def _concerns_us(run: Comparison, message: ThreadMessage) -> bool:
    """Tell whether a webhook should have brought a message. Without our app's id, no app's message counts."""
    app = message.client.integration_app_id
    ours = bool(app) and app in (run.services.settings.hubspot_app_id or app)
    return message.direction == OUTGOING and not ours and message.at >= run.since


def _why_left(run: Comparison, account: AccountRow, message: ThreadMessage) -> Reason | None:
    written = message.at.timestamp()
    if account.state is RunState.PURGED:
        return Reason.ACCOUNT_PURGED
    if written < run.connected_at.get(account.id, run.started):
        return Reason.BEFORE_ACCOUNT
    if message.status in _VERDICTS:
        return Reason.JUDGED
    if RunState.PAUSED in {account.state, account.service_state}:
        return Reason.ACCOUNT_PAUSED
    too_old = written < run.started - run.services.settings.reconcile_cutoff
    return Reason.TOO_OLD if too_old and not run.wish.older else None


def _history(run: Comparison, thread: ThreadSummary) -> list[ThreadMessage]:
    """Return the whole thread: whose conversation an answer belongs to may stand far back."""
    found = run.conversations.messages(thread.id, archived=thread.archived)
    return [one for one in found if one.is_message]


def _send(run: Comparison, account: AccountRow, message: ThreadMessage, history: Sequence[ThreadMessage]) -> None:
    threads = _threads_of(run, account, message, history)
    if len(threads) > 1:
        run.leave(Reason.THREAD_UNCLEAR, account.id, message.id)
        return
    run.fill(lambda: _deposit(run, account, message, threads))


def _threads_of(
    run: Comparison, account: AccountRow, message: ThreadMessage, history: Sequence[ThreadMessage]
) -> list[str]:
    """Return our threads that an answer may belong to: HubSpot does not tell here, and people merge threads.

    That of the latest message before it from or to the same customer, else every one that the thread holds. None:
    accept finds or opens it, by HubSpot's thread and the recipient.
    """
    mine = [one for one in history if one.channel_account_id == account.hubspot_id and one.id != message.id]
    with run.services.database.read() as connection:
        known = ledger.entries(connection, [account.id], [one.id for one in mine])
    ours = [(one, known[one.id].thread_id) for one in mine if one.id in known]
    near = [(one, thread) for one, thread in ours if one.customers & message.customers]
    before = [thread for one, thread in near if one.at <= message.at]
    if near:
        chosen = before[-1] if before else near[0][1]
        return [chosen] if chosen else []
    return sorted({thread for _, thread in ours if thread})


def _deposit(run: Comparison, account: AccountRow, message: ThreadMessage, threads: Sequence[str]) -> bool:
    raw = run.conversations.as_request(message, portal_id=run.report.portal, thread_ids=threads)
    accepted = accept.accept_missed(run.services, raw)
    if accepted is not None and accepted.messages:
        metrics.RECONCILED.labels(gap="never_came").inc()
        log.info("message_reconciled", gap="never_came", message=accepted.messages[0], account=account.id)
        return True
    with run.services.database.read() as connection:
        came = ledger.entries(connection, [account.id], [message.id])
    if came:
        run.report.never_came -= 1  # its webhook was faster than we
    else:
        run.leave(Reason.NOT_UNDERSTOOD, account.id, message.id)
    return False
