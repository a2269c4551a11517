"""Steps 1 to 3: verify a request, store it durably with its messages in their lanes, answer, ring.

One transaction, one lock order everywhere: envelope, threads, lanes ascending by id, messages. After the commit the
lanes are rung; a broker that is away changes nothing but the speed. Where there is a journal, a database that is away
changes no more: the request is written down there, and stored from there by the same function.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import quote

from app import logs, metrics
from app.connectors.base import Connector, Handshakes
from app.domain.account import Account, Credentials
from app.domain.message import Event, Unopened
from app.domain.webhook import Answer, RawRequest
from app.errors import RelayError
from app.hubspot import wire
from app.hubspot.events import read_conversation_events
from app.relay import receipts, signatures
from app.relay.conversations import store_conversation_events
from app.relay.delivery import Delivery
from app.relay.deposit import Accepted, store_hubspot_events, store_service_events
from app.relay.services import Services, secret_values
from app.storage import accounts, envelopes
from app.storage.accounts import AccountRow
from app.storage.backdating import backdate
from app.storage.database import Connection
from app.storage.envelopes import Stored

#: The sources of HubSpot's envelopes, by the address they came to; those of services have the connector's name.
HUBSPOT = "hubspot"
HUBSPOT_EVENTS = "hubspot-events"
#: The source of those whose webhook never came.
MISSED = "reconcile"

#: Stores what is in a request, behind its envelope in the same transaction.
Deposit = Callable[[Connection, Stored], Accepted]

#: The column of dedupe keys holds so many characters; services choose their own ids.
_LONGEST_KEY = 128

#: A shorter secret is only hidden where it stands alone: it could be a part of any word.
_SHORTEST_SECRET = 8

log = logs.get_logger(__name__)


class UnknownAccountError(RelayError):
    """No account has this webhook address. Answered 404."""

    code = "unknown_account"


def accept_service(services: Services, connector_name: str, key: str, raw: RawRequest) -> Answer:
    """Accept a messaging service's request. When this returns, everything in it is durable.

    Raises:
        UnknownAccountError: there is no such account.
        SignatureInvalid: the service did not send this.
        DatabaseAway, NotTaken: nothing was stored; the service has to come again.
    """
    row = _account(services, connector_name, key)
    if row is None or row.is_wiped:
        raise UnknownAccountError(
            f"No {connector_name} account has this webhook address. `relay accounts list` shows the right ones."
        )
    account, connector = services.opened(row), services.connector(row)
    connector.verify(raw, account.credentials)
    handshake = connector.handshake(raw, account) if isinstance(connector, Handshakes) else None
    if handshake is not None:
        return handshake
    dedupe = _fitting(f"{row.id}:{connector.dedupe_key(raw, account) or _hash(raw.body)}")
    kept = _without_secrets(raw, account.credentials)
    delivery = Delivery.of(kept, source=connector_name, dedupe=dedupe, account_id=row.id)

    def deposit(connection: Connection, envelope: Stored) -> Accepted:
        return store_service_events(connection, row, _read(connector, raw, account), envelope)

    _take(services, delivery, deposit)
    return connector.answer(raw)


def accept_hubspot(services: Services, raw: RawRequest, *, events: bool = False) -> None:
    """Accept a request of HubSpot's. Rightly signed ones are always kept, also for an account not yet known.

    ``events``: it came to the address of the app's event subscriptions.

    Raises:
        SignatureInvalid: HubSpot did not send this, or too long ago.
        DatabaseAway, NotTaken: nothing was stored; HubSpot has to come again.
    """
    signatures.check(services, raw, events=events)
    delivery = _from_hubspot(raw, HUBSPOT_EVENTS if events else HUBSPOT)
    _take(services, delivery, partial(_deposit, services, delivery))


def accept_missed(services: Services, raw: RawRequest) -> Accepted | None:
    """Accept what HubSpot shows but never sent, in the form of its webhook. None: its webhook is here.

    It has the webhook's dedupe key, so whichever of both is later changes nothing.
    """
    delivery = _from_hubspot(raw, MISSED, address=HUBSPOT)
    return _store(services, delivery, partial(_deposit, services, delivery))


def _from_hubspot(raw: RawRequest, source: str, *, address: str = "") -> Delivery:
    """``address``: to which it came, or would have come, where its source does not say so."""
    dedupe = _fitting(f"{address or source}:{wire.dedupe_key(raw)}")
    return Delivery.of(raw, source=source, dedupe=dedupe, account_id=None)


def store(services: Services, delivery: Delivery) -> None:
    """Store a request that was verified before, with everything in it, and do what follows.

    It counts as accepted when it was taken. One that is here already changes nothing.

    Raises:
        DatabaseAway: nothing was stored, or nobody knows; another try recognises this one.
    """
    _store(services, delivery, partial(_deposit, services, delivery), age=delivery.age)


def keep_unopened(services: Services, delivery: Delivery, reason: str) -> None:
    """Store a verified request, but nothing of what is in it: that failed. `relay envelopes open` tries again.

    Raises:
        DatabaseAway: as ``store``.
    """
    with services.database.write() as connection:
        envelope = _envelope(connection, delivery, age=delivery.age)
        if envelope is not None and envelope.id is not None:
            envelopes.keep_unopened(connection, envelope.id, [envelopes.Item(0, reason, None)])


def open_again(services: Services, envelope_id: int) -> Accepted | None:
    """Open a stored envelope anew, after an upgrade or when its account has appeared. None: there is no such envelope.

    What was understood the first time is recognised by its identity and passed over.
    """
    with services.database.write() as connection:
        envelope = envelopes.get(connection, envelope_id)
        if envelope is None:
            return None
        envelopes.forget_unopened(connection, envelope_id)
        stored = Stored(envelope.id, envelope.received_at)
        row = accounts.get(connection, envelope.account_id) if envelope.account_id is not None else None
        if row is None:
            accepted = _store_hubspot(services, connection, envelope.source, envelope.raw, envelope=stored)
        else:
            events = _read(services.connector(row), envelope.raw, services.opened(row))
            accepted = store_service_events(connection, row, events, stored)
    ring(services, accepted)
    return accepted


def ring(services: Services, accepted: Accepted) -> None:
    """Do what follows the commit: ring for lanes and media, match receipts."""
    for lane_id in accepted.ring:
        services.doorbell.ring(lane_id)
    for media_id in accepted.media:
        services.doorbell.ring_media(media_id)
    for account_id, ids in accepted.receipts.items():
        receipts.match_quietly(services, account_id, ids)
    for name in accepted.named:
        open_waiting(services, name)


def open_waiting(services: Services, account_name: str) -> list[Accepted]:
    """Open the envelopes that came before their account, named by HubSpot's ids."""
    with services.database.read() as connection:
        waiting = envelopes.waiting_for(connection, account_name)
    opened = [open_again(services, envelope_id) for envelope_id in waiting]
    return [one for one in opened if one is not None]


