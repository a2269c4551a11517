"""Checks of the work: whether somebody does it, what fails for everybody, and what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator

from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.relay.spans import span
from app.storage import breakers as rows
from app.storage import dead_letters, envelopes, search
from app.storage.breakers import Scope

#: A lane that is due waits at most about a second for a worker; a minute (seconds) means that none works.
_NEGLECTED = 60.0


def breakers(services: Services) -> Iterator[Finding]:
    """Say which sides fail for everybody, so that only a probe tries now and then."""
    with services.database.read() as connection:
        failing = [one for one in rows.every(connection) if one.is_open and not one.refused]
    for one in failing:
        side = "HubSpot" if one.key.scope is Scope.HUBSPOT else "its service"
        sentence = f"Calls of account {one.key.id} to {side} fail: {one.hint}"
        fix = f"It goes on by itself when a probe gets through; `relay accounts resume {one.key.id}` tries all at once."
        yield Finding("breakers", Level.WARN, sentence, fix)


def workers(services: Services) -> Iterator[Finding]:
    """Look for lanes that nobody takes."""
    with services.database.read() as connection:
        waiting = search.neglected(connection, longer_than=_NEGLECTED)
    if waiting is None:
        yield Finding("workers", Level.OK, "No lane waits for a worker.")
        return
    sentence = f"{waiting.count} lanes wait for a worker, the oldest for {span(waiting.due_for)}"
    if waiting.is_rung:
        yield Finding("workers", Level.FAIL, f"{sentence}; they are rung, but nobody comes.", "Start `relay worker`.")
    else:
        fix = "Start `relay scheduler`, and see that `relay worker` runs."
        yield Finding("workers", Level.FAIL, f"{sentence}; nobody rings for them.", fix)


def people(services: Services) -> Iterator[Finding]:
    """Count what waits for a person."""
    with services.database.read() as connection:
        unopened = envelopes.count_unopened(connection)
        dead = len(dead_letters.waiting(connection, limit=1_000))
    if unopened:
        fix = "`relay envelopes list` says why; `relay envelopes open --all` tries again."
        yield Finding("envelopes", Level.WARN, f"{unopened} items that came in were not understood.", fix)
    if dead:
        fix = "`relay dead-letters list` says why; `relay dead-letters replay` sends them again."
        yield Finding("dead_letters", Level.WARN, f"{dead} messages need a person.", fix)
