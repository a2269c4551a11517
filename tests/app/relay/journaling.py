"""A relay whose receiver has a journal, and what waits in it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.domain.webhook import Answer, RawRequest
from app.relay import accept
from app.relay.journal import FOLDER, Journal
from app.relay.journal_store import with_journal
from app.relay.services import Services
from app.storage.spool_survey import Survey, survey
from tests.app.relay.world import CLIENT_SECRET, LOOPBACK_SECRET, RelayWorld, eventually, hubspot_headers

__all__ = ["CLIENT_SECRET", "away", "from_hubspot", "from_loopback", "journal_of", "journaling", "lies", "until_empty"]


@contextmanager
def journaling(relay: RelayWorld) -> Iterator[Services]:
    """Run the relay's web process with a journal, once more beside the one that has none."""
    services = with_journal(relay.services)
    try:
        yield services
    finally:
        journal_of(services).close()


def journal_of(services: Services) -> Journal:
    assert services.journal is not None
    return services.journal


def lies(relay: RelayWorld) -> Survey:
    """What lies in the journal's folder."""
    return survey(relay.services.settings.data_dir / FOLDER)


def until_empty(services: Services) -> None:
    """Wait until everything is handed on and requests go straight to the database again."""
    eventually(lambda: not journal_of(services).is_wanted, within=30)


@contextmanager
def away(relay: RelayWorld) -> Iterator[None]:
    """Hide the file of a SQLite database; a folder in its place refuses every connection."""
    file = Path(relay.services.database.url.database or "")
    relay.services.database.close()
    hidden = file.rename(file.with_suffix(".hidden"))
    leftovers = [one.rename(one.with_name(f"hidden-{one.name}")) for one in file.parent.glob(f"{file.name}-*")]
    file.mkdir()
    try:
        yield
    finally:
        relay.services.database.close()
        file.rmdir()
        hidden.rename(file)
        for one in leftovers:
            one.rename(one.with_name(one.name.removeprefix("hidden-")))


def from_loopback(relay: RelayWorld, services: Services, *events: dict[str, Any], id_: str = "d1") -> Answer:
    """Give the receiver a signed delivery of the loopback service, in this thread."""
    body = json.dumps({"id": id_, "events": events}).encode()
    signature = hmac.new(LOOPBACK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    raw = RawRequest("POST", "https://relay.example/", headers={"x-loopback-signature": signature}, body=body)
    return accept.accept_service(services, "loopback", relay.account.key, raw)


def from_hubspot(services: Services, event: dict[str, Any]) -> None:
    """Give the receiver a signed webhook of HubSpot's, in this thread."""
    body, url = json.dumps(event).encode(), "https://relay.example/webhooks/hubspot"
    headers = {name.lower(): value for name, value in hubspot_headers(url, body).items()}
    accept.accept_hubspot(services, RawRequest("POST", url, headers=headers, body=body))
