"""A request of the doctor's to the relay's own public address, and what the web role answers to it.

It travels as HubSpot's webhooks do: to the same address, with the same headers, signed in the same way, so that what
breaks those breaks it, too. It is signed with a key that is good for this one request alone, and that key is sealed:
only who has ``RELAY_SECRET_KEYS`` can make a challenge or answer it, and to everybody else it is a webhook with a wrong
signature, which is refused. Of a challenge nothing but its number is stored, as an envelope without messages: the
doctor looks for it in its own database and takes it away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app import logs, metrics
from app.domain.webhook import Answer, RawRequest
from app.errors import ConfigurationError, SignatureInvalid
from app.hubspot import signature
from app.hubspot.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, decode_uri, sign_text
from app.relay.services import Services
from app.settings import Settings
from app.storage import envelopes
from app.vault import Vault

HEADER: Final = "x-relay-challenge"
PATH: Final = "/webhooks/hubspot"
#: The source of a challenge's envelope.
SOURCE: Final = "doctor"

#: So long (seconds) a challenge is answered, by the clocks of both machines.
_LIFE: Final = 600.0
_LONGEST: Final = 2_000
#: What proxies like to write anew: blanks, a letter beyond ASCII, an escaped one, a slash that needs no escape.
_BODY: Final = '{"type": "RELAY_CHALLENGE",  "words": "Ol\u00e1 \\u00e9 \\/"}'.encode()

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class Challenge:
    """A request to be sent. ``nonce`` is its number and the key that it is signed with."""

    url: str
    nonce: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = _BODY

    @property
    def dedupe(self) -> str:
        """By what its envelope is found."""
        return _dedupe(self.nonce)


class Refusals(BaseModel):
    """Requests in HubSpot's name that this machine's web role refused for their signature since it started.

    ``causes`` counts them by what the signature doctor found; ``latest`` is seconds since 1970, 0 for never.
    """

    model_config = ConfigDict(frozen=True)

    causes: dict[str, int] = {}
    latest: float = 0.0


class Report(BaseModel):
    """What the web role tells of a challenge that reached it.

    ``nonce`` and ``client_secret`` prove that it has the same keys and client secret; ``trouble`` is what is wrong
    with the signature after the way here, an empty text if nothing is.
    """

    model_config = ConfigDict(frozen=True)

    nonce: str
    client_secret: str
    trouble: str = ""
    refusals: Refusals = Refusals()


def make(settings: Settings, vault: Vault) -> Challenge:
    """Return a new challenge for the address that HubSpot has to have."""
    nonce, url = secrets.token_hex(16), settings.public_url + PATH
    timestamp = str(round(time.time() * 1000))
    raw = RawRequest("POST", url, headers={TIMESTAMP_HEADER: timestamp}, body=_BODY)
    signed = sign_text(nonce, (raw.method + decode_uri(url)).encode(), raw)
    sealed = vault.seal(json.dumps({"for": SOURCE, "at": time.time(), "nonce": nonce, "url": url}))
    headers = {
        HEADER: sealed,
        SIGNATURE_HEADER: signed.decode(),
        TIMESTAMP_HEADER: timestamp,
        "content-type": "application/json",
    }
    return Challenge(url, nonce, headers)


def answer(services: Services, raw: RawRequest) -> Answer | None:
    """Answer a challenge, and leave a trace of it in the database. None: the request is none of this relay's.

    Raises:
        DatabaseAway: no trace could be left.
    """
    sent = _opened(services.vault, raw.header(HEADER))
    if sent is None:
        return None
    nonce = sent.nonce
    trace = RawRequest(raw.method, services.settings.public_url + PATH)
    with services.database.write() as connection:
        envelopes.store(connection, trace, source=SOURCE, dedupe=_dedupe(nonce), account_id=None)
    report = Report(
        nonce=nonce,
        client_secret=prove_secret(services.settings, nonce),
        trouble=_trouble(raw, sent),
        refusals=_refusals(),
    )
    log.info("challenge_answered", signature=not report.trouble)
    return Answer(200, report.model_dump_json(), "application/json")


def read(body: bytes, challenge: Challenge) -> Report | None:
    """Return the web role's report on this challenge, None where the answer is somebody else's."""
    try:
        report = Report.model_validate_json(body)
    except ValidationError:
        return None
    return report if hmac.compare_digest(report.nonce, challenge.nonce) else None


def prove_secret(settings: Settings, nonce: str) -> str:
    """Return what only who has the client secret can tell, and what tells nobody the client secret."""
    key = settings.hubspot_client_secret.get_secret_value().encode()
    return hmac.new(key, f"relay challenge {nonce}".encode(), hashlib.sha256).hexdigest()


class _Sent(BaseModel):
    """What is sealed in a challenge: its number, when it was made, and the address that it was sent to."""

    purpose: Literal["doctor"] = Field(alias="for")
    at: float
    nonce: str
    url: str


def _opened(vault: Vault, sealed: str) -> _Sent | None:
    if not sealed:
        return None
    try:
        sent = _Sent.model_validate_json(vault.open_sealed(sealed[:_LONGEST]))
    except (ConfigurationError, ValueError):
        return None
    return sent if abs(time.time() - sent.at) < _LIFE else None


def _trouble(raw: RawRequest, sent: _Sent) -> str:
    """Return what the way here did to the signature. Unlike with HubSpot's own it is known what was sent."""
    try:
        signature.check(raw, secrets=[sent.nonce], now=time.time())
    except SignatureInvalid as refusal:
        found = [] if refusal.reason == "signature_mismatch" else [refusal.hint]
        if raw.url != sent.url:
            found.append(f"HubSpot would sign for {sent.url}, the web role expects {raw.url}.")
        if raw.body != _BODY:
            found.append("The body is changed on its way.")
        return " ".join(found) or refusal.hint
    return ""


def _refusals() -> Refusals:
    counts = {one.labels["cause"]: round(one.value) for one in metrics.read(metrics.SIGNATURES_REFUSED)}
    latest = max((one.value for one in metrics.read(metrics.SIGNATURE_REFUSED_AT)), default=0.0)
    return Refusals(causes={cause: count for cause, count in counts.items() if count}, latest=latest)


def _dedupe(nonce: str) -> str:
    return f"{SOURCE}:{nonce}"
