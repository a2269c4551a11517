"""Checks of HubSpot's webhooks: whether their address leads here, when they last came, and which were refused."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

from app.errors import OutcomeUnknown, RelayError
from app.http import AddressRefused, Http, Response
from app.hubspot.signature_guesses import Cause
from app.relay import round_trip as trip
from app.relay import signatures
from app.relay.accept import HUBSPOT
from app.relay.findings import Finding, Level
from app.relay.round_trip import Challenge, Refusals, Report
from app.relay.services import Services
from app.relay.spans import span
from app.storage import accounts, envelopes
from app.storage.database import DatabaseAway

_CHECK: Final = "webhook_address"

#: HubSpot waits five seconds for an answer to its webhooks.
_PATIENCE: Final = 5.0
#: Refusals of the last hour (seconds) are worth a word.
_LATELY: Final = 3_600.0

#: Anybody can send what has these causes; any other shows a signature that HubSpot made.
_ANYBODY: Final = frozenset({Cause.UNKNOWN.value, signatures.NOT_EXAMINED})

_HERE = "Let RELAY_PUBLIC_URL, DNS and the proxy lead to this relay's web role."
_PASS = "Let the proxy pass POST /webhooks/hubspot on without a login or a page of its own."  # noqa: S105 - no password
_PRIVATE = (
    "If that is only so inside your network, all is well; else give the name a public address, for HubSpot calls from "
    "the internet."
)
_UNREACHED = (
    "Start `relay web`, and look at DNS, the certificate, the proxy and the firewall. From within some networks their "
    "own public address cannot be reached: then try it from outside, GET /livez."
)
_OTHER_KEYS = "Another deployment stands there, or the web role has not been started again since a change: see which."

#: What a gateway says when nothing stands behind it.
_GATEWAY: Final = frozenset({502, 503, 504})


def round_trip(services: Services) -> Iterator[Finding]:
    """Send a request to the public address, as HubSpot would, and look for it in this database."""
    settings = services.settings
    if not urlsplit(settings.public_url).hostname:
        return  # `public_url` says so
    challenge = trip.make(settings, services.vault)
    try:
        answer, is_private = _send(services, challenge)
    except OutcomeUnknown as error:
        yield Finding(_CHECK, Level.FAIL, f"{challenge.url} took a request and gave no whole answer: {error}", _HERE)
        return
    except RelayError as error:
        yield Finding(_CHECK, Level.FAIL, f"{challenge.url} cannot be reached: {error}", _UNREACHED)
        return
    if is_private and settings.environment == "production":
        sentence = f"{urlsplit(settings.public_url).hostname} leads to a private address from here."
        yield Finding("webhook_network", Level.WARN, sentence, _PRIVATE)
    report = trip.read(answer.body, challenge)
    if report is None:
        yield _foreign(challenge, answer)
    else:
        yield from _ours(services, challenge, report)


def _send(services: Services, challenge: Challenge) -> tuple[Response, bool]:
    """Return the answer, and whether the address is none of the public internet."""
    with closing(Http(call_timeout=_PATIENCE)) as http:
        call: Mapping[str, Any] = {"headers": challenge.headers, "content": challenge.body}
        try:
            return http.request("POST", challenge.url, public_only=True, **call), False
        except AddressRefused:
            return services.http.request("POST", challenge.url, timeout=_PATIENCE, **call), True


def _foreign(challenge: Challenge, answer: Response) -> Finding:
    """Say who answers instead of this relay's web role."""
    sentence, fix = _stranger(challenge, answer)
    return Finding(_CHECK, Level.FAIL, sentence, fix)


def _stranger(challenge: Challenge, answer: Response) -> tuple[str, str]:
    url, status = challenge.url, answer.status
    if 300 <= status < 400:  # noqa: PLR2004 - the class of HTTP
        there = urlsplit(answer.headers.get("location", "")).hostname or "another path"
        return f"{url} sends on to {there} ({status}), and HubSpot does not follow.", _PASS
    if _is_relays(answer):
        return _other_relay(url, status)
    if status in _GATEWAY:
        return f"{url} is answered {status}: a proxy stands there, and no web role behind it.", "Start `relay web`."
    if status == 404:  # noqa: PLR2004 - the status itself
        return f"{url} is answered 404 by somebody else: the host or the path in front is wrong.", _HERE
    kind = answer.headers.get("content-type", "").partition(";")[0] or "nothing"
    return f"{url} is answered {status} with {kind[:80]}: a login page, a filter or another site stands there.", _PASS


