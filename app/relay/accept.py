"""Steps 1 to 3: verify a request, store it durably with its messages in their lanes, answer, ring.

One transaction, one lock order everywhere: envelope, threads, lanes ascending by id, messages. After the commit the
lanes are rung; a broker that is away changes nothing but the speed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from app import logs, metrics
from app.connectors.base import Connector, Handshakes
from app.domain.account import Account
from app.domain.message import Event, Unopened
from app.domain.webhook import Answer, RawRequest
from app.errors import RelayError
from app.hubspot import signature, wire
from app.relay import receipts
from app.relay.deposit import Accepted, store_hubspot_events, store_service_events
from app.relay.services import Services
from app.storage import accounts, envelopes
from app.storage.accounts import AccountRow

#: The source of HubSpot's envelopes; those of services have the connector's name.
HUBSPOT = "hubspot"

#: The column of dedupe keys holds so many characters; services choose their own ids.
_LONGEST_KEY = 128

log = logs.get_logger(__name__)


class UnknownAccountError(RelayError):
    """No account has this webhook address. Answered 404."""

    code = "unknown_account"


def accept_service(services: Services, connector_name: str, key: str, raw: RawRequest) -> Answer:
    """Accept a messaging service's request. When this returns, everything in it is durable.

    Raises:
        UnknownAccountError: there is no such account.
        SignatureInvalid: the service did not send this.
        DatabaseAway: nothing was stored; the service has to come again.
    """
    row = _account(services, connector_name, key)
    if row is None:
        raise UnknownAccountError(
            f"No {connector_name} account has this webhook address. `relay accounts list` shows the right ones."
        )
    account, connector = services.opened(row), services.connector(row)
    connector.verify(raw, account.credentials)
    handshake = connector.handshake(raw, account) if isinstance(connector, Handshakes) else None
    if handshake is not None:
        return handshake
    dedupe = _fitting(f"{row.id}:{connector.dedupe_key(raw, account) or _hash(raw.body)}")
    started = time.perf_counter()
    accepted = None
    with services.database.write() as connection:
        envelope = envelopes.store(connection, raw, source=connector_name, dedupe=dedupe, account_id=row.id)
        if envelope is not None:
            accepted = store_service_events(connection, row, _read(connector, raw, account), envelope)
    _after_commit(services, connector_name, accepted, started)
    return connector.answer(raw)


def accept_hubspot(services: Services, raw: RawRequest) -> None:
    """Accept a request of HubSpot's. Rightly signed ones are always kept, also for an account not yet known.

    Raises:
        SignatureInvalid: HubSpot did not send this, or too long ago.
        DatabaseAway: nothing was stored; HubSpot has to come again.
    """
    secret = services.settings.hubspot_client_secret.get_secret_value()
    signature.check(raw, secrets=[secret], now=time.time())
    started = time.perf_counter()
    dedupe = _fitting(f"{HUBSPOT}:{wire.dedupe_key(raw)}")
    accepted = None
    with services.database.write() as connection:
        envelope = envelopes.store(connection, raw, source=HUBSPOT, dedupe=dedupe, account_id=None)
        if envelope is not None:
            accepted = store_hubspot_events(
                connection, wire.read_events(raw), envelope, deadline=services.settings.deadline
            )
    _after_commit(services, HUBSPOT, accepted, started)


def open_again(services: Services, envelope_id: int) -> Accepted | None:
    """Open a stored envelope anew, after an upgrade or when its account has appeared. None: there is no such envelope.

    What was understood the first time is recognised by its identity and passed over.
    """
    with services.database.write() as connection:
        envelope = envelopes.get(connection, envelope_id)
        if envelope is None:
            return None
        envelopes.forget_unopened(connection, envelope_id)
        stored = envelopes.Stored(envelope.id, envelope.received_at)
        row = accounts.get(connection, envelope.account_id) if envelope.account_id is not None else None
        if row is None:
            accepted = store_hubspot_events(
                connection, wire.read_events(envelope.raw), stored, deadline=services.settings.deadline
            )
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


def _account(services: Services, connector_name: str, key: str) -> AccountRow | None:
    """Find the account of a webhook's address. No address of ours holds what PostgreSQL refuses to look up (NUL)."""
    if not (connector_name + key).isprintable():
        return None
    with services.database.read() as connection:
        return accounts.by_key(connection, connector_name, key)


def _read(connector: Connector, raw: RawRequest, account: Account) -> Sequence[Event]:
    """Let the connector read a request. One that it stumbles over is kept: refused, it would come again and again."""
    try:
        return connector.parse(raw, account)
    except Exception as error:
        log.exception("parse_raised", account=account.id)
        return [Unopened(reason=f"The connector failed with {type(error).__name__} while reading this request.")]


def _after_commit(services: Services, source: str, accepted: Accepted | None, started: float) -> None:
    if accepted is None:
        log.info("duplicate_delivery", source=source)
        return
    metrics.ACCEPT_SECONDS.observe(time.perf_counter() - started)
    ring(services, accepted)
    log.info(
        "accepted",
        source=source,
        envelope=accepted.envelope,
        messages=accepted.messages,
        unopened=accepted.unopened,
    )


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _fitting(key: str) -> str:
    """Return the key, or its hash where the column would not take it: too long, or with a NUL in it."""
    return key if len(key) <= _LONGEST_KEY and key.isprintable() else _hash(key.encode("utf-8"))
