"""Checks of what the relay keeps: the database, its tables, the secrets in them, the journal beside it."""

from __future__ import annotations

from collections.abc import Iterator

from app.relay import keys
from app.relay.findings import Finding, Level
from app.relay.journal import FOLDER
from app.relay.services import Services
from app.settings import Settings
from app.storage import durability, schema
from app.storage.spool_survey import survey


def journal(settings: Settings) -> Iterator[Finding]:
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


def database(services: Services) -> Iterator[Finding]:
    """Look at the database: whether it answers, keeps what it confirms, and has the tables of this release."""
    with services.database.read() as connection:
        kept = durability.read(connection)
    kind = "SQLite" if services.database.is_sqlite else "PostgreSQL"
    words = ", ".join(f"{key} {value}" for key, value in kept.settings.items())
    if kept.is_durable:
        yield Finding("database", Level.OK, f"{kind} answers and keeps what it confirms ({words}).")
    else:
        fix = "Switch it on: a 2xx of the relay promises that the message survives a power cut."
        yield Finding("durability", Level.FAIL, f"{kind} may lose what it confirms ({words}).", fix)
    current, head = schema.current(services.database), schema.HEAD
    if current == head:
        yield Finding("migrations", Level.OK, f"The tables are at revision {head}.")
    else:
        sentence = f"The tables are at revision {current or 'none'}, this release needs {head}."
        yield Finding("migrations", Level.FAIL, sentence, "Run `relay db upgrade`.")


def vault(services: Services) -> Iterator[Finding]:
    """Try to open every sealed secret."""
    found = keys.survey(services)
    for sentence in found.closed:
        yield Finding("vault", Level.FAIL, sentence)
    if found.closed:
        return
    if found.old:
        fix = "`relay keys rotate` seals them anew; keep the older keys in RELAY_SECRET_KEYS until then."
        yield Finding("vault", Level.WARN, f"{found.old} of {found.total} secrets are sealed with an older key.", fix)
    else:
        yield Finding("vault", Level.OK, f"The newest key of RELAY_SECRET_KEYS opens all {found.total} stored secrets.")
