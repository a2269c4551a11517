"""Checks of the whole set-up, each with a sentence and, where something is wrong, its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

from app.domain.account import RunState
from app.errors import ConfigurationError, RelayError
from app.relay import tokens
from app.relay.channel_health import channel
from app.relay.contact_health import contacts
from app.relay.findings import Finding, Level
from app.relay.journal import FOLDER
from app.relay.neighbours import broker, clock, hubspot, limiter
from app.relay.services import Services, build
from app.relay.spans import span
from app.settings import Settings, check_production
from app.storage import accounts, breakers, dead_letters, durability, envelopes, portals, schema, search
from app.storage.accounts import AccountRow
from app.storage.breakers import Scope
from app.storage.database import DatabaseAway
from app.storage.portals import Portal
from app.storage.spool_survey import survey

#: A lane that is due waits at most about a second for a worker; a minute (seconds) means that none works.
_NEGLECTED = 60.0


_NO_BROKER = Finding(
    "broker",
    Level.WARN,
    "No broker is configured.",
    "Use `relay up`, which brings one along, or set RELAY_BROKER_URL for the roles one by one.",
)

Check = Callable[[Services], Iterator[Finding]]


def examine(settings: Settings) -> list[Finding]:
    """Run every check. What cannot be asked, because something before it is broken, is left out.

    Needs no broker: where none is configured, ``relay up`` brings one along.
    """
    found = [*_settings(settings), _public_url(settings), *_journal(settings)]
    if not settings.broker_url:
        found.append(_NO_BROKER)
    try:
        services = build(settings.model_copy(update={"broker_url": settings.broker_url or "memory://"}), pool=2)
    except ConfigurationError as error:
        return [*found, Finding("services", Level.FAIL, str(error), "Set it, and run `relay doctor` again.")]
    with closing(services):
        found += _run(services, (_database, hubspot, *((broker, limiter) if settings.broker_url else ())))
        if not any(one.check in {"database", "migrations"} and one.level is Level.FAIL for one in found):
            found += _run(
                services, (clock, _vault, _portals, channel, contacts, _accounts, _breakers, _workers, _people)
            )
    return found


def _run(services: Services, checks: Sequence[Check]) -> list[Finding]:
    return [finding for check in checks for finding in _guarded(services, check)]


def _guarded(services: Services, check: Check) -> list[Finding]:
    """Run a check; what it raises is a finding, too, and the other checks go on."""
    name = check.__name__.removeprefix("_")
    try:
        return list(check(services))
    except DatabaseAway as error:
        fix = "Start it, or correct RELAY_DATABASE_URL; `relay db upgrade` makes a new one."
        return [Finding(name, Level.FAIL, f"The database does not answer ({type(error).__name__}).", fix)]
    except (ConfigurationError, RelayError) as error:
        return [Finding(name, Level.FAIL, str(error))]


def _settings(settings: Settings) -> Iterator[Finding]:
    try:
        check_production(settings)
    except ConfigurationError as error:
        yield Finding("settings", Level.FAIL, str(error), "Set it in the environment or in .env.")
        return
    kind = settings.environment
    if kind == "production":
        yield Finding("settings", Level.OK, "No secret is missing or weak.")
    else:
        yield Finding("settings", Level.WARN, f"RELAY_ENVIRONMENT is {kind}: weak secrets are let through.")
    for name in ("hubspot_app_id", "hubspot_client_id"):
        if not getattr(settings, name):
            yield Finding("settings", Level.WARN, f"RELAY_{name.upper()} is not set.", "It stands on the app's page.")


def _public_url(settings: Settings) -> Finding:
    url = urlsplit(settings.public_url)
    fix = "Set RELAY_PUBLIC_URL to the https address under which HubSpot and the services reach this relay."
    if not url.hostname:
        return Finding("public_url", Level.FAIL, "No public address is set: nobody can send webhooks here.", fix)
    if url.scheme != "https":
        return Finding("public_url", Level.WARN, f"{settings.public_url} is not https: HubSpot refuses it.", fix)
    return Finding("public_url", Level.OK, f"Webhooks come to {settings.public_url}.")


def _journal(settings: Settings) -> Iterator[Finding]:
    """Look at the journal's folder on this machine, whether or not it is in use."""
    found = survey(settings.data_dir / FOLDER)
    lost = "docs/runbooks.md, *Database away*, says how they are tried again."
    if found.aside:
        sentence = f"{found.aside} requests from the journal could not be stored and were set aside."
        yield Finding("journal_aside", Level.FAIL, sentence, lost)
    if found.damaged:
        sentence = f"{found.damaged} files of the journal held unreadable lines and were kept."
        yield Finding("journal_damaged", Level.FAIL, sentence, "Look at the disk; the rest of them is stored.")
    waiting = f"{found.records} requests ({found.size} bytes) wait in the journal."
    if found.records and not settings.journal:
        yield Finding("journal", Level.FAIL, waiting, "Set RELAY_JOURNAL=true until they are stored.")
    elif found.records:
        yield Finding("journal", Level.WARN, waiting, "They are stored as soon as the database is back.")
    elif settings.journal:
        yield Finding("journal", Level.OK, "The journal is on, and nothing waits in it.")


