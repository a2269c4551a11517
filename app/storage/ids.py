"""Which message has which id on the other side: for receipts, quotes and echoes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, exists, literal, select

from app.domain.message import Direction, Kind
from app.storage.dialects import insert_or_ignore
from app.storage.messages import Head
from app.storage.parts import PartRow
from app.storage.tables import album_items, messages, parts, sent_ids, threads


def service_id_of(connection: Connection, account_id: int, conversation: str, hubspot_id: str) -> str | None:
    """Return the service's id of a message that HubSpot knows by this id: what a reply quotes.

    Of a message in several parts the first. Only where it is of this conversation: after a merge an agent may quote
    one of the other, and services count their ids in each conversation anew.
    """
    mine = (messages.c.account_id == account_id, messages.c.hubspot_id == hubspot_id)
    inbound = (
        select(messages.c.service_id, literal(0).label("position"))
        .join(threads, threads.c.id == messages.c.thread_id)
        .where(*mine, messages.c.direction == Direction.INBOUND.value, threads.c.conversation == conversation)
    )
    outbound = (
        select(sent_ids.c.service_id, parts.c.position)
        .join(messages, messages.c.id == sent_ids.c.message_id)
        .join(parts, parts.c.id == sent_ids.c.part_id)
        .where(*mine, messages.c.direction == Direction.OUTBOUND.value, sent_ids.c.conversation == conversation)
    )
    found = connection.execute(inbound.union_all(outbound).order_by("position", "service_id").limit(1)).first()
    return found.service_id if found else None


def hubspot_id_of(connection: Connection, account_id: int, conversation: str, service_id: str) -> str | None:
    """Return HubSpot's id of a message that the service knows by this id, ours or theirs."""
    inbound = (
        select(messages.c.hubspot_id)
        .join(threads, threads.c.id == messages.c.thread_id)
        .where(
            messages.c.account_id == account_id,
            threads.c.conversation == conversation,
            messages.c.service_id == service_id,
            messages.c.direction == Direction.INBOUND.value,
            messages.c.kind == Kind.MESSAGE.value,
        )
    )
    in_album = (
        select(messages.c.hubspot_id)
        .join(album_items, album_items.c.message_id == messages.c.id)
        .join(threads, threads.c.id == messages.c.thread_id)
        .where(
            messages.c.account_id == account_id,
            threads.c.conversation == conversation,
            album_items.c.service_id == service_id,
        )
    )
    outbound = (
        select(messages.c.hubspot_id)
        .join(sent_ids, sent_ids.c.message_id == messages.c.id)
        .where(
            sent_ids.c.account_id == account_id,
            sent_ids.c.service_id == service_id,
            sent_ids.c.conversation == conversation,
        )
    )
    return connection.execute(inbound.union_all(in_album, outbound).limit(1)).scalar_one_or_none()


def remember(connection: Connection, head: Head, part: PartRow, *, conversation: str, ids: Sequence[str]) -> None:
    """Remember the ids that a service gave to a part, for receipts, echoes and quotes."""
    for service_id in ids:
        row = {"account_id": head.account_id, "service_id": service_id, "conversation": conversation}
        row |= {"message_id": head.id, "part_id": part.id}
        connection.execute(_remembering(connection.dialect.name), row)


@cache
def _remembering(dialect: str) -> Any:
    return insert_or_ignore(dialect, sent_ids)


def is_ours(connection: Connection, account_id: int, conversation: str, service_id: str) -> bool:
    """Tell whether the service's message is one that we sent."""
    where = (
        sent_ids.c.account_id == account_id,
        sent_ids.c.conversation == conversation,
        sent_ids.c.service_id == service_id,
    )
    return bool(connection.execute(select(exists().where(*where))).scalar_one())


def of_message(connection: Connection, message_id: int) -> list[str]:
    """Return the ids that a service gave to a message's parts."""
    query = select(sent_ids.c.service_id).where(sent_ids.c.message_id == message_id)
    return sorted(connection.execute(query).scalars())
