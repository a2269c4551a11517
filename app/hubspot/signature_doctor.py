"""Why a signature of HubSpot's does not match: the known causes are tried, and the one that matches is named.

Pure, and without any say: whoever asks has refused the request already. It costs at most ``MOST_HASHED`` bytes of
hashing. No sentence holds a secret, a signature or a query, which may hold a token.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.webhook import RawRequest
from app.hubspot.signature import (
    OLD_SIGNATURE_HEADER,
    SIGN,
    SIGNATURE_HEADER,
    V3_ONLY,
    WINDOW,
    Version,
    equal,
    sign_text,
    sign_v1,
    since_signed,
    stated_version,
)
from app.hubspot.signature_guesses import ROUTE, Cause, Guess, Keys, guesses

__all__ = ["LARGEST_BODY", "MOST_HASHED", "Cause", "Diagnosis", "Keys", "examine"]

#: Larger bodies are not examined, and so many bytes are hashed for one request, those of the combinations included:
#: about a tenth of a second.
LARGEST_BODY: Final = 65_536
MOST_HASHED: Final = 16_000_000

_V3_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and a sentence that says what to do about it."""

    causes: tuple[Cause, ...]
    sentence: str


def examine(raw: RawRequest, *, keys: Keys, now: float, versions: Collection[Version] = V3_ONLY) -> Diagnosis | None:
    """Return what is wrong with a refused request, None where there is nothing to be found out.

    ``versions`` are those that are taken. A forged request, and one that is signed with a secret unknown here, has the
    cause ``UNKNOWN``.
    """
    if len(raw.body) > LARGEST_BODY:
        return None
    since = since_signed(raw, now)
    version = _of_another_version(raw, keys, versions)
    if version is not None or since is None or not _V3_SIGNATURE.fullmatch(raw.header(SIGNATURE_HEADER)):
        return version
    late = abs(since) > WINDOW
    found = _search(raw, keys)
    if found is None:
        return Diagnosis((Cause.UNKNOWN,), _unknown(raw, keys))
    causes = (*((Cause.CLOCK,) if late else ()), *(cause for cause, _ in found.changes))
    return Diagnosis(tuple(dict.fromkeys(causes)), _sentence(raw, found, since, late=late)) if causes else None


def _search(raw: RawRequest, keys: Keys) -> Guess | None:
    """Return the first guess whose signature is the given one, within the budget."""
    budget = MOST_HASHED
    tried = set[tuple[str, str, bytes]]()
    try:
        for guess in guesses(raw, keys):
            uri = guess.decode(guess.raw.url)
            attempt = (guess.key, uri, guess.raw.body)
            if attempt in tried:
                continue
            tried.add(attempt)
            budget -= len(guess.raw.body) + len(uri)
            if budget < 0:
                return None
            start = (raw.method + uri).encode("utf-8", "replace")
            if equal(raw.header(SIGNATURE_HEADER), sign_text(guess.key, start, guess.raw)):
                return guess
    except ValueError:
        return None
    return None


def _of_another_version(raw: RawRequest, keys: Keys, versions: Collection[Version]) -> Diagnosis | None:
    """Tell a right signature of a version that is not taken, or one that stands in another version's header."""
    newest = raw.header(SIGNATURE_HEADER)
    given = newest or raw.header(OLD_SIGNATURE_HEADER)
    if not given:
        return None
    for version in (Version.V1, Version.V2) if newest else Version:
        if any(equal(given, SIGN[version](key, raw)) for key in keys.taken if key):
            at_home = not newest and version is not Version.V3
            astray = not at_home or (version in versions and stated_version(raw) is not version)
            return Diagnosis((Cause.VERSION,), (_ASTRAY if astray else _NOT_TAKEN).format(version=version))
    return None


def _unknown(raw: RawRequest, keys: Keys) -> str:
    """Say what is left. A right signature of version 1 beside the wrong one covers the body, but not the address."""
    older = raw.header(OLD_SIGNATURE_HEADER)
    if older and any(equal(older, sign_v1(key, raw)) for key in keys.taken if key):
        return _ADDRESS_UNKNOWN
    return _UNKNOWN


_ASTRAY: Final = (
    "It is a right signature of version {version}, but not in that version's headers: something on the way renames or "
    "removes headers; let those that begin with X-HubSpot- through unchanged."
)

_NOT_TAKEN: Final = (
    "It is a right signature of version {version}, which is not taken here. HubSpot signs so for the app's event "
    "subscriptions: let those go to /webhooks/hubspot/events and see RELAY_HUBSPOT_EVENTS_SIGNATURE, or see why "
    "X-HubSpot-Signature-v3 was removed on its way."
)

_UNKNOWN: Final = (
    "No known cause makes it match. If this came from HubSpot, RELAY_HUBSPOT_CLIENT_SECRET is not the secret of the "
    "app that owns the channel; else somebody made it up."
)

_ADDRESS_UNKNOWN: Final = (
    "The secret and the body are right, for the signature of version 1 beside it matches; the address is not, and no "
    "known cause explains it: compare `relay channel show` with what the proxy makes of it."
)

_ANEW: Final = "or let `relay channel apply` register the relay's own address"

_ADVICE: Final[Mapping[Cause, str]] = {
    Cause.SCHEME: "The scheme differs: set RELAY_PUBLIC_URL to {base}, {anew}.",
    Cause.HOST: "The host differs: set RELAY_PUBLIC_URL to {base}, {anew}.",
    Cause.PORT: "The port differs: set RELAY_PUBLIC_URL to {base}, {anew}.",
    Cause.PREFIX: "A proxy adds or strips a part of the path: set RELAY_PUBLIC_URL to {base}, {anew}.",
    Cause.SLASH: "There is a slash too many or too few: let `relay channel apply` register the relay's own address.",
    Cause.QUERY: "The query was changed on its way: let the proxy pass it on as it came, {anew}, which has none.",
    Cause.DECODING: (
        "The address was decoded or encoded on its way: let the proxy pass on the raw request line, {anew}, which has "
        "nothing to decode."
    ),
    Cause.BODY: "The body was changed on its way ({detail}): switch off what rewrites it.",
    Cause.SECRET: (
        "It is signed with the value of {detail}, which is not taken: put the secret that the app has now into "
        "RELAY_HUBSPOT_CLIENT_SECRET, and during a rotation the one of before in front of "
        "RELAY_HUBSPOT_CLIENT_SECRET_OLD."
    ),
}


def _sentence(raw: RawRequest, found: Guess, since: int, *, late: bool) -> str:
    signed, ours = (one.partition("?")[0] for one in (found.raw.url, raw.url))
    words = [_of_clock(since)] if late else []
    if signed != ours:
        words.append(f"HubSpot signed for {signed}, the relay expects {ours}.")
    base = signed.partition(ROUTE)[0].rstrip("/") if ROUTE in signed else "what HubSpot signed for"
    for cause, detail in dict(found.changes).items():
        words.append(_ADVICE[cause].format(base=base, anew=_ANEW, detail=detail))
    return " ".join(words)


def _of_clock(since: int) -> str:
    if since > 0:
        return (
            f"The request was signed {since / 1000:.0f} s ago: it is an old one sent again, or this machine's clock is "
            "ahead by so much; keep it by NTP."
        )
    return f"The request is signed {-since / 1000:.0f} s in the future: this machine's clock is behind; keep it by NTP."
