"""What happens to a conversation at HubSpot: closed, assigned, archived, deleted, or forgotten for good.

Taken in accept's transaction like a service's notices: nothing has to be asked, and a paused portal must not keep a
person's wish to be forgotten waiting.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import logs, metrics
from app.domain.conversation import Fact
from app.domain.message import Unopened
from app.hubspot.events import ConversationEvent, Event, PassedOver
from app.relay import forget
from app.relay.deposit import Accepted, keep_odd
from app.storage import conversations, envelopes, erasure
from app.storage.conversations import State
from app.storage.database import Connection
from app.storage.envelopes import Item

log = logs.get_logger(__name__)


def store_conversation_events(connection: Connection, events: Iterable[Event], envelope: envelopes.Stored) -> Accepted:
    """Store what HubSpot told of conversations. They may come twice and in any order: the newest counts."""
    accepted = Accepted(envelope.id)
    odd: list[Item] = []
    told: list[ConversationEvent] = []
    for at, one in enumerate(events):
        if isinstance(one, Unopened):
            odd.append(Item(at, one.reason, one.raw))
        elif isinstance(one, PassedOver):
            metrics.CONVERSATION_EVENTS.labels(fact="none", outcome="passed_over").inc()
        else:
            told.append(one)
    # Sorted, because others store events of the same conversations at the same time.
    forgotten = {thread for one in sorted(told, key=_place) for thread in _take(connection, one)}
    if forgotten:
        found = erasure.conversations(connection, forgotten)
        accepted.ring += forget.erase(connection, found).ring
    keep_odd(connection, envelope, odd, accepted)
    return accepted


def _place(event: ConversationEvent) -> tuple[int, str, str, float]:
    return (event.portal_id, event.thread_id, event.fact.value, event.at.timestamp())


def _take(connection: Connection, event: ConversationEvent) -> list[str]:
    """Keep what an event says. Returns our threads whose content it asks to erase."""
    state = State(event.portal_id, event.thread_id, event.fact, event.value, event.at.timestamp())
    is_news = conversations.remember(connection, state)
    ours = conversations.threads_of(connection, event.portal_id, event.thread_id) if is_news else []
    outcome = ("taken" if ours else "stranger") if is_news else "known"
    metrics.CONVERSATION_EVENTS.labels(fact=event.fact.value, outcome=outcome).inc()
    for thread_id in ours:
        log.info("conversation_changed", thread=thread_id, fact=event.fact.value)
    return ours if event.fact is Fact.ERASED else []
