"""Comparing with HubSpot after an outage, and filling the gaps on both sides. Nothing is sent or published twice.

Agents' messages that never came by webhook are accepted as if they had just come, under the key that their webhooks
would have; ours that HubSpot lost are published again with the same idempotency id; verdicts that it does not show are
told again. Safe to repeat, beside webhooks and on several machines: a portal is compared by one at a time, by a lease.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app import logs
from app.domain.account import RunState
from app.errors import ConfigurationError, RelayError
from app.hubspot.conversations import ThreadSummary
from app.hubspot.outcomes import Gone
from app.relay import tokens
from app.relay.reconcile import lost, missed, untold
from app.relay.reconcile.comparison import Comparison, Wish
from app.relay.reconcile.paced import Interrupted, Paced
from app.relay.reconcile.report import Reason, Report
from app.relay.services import Services
from app.storage import accounts, ledger, portals, reconciled
from app.storage.database import DatabaseAway
from app.storage.portals import Portal
from app.storage.reconciled import Mark, Outcome

#: HubSpot's clock, its listings and our database's clock are not one: so much (seconds) is compared twice.
_OVERLAP: Final = 600.0
#: A comparison that is silent for so long (seconds) is taken over: longer than a call and its wait for a slot.
_LEASE: Final = 240.0
#: The lease is renewed when so much of it (seconds) is gone.
_RENEW: Final = 20.0
#: What retention is about to forget looks as if it had never been here.
_MARGIN: Final = 3_600.0
#: By itself a portal is compared no more often than this (seconds).
LEAST_PAUSE: Final = 300.0
_DAY: Final = 86_400.0

#: What is left for a while, so that the next comparison has to begin as far back as this one.
_FOR_NOW: Final = frozenset({Reason.ACCOUNT_PAUSED, Reason.NOT_UNDERSTOOD})

log = logs.get_logger(__name__)


class _TakenOver(Exception):
    """Somebody else compares this portal now."""


def reconcile(
    services: Services, wish: Wish, *, portal_id: int | None = None, stop: threading.Event | None = None
) -> list[Report]:
    """Compare one portal or all, one after the other. What cannot be compared is told in its report.

    Raises:
        ConfigurationError: there is no such portal.
        Interrupted: ``stop`` was set; what was filled stays filled.
        DatabaseAway: likewise; the next run begins where this one did.
    """
    with services.database.read() as connection:
        found = [one for one in portals.every(connection) if portal_id in {None, one.id}]
    if portal_id is not None and not found:
        raise ConfigurationError(f"There is no portal {portal_id} here: `relay portals list` shows them.")
    return [_compare(services, one, wish, stop or threading.Event()) for one in found]


def run_due(services: Services, stop: threading.Event) -> list[Report]:
    """Compare the portals for which that was asked, for instance after an outage. For the scheduler, again and again.

    Raises:
        Interrupted, DatabaseAway: as ``reconcile``.
    """
    settings = services.settings
    if not settings.reconcile:
        return []
    with services.database.read() as connection:
        due = reconciled.due(connection, least_pause=LEAST_PAUSE, routine=settings.reconcile_every)
    reports = []
    for one in due:
        log.info("reconcile_started", portal=one.portal_id, reason=one.reason)
        reports += reconcile(services, Wish(), portal_id=one.portal_id, stop=stop)
    return reports


def _compare(services: Services, portal: Portal, wish: Wish, stop: threading.Event) -> Report:
    report = Report(portal.id)
    if portal.state is not RunState.RUNNING:
        report.trouble = f"The portal is paused. {portal.hint} `relay portals resume {portal.id}` lets it run.".strip()
        return report
    owner = f"{services.name}:{uuid.uuid4().hex[:8]}"
    mark = _mark(services, portal.id, owner=owner, wish=wish)
    if mark is None:
        report.trouble = "Somebody else compares this portal right now: try again in a few minutes."
        return report
    report.since = _since(services, mark, wish)
    with _given_back(services, mark, wish, owner=owner, report=report):
        _run(services, mark, wish, owner=owner, report=report, stop=stop)
    _tell(report)
    return report


def _mark(services: Services, portal_id: int, *, owner: str, wish: Wish) -> Mark | None:
    """Take the portal; a dry run only looks where it stands."""
    if wish.dry_run:
        with services.database.read() as connection:
            return reconciled.mark(connection, portal_id)
    with services.database.write() as connection:
        return reconciled.take(connection, portal_id, owner=owner, lease=_LEASE)


def _since(services: Services, mark: Mark, wish: Wish) -> float:
    """Say from when on is compared: never from before what retention has left us."""
    if wish.since is not None:
        since = wish.since
    else:
        since = mark.now - services.settings.reconcile_cutoff if mark.until is None else mark.until - _OVERLAP
        since = min(since, mark.wanted_since - _OVERLAP) if mark.wanted_since is not None else since
        since = min(since, mark.oldest_left - 1) if mark.oldest_left is not None and wish.older else since
    return max(since, mark.now - services.settings.retention_days * _DAY + _MARGIN)


@contextmanager
def _given_back(services: Services, mark: Mark, wish: Wish, *, owner: str, report: Report) -> Iterator[None]:
    """Give the portal back at the end, however it comes. Everything but a whole comparison leaves the mark alone."""
    whole = False
    try:
        yield
        whole = not report.trouble
    finally:
        if not wish.dry_run:
            outcome = _outcome(mark, wish, report, whole=whole)
            with services.database.write() as connection:
                reconciled.give_back(connection, report.portal, owner=owner, outcome=outcome)


def _outcome(mark: Mark, wish: Wish, report: Report, *, whole: bool) -> Outcome:
    """Say how far everything is compared now. A run that began behind the mark leaves a hole: the mark stays."""
    reaches_back = mark.until is None or report.since <= mark.until
    left_for_now = any(one.reason in _FOR_NOW for one in report.left)
    until = mark.now if whole and reaches_back and not left_for_now else None
    oldest = _oldest_left(mark, wish, report, whole=whole)
    return Outcome(until=until, answers=mark.now if whole else None, oldest_left=oldest)


def _oldest_left(mark: Mark, wish: Wish, report: Report, *, whole: bool) -> float | None:
    """Remember how far back ``--older`` has to look."""
    if whole and wish.older and (mark.oldest_left is None or report.since <= mark.oldest_left):
        return None
    if not any(one.reason is Reason.TOO_OLD for one in report.left):
        return mark.oldest_left
    return min(report.since, mark.oldest_left if mark.oldest_left is not None else report.since)


def _run(services: Services, mark: Mark, wish: Wish, *, owner: str, report: Report, stop: threading.Event) -> None:
    """Compare, and write down what stood in the way."""
    keep = _nothing if wish.dry_run else _keeping(services, report.portal, owner)
    paced = Paced(services, report.portal, stop=stop, before=keep)
    try:
        _step_through(_comparison(services, mark, wish, report=report, paced=paced))
    except (*DatabaseAway, Interrupted):
        raise
    except _TakenOver:
        report.trouble = "Somebody else took this comparison over, because it was silent for too long."
    except (RelayError, ConfigurationError) as error:
        report.trouble = str(error)


def _nothing() -> None:
    """A dry run holds no lease."""


def _keeping(services: Services, portal_id: int, owner: str) -> Callable[[], None]:
    renewed = [time.monotonic()]

    def keep() -> None:
        if time.monotonic() - renewed[0] < _RENEW:
            return
        with services.database.write() as connection:
            if not reconciled.renew(connection, portal_id, owner=owner, lease=_LEASE):
                raise _TakenOver
        renewed[0] = time.monotonic()

    return keep


def _comparison(services: Services, mark: Mark, wish: Wish, *, report: Report, paced: Paced) -> Comparison:
    with services.database.read() as connection:
        rows = {one.id: one for one in accounts.every(connection) if one.portal_id == report.portal}
        connected_at = ledger.connected_at(connection, report.portal)
    client = tokens.client(services, report.portal)
    return Comparison(
        services=services,
        wish=wish,
        report=report,
        accounts=rows,
        connected_at=connected_at,
        started=mark.now,
        client=client,
        paced=paced,
        conversations=client.conversations(paced),
    )


def _step_through(run: Comparison) -> None:
    """Read the threads, archived ones too, and compare each; then look after ours and after what nobody told."""
    if not run.living:
        return
    for archived in (False, True):
        for thread in run.conversations.threads(since=run.since, archived=archived):
            if _is_ours(run, thread):
                _compare_thread(run, thread, archived=archived)
    lost.fill(run)
    untold.tell_forgotten(run)


def _is_ours(run: Comparison, thread: ThreadSummary) -> bool:
    """Tell whether a thread may hold messages on our accounts.

    By the account that it began on. Agents may come to ours within a conversation from elsewhere; then our threads know
    it, unless theirs is the first word: where that is allowed, every thread is read.
    """
    if thread.original_channel_account_id in {one.hubspot_id for one in run.accounts.values()}:
        return True
    if run.services.settings.channel_conversation_start:
        return True
    with run.services.database.read() as connection:
        return ledger.knows_thread(connection, run.living, thread.id)


def _compare_thread(run: Comparison, thread: ThreadSummary, *, archived: bool) -> None:
    try:
        entries = run.conversations.messages(thread.id, since=run.since, archived=archived)
    except Gone:
        return  # it was deleted or merged since it was listed
    found = [one for one in entries if one.is_message and run.account_of(one) is not None]
    with run.services.database.read() as connection:
        known = ledger.entries(connection, list(run.accounts), [one.id for one in found])
    run.report.threads += 1
    run.report.messages += len(found)
    for one in found:
        run.seen.add(one)
    untold.tell_again(run, found, known)
    missed.fill(run, thread, found, known)


def _tell(report: Report) -> None:
    if report.trouble:
        log.warning("reconcile_failed", portal=report.portal, hint=report.trouble)
        return
    log.info(
        "reconciled",
        portal=report.portal,
        threads=report.threads,
        messages=report.messages,
        never_came=report.never_came,
        never_arrived=report.never_arrived,
        untold=report.untold,
        filled=report.filled,
        left={reason.value: count for reason, count in report.reasons.items()},
    )
