"""``relay trace``: a message's whole way, by any id of either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from app.cli.messages import fields
from app.cli.options import limit_option
from app.cli.output import Failure, Moment, json_option, print_aligned, print_json, printable
from app.cli.session import open_database
from app.relay.spans import distance
from app.relay.trace import hops, where_now
from app.storage import lanes, search
from app.storage import trace as storage
from app.storage.database import Connection
from app.storage.search import EnvelopeRow, IdKind
from app.storage.trace import Facts


@dataclass(frozen=True)
class _Found:
    """The messages that an id belongs to, or the envelope that became none; ``also``: its other meanings."""

    stories: Sequence[Facts]
    envelope: EnvelopeRow | None
    also: Sequence[IdKind]
    now: float


@click.command()
@click.argument("wanted", metavar="ID")
@limit_option(20)
@json_option
def trace(wanted: str, *, limit: int, as_json: bool) -> None:
    """Follow a message by any id of either side: one line a hop, and where it is now.

    ID is our id of a message or an envelope, HubSpot's id of a message or a thread, our id of the thread, or the
    service's id of a message or a conversation. Where one id means several things, write which one: message:7 (ours),
    hubspot:7, service:7 (messages there), thread:7 (threads and conversations, anywhere) or envelope:7.
    """
    with open_database() as database, database.read() as connection:
        found = _look_up(connection, wanted, limit)
    if not found.stories and found.envelope is None:
        raise Failure(f"Nothing here has the id {wanted}.")
    if as_json:
        print_json({"messages": [_as_json(one) for one in found.stories], "envelope": _envelope_json(found)})
    else:
        _print(found, wanted)


def _look_up(connection: Connection, wanted: str, limit: int) -> _Found:
    """Look an id up as each kind that it may be; the first that finds something counts."""
    kind, text = _named(wanted)
    kinds = [kind] if kind is not None else list(IdKind)
    by_kind = {one: search.resolve(connection, one, text, limit=limit) for one in kinds}
    ids: list[int] = next((found for found in by_kind.values() if found), [])
    stories = [one for one in (storage.read(connection, id_) for id_ in ids) if one is not None]
    number = search.as_number(text) if kind in {None, IdKind.ENVELOPE} else None
    envelope = search.get_envelope(connection, number) if number is not None and not ids else None
    also = [one for one, others in by_kind.items() if set(others) - set(ids)]
    return _Found(stories, envelope, also, lanes.clock(connection))


def _named(wanted: str) -> tuple[IdKind | None, str]:
    kind, colon, text = wanted.partition(":")
    if colon and text and kind in set(IdKind):
        return IdKind(kind), text
    return None, wanted


def _as_json(facts: Facts) -> dict[str, object]:
    return {
        "message": fields(facts.message, facts.now),
        "lane": asdict(facts.lane),
        "hops": [{"at": Moment(hop.at, facts.now), "step": hop.step, "text": hop.text} for hop in hops(facts)],
        "now": where_now(facts),
    }


def _envelope_json(found: _Found) -> dict[str, object] | None:
    envelope = found.envelope
    if envelope is None:
        return None
    return {**asdict(envelope), "received_at": Moment(envelope.received_at, found.now)}


def _print(found: _Found, wanted: str) -> None:
    for number, facts in enumerate(found.stories):
        if number:
            click.echo()
        _print_story(facts)
    if found.envelope is not None:
        _print_envelope(found.envelope, found.now)
    text = _named(wanted)[1]
    for kind in found.also:
        click.echo(f"{printable(text)} is also another id: `relay trace {kind}:{printable(text)}`.", err=True)


def _print_story(facts: Facts) -> None:
    lines = [(Moment(hop.at, facts.now).iso, hop.step, printable(hop.text)) for hop in hops(facts)]
    print_aligned(lines)
    click.echo(printable(where_now(facts)))


def _print_envelope(envelope: EnvelopeRow, now: float) -> None:
    came = f"Envelope {envelope.id} came from {envelope.source} {distance(envelope.received_at - now)}"
    if envelope.unopened:
        click.echo(f"{came}; {envelope.unopened} of its items wait unopened: `relay envelopes open {envelope.id}`.")
    else:
        click.echo(f"{came} and holds no message: receipts and notices, or messages that were here already.")