def _account(services: Services, connector_name: str, key: str) -> AccountRow | None:
    """Find the account of a webhook's address. No address of ours holds what PostgreSQL refuses to look up (NUL)."""
    if not (connector_name + key).isprintable():
        return None

    def ask() -> AccountRow | None:
        with services.database.read() as connection:
            return accounts.by_key(connection, connector_name, key)

    return ask() if services.journal is None else services.journal.account(ask, connector_name, key)


def _take(services: Services, delivery: Delivery, deposit: Deposit) -> None:
    """Make a verified request durable."""
    started = time.perf_counter()

    def keep() -> None:
        _store(services, delivery, deposit)

    if services.journal is None:
        keep()
    else:
        services.journal.take(delivery, keep)
    metrics.ACCEPT_SECONDS.observe(time.perf_counter() - started)


def _store(services: Services, delivery: Delivery, deposit: Deposit, *, age: float = 0.0) -> Accepted | None:
    """Store a request that was taken ``age`` seconds ago, and do what follows the commit. None: it is here already."""
    accepted = None
    with services.database.write() as connection:
        envelope = _envelope(connection, delivery, age=age)
        if envelope is not None:
            accepted = deposit(connection, envelope)
    _after_commit(services, delivery.source, accepted)
    return accepted


def _envelope(connection: Connection, delivery: Delivery, *, age: float) -> Stored | None:
    """Store a request as it came, with the time when it came. None: it is here already."""
    stored = envelopes.store(
        connection, delivery.raw, source=delivery.source, dedupe=delivery.dedupe, account_id=delivery.account_id
    )
    return backdate(connection, stored, age=age) if stored is not None else None


def _deposit(services: Services, delivery: Delivery, connection: Connection, envelope: Stored) -> Accepted:
    """Store what is in a request.

    Raises:
        UnknownAccountError: its account is not in the database any more.
    """
    if delivery.account_id is None:
        return _store_hubspot(services, connection, delivery.source, delivery.raw, envelope=envelope)
    row = accounts.get(connection, delivery.account_id)
    if row is None:
        raise UnknownAccountError(f"Account {delivery.account_id} is not in the database any more.")
    read = _read(services.connector(row), delivery.raw, services.opened(row))
    return store_service_events(connection, row, read, envelope)


def _store_hubspot(
    services: Services, connection: Connection, source: str, raw: RawRequest, *, envelope: Stored
) -> Accepted:
    if source == HUBSPOT_EVENTS:
        return store_conversation_events(connection, read_conversation_events(raw), envelope)
    settings = services.settings
    events = wire.read_events(raw)
    return store_hubspot_events(
        connection, events, envelope, deadline=settings.deadline, app_id=settings.hubspot_app_id
    )


def _read(connector: Connector, raw: RawRequest, account: Account) -> Sequence[Event]:
    """Let the connector read a request. One that it stumbles over is kept: refused, it would come again and again."""
    try:
        return connector.parse(raw, account)
    except Exception as error:
        log.exception("parse_raised", account=account.id)
        return [Unopened(reason=f"The connector failed with {type(error).__name__} while reading this request.")]


def _after_commit(services: Services, source: str, accepted: Accepted | None) -> None:
    if accepted is None:
        log.info("duplicate_delivery", source=source)
        return
    ring(services, accepted)
    log.info(
        "accepted",
        source=source,
        envelope=accepted.envelope,
        messages=accepted.messages,
        unopened=accepted.unopened,
    )


def _without_secrets(raw: RawRequest, credentials: Credentials) -> RawRequest:
    """Return a verified request as it is stored: some services prove themselves with the secret itself."""
    secrets = secret_values(credentials)
    forms = sorted({form for one in secrets for form in (one, quote(one, safe=""))}, key=len, reverse=True)

    def hide(text: str) -> str:
        if text in forms:
            return logs.MASK
        for form in forms:
            text = text.replace(form, logs.MASK) if len(form) >= _SHORTEST_SECRET else text
        return text

    headers = {name: hide(value) for name, value in raw.headers.items()}
    return replace(raw, url=hide(raw.url), query=hide(raw.query), headers=headers)


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _fitting(key: str) -> str:
    """Return the key, or its hash where the column would not take it: too long, or with a NUL in it."""
    return key if len(key) <= _LONGEST_KEY and key.isprintable() else _hash(key.encode("utf-8"))