def _other_relay(url: str, status: int) -> tuple[str, str]:
    if status in {404, 405}:
        what = "does not know this path: the proxy puts something in front of it or takes something off"
        return f"A relay answers at {url}, but {what}.", "Let the proxy pass on the whole path of RELAY_PUBLIC_URL."
    if status == 503:  # noqa: PLR2004 - the status itself
        return f"A relay answers at {url}, but it cannot store anything.", "See the database of its web role."
    what = f"it is not this one ({status}): it has other RELAY_SECRET_KEYS, an older release, or a clock minutes off"
    return f"A relay answers at {url}, but {what}.", _OTHER_KEYS


def _is_relays(answer: Response) -> bool:
    """Tell whether an answer has the form of the relay's own refusals."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.keys() == {"error"}


def _ours(services: Services, challenge: Challenge, report: Report) -> Iterator[Finding]:
    settings = services.settings
    yield _arrived(services, challenge)
    if report.client_secret != trip.prove_secret(settings, challenge.nonce):
        sentence = "The web role has another RELAY_HUBSPOT_CLIENT_SECRET than this command."
        yield Finding("webhook_secret", Level.FAIL, sentence, "Give all roles the same settings, and restart them.")
    if report.trouble:
        sentence = f"HubSpot's signatures would not match after the way to the web role. {report.trouble}"
        fix = "Give all roles one RELAY_PUBLIC_URL, and let the proxy pass path, headers and body on as they came."
        yield Finding("webhook_signature", Level.FAIL, sentence, fix)
    else:
        yield Finding("webhook_signature", Level.OK, "A signature like HubSpot's arrives unharmed.")
    yield _refused(services, report.refusals)


def _arrived(services: Services, challenge: Challenge) -> Finding:
    try:
        with services.database.write() as connection:
            found = envelopes.take_away(connection, trip.SOURCE, challenge.dedupe)
    except DatabaseAway:
        sentence = f"This relay's web role answers at {challenge.url}; where it stores cannot be seen from here."
        return Finding(_CHECK, Level.WARN, sentence, "See what is said of the database.")
    if not found:
        sentence = f"A web role with the same keys answers at {challenge.url}, but stores into another database."
        return Finding(_CHECK, Level.FAIL, sentence, "Give all roles, and this command, one RELAY_DATABASE_URL.")
    return Finding(_CHECK, Level.OK, f"What is sent to {challenge.url} arrives in this database.")


def _refused(services: Services, refusals: Refusals) -> Finding:
    """Judge what was refused lately. Strangers can send nonsense, so that alone fails nothing."""
    name, ago = "webhooks_refused", time.time() - refusals.latest
    if not refusals.causes or ago > _LATELY:
        return Finding(name, Level.OK, "None of HubSpot's requests was refused for its signature in the last hour.")
    counts = ", ".join(f"{cause} {count}" for cause, count in sorted(refusals.causes.items()))
    sentence = f"Requests in HubSpot's name were refused for their signature, the last {span(ago)} ago: {counts}."
    fix = "The log's `signature_diagnosed` says what to do; docs/runbooks.md, *Webhooks refused*, has every cause."
    certain = not refusals.causes.keys() <= _ANYBODY and not _came_since(services, ago)
    return Finding(name, Level.FAIL if certain else Level.WARN, sentence, fix)


def _came_since(services: Services, ago: float) -> bool:
    try:
        with services.database.read() as connection:
            last = envelopes.since_last(connection, HUBSPOT)
    except DatabaseAway:
        return False
    return last is not None and last < ago


def webhooks(services: Services) -> Iterator[Finding]:
    """Say when HubSpot's last webhook came."""
    with services.database.read() as connection:
        last, known = envelopes.since_last(connection, HUBSPOT), accounts.every(connection)
    if last is not None:
        yield Finding("webhooks", Level.OK, f"HubSpot's last webhook came {span(last)} ago.")
    elif known:
        fix = "Answer a customer in HubSpot; if nothing comes, compare the channel: `relay channel diff`."
        yield Finding("webhooks", Level.WARN, "No webhook of HubSpot's has come so far.", fix)