def _database(services: Services) -> Iterator[Finding]:
    with services.database.read() as connection:
        kept = durability.read(connection)
    name = "SQLite" if services.database.is_sqlite else "PostgreSQL"
    words = ", ".join(f"{key} {value}" for key, value in kept.settings.items())
    if kept.is_durable:
        yield Finding("database", Level.OK, f"{name} answers and keeps what it confirms ({words}).")
    else:
        fix = "Switch it on: a 2xx of the relay promises that the message survives a power cut."
        yield Finding("durability", Level.FAIL, f"{name} may lose what it confirms ({words}).", fix)
    current, head = schema.current(services.database), schema.HEAD
    if current == head:
        yield Finding("migrations", Level.OK, f"The tables are at revision {head}.")
    else:
        sentence = f"The tables are at revision {current or 'none'}, this release needs {head}."
        yield Finding("migrations", Level.FAIL, sentence, "Run `relay db upgrade`.")


def _vault(services: Services) -> Iterator[Finding]:
    with services.database.read() as connection:
        sealed = {f"account {row.id}": row.credentials for row in accounts.every(connection)}
        sealed |= {f"portal {portal.id}": portal.refresh_token for portal in portals.every(connection)}
    closed = [f"{whose}: {trouble}" for whose, one in sealed.items() if (trouble := _trouble(services, one))]
    for sentence in closed:
        yield Finding("vault", Level.FAIL, sentence)
    if closed:
        return
    old = sum(services.vault.needs_resealing(one) for one in sealed.values())
    if old:
        fix = "Keep the older keys in RELAY_SECRET_KEYS until these were entered anew."
        yield Finding("vault", Level.WARN, f"{old} of {len(sealed)} secrets are sealed with an older key.", fix)
    else:
        yield Finding("vault", Level.OK, f"RELAY_SECRET_KEYS opens all {len(sealed)} stored secrets.")


def _trouble(services: Services, sealed: str) -> str:
    try:
        services.vault.open_sealed(sealed)
    except ConfigurationError as error:
        return str(error)
    return ""


def _portals(services: Services) -> Iterator[Finding]:
    with services.database.read() as connection:
        found = portals.every(connection)
        rows = accounts.every(connection)
    if not found:
        fix = "`relay portals add` adds one, or install the app at /oauth/install."
        yield Finding("portals", Level.WARN, "No portal is connected.", fix)
    for portal in found:
        yield _portal(services, portal, [row for row in rows if row.portal_id == portal.id])


def _portal(services: Services, portal: Portal, rows: Sequence[AccountRow]) -> Finding:
    """Use a portal's token; with an account HubSpot is asked for that, else only for a token."""
    name = f"portal {portal.id}"
    if portal.state is not RunState.RUNNING:
        return Finding(name, Level.FAIL, f"It is {portal.state}. {portal.hint}", f"`relay portals resume {portal.id}`")
    try:
        if rows:
            tokens.client(services, portal.id).account(rows[0].channel_id, rows[0].hubspot_id)
        else:
            tokens.TokenSource(services, portal.id)(None)
    except (RelayError, ConfigurationError) as error:
        return Finding(name, Level.FAIL, str(error), f"`relay portals add {portal.id}` gives it a new token.")
    return Finding(name, Level.OK, "HubSpot takes its token.")


def _accounts(services: Services) -> Iterator[Finding]:
    with services.database.read() as connection:
        rows = accounts.every(connection)
    if not rows:
        yield Finding("accounts", Level.WARN, "No account is connected.", "`relay accounts add` adds one.")
        return
    stopped = list(filter(None, map(_stopped, rows)))
    yield from stopped
    if not stopped:
        yield Finding("accounts", Level.OK, f"All {len(rows)} accounts run.")


def _stopped(row: AccountRow) -> Finding | None:
    """Return what stops an account; a portal that is paused is told once, and not for each of its accounts."""
    name = f"account {row.id}"
    if row.state is RunState.PURGED:
        return Finding(name, Level.WARN, f"{row.name} was removed in HubSpot.")
    states = ((row.state, row.hint), (row.service_state, row.service_hint), (row.hubspot_state, row.hubspot_hint))
    hints = [hint for state, hint in states if state is not RunState.RUNNING]
    if not hints:
        return None
    return Finding(name, Level.FAIL, f"{row.name} is paused. {' '.join(hints)}", f"`relay accounts resume {row.id}`")


def _breakers(services: Services) -> Iterator[Finding]:
    """Say which sides fail for everybody, so that only a probe tries now and then."""
    with services.database.read() as connection:
        failing = [one for one in breakers.every(connection) if one.is_open and not one.refused]
    for one in failing:
        side = "HubSpot" if one.key.scope is Scope.HUBSPOT else "its service"
        sentence = f"Calls of account {one.key.id} to {side} fail: {one.hint}"
        fix = f"It goes on by itself when a probe gets through; `relay accounts resume {one.key.id}` tries all at once."
        yield Finding("breakers", Level.WARN, sentence, fix)


def _workers(services: Services) -> Iterator[Finding]:
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


def _people(services: Services) -> Iterator[Finding]:
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
