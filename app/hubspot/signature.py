"""HubSpot's request signatures, versions 1 to 3, documented on HubSpot's page about validating requests.

- v3: base64 of HMAC-SHA256(client secret, METHOD + URI + body + timestamp), where the URI is the full address with a
  few percent-sequences decoded;
- v2: hexadecimal SHA-256(client secret + METHOD + URI + body), the URI as it is;
- v1: hexadecimal SHA-256(client secret + body).

The body is taken as it arrived. Versions 1 and 2 prove no freshness and are checked only where the caller names them;
a request that carries a signature of version 3 is judged by that one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Final

from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid

SIGNATURE_HEADER: Final = "x-hubspot-signature-v3"
TIMESTAMP_HEADER: Final = "x-hubspot-request-timestamp"
OLD_SIGNATURE_HEADER: Final = "x-hubspot-signature"
VERSION_HEADER: Final = "x-hubspot-signature-version"

#: Milliseconds that a timestamp may be away from now, on either side, this value included.
WINDOW: Final = 300_000

#: The only percent-sequences that HubSpot decodes before it signs; everything else stays as it is in the address.
DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip

_SEQUENCE = re.compile("|".join(DECODED), re.IGNORECASE)

#: Thirteen digits until the year 2286; sixteen keep a forged number from costing time.
_TIMESTAMP = re.compile(r"[0-9]{1,16}", re.ASCII)


class Version(StrEnum):
    """A version of the signature."""

    V1 = "v1"
    V2 = "v2"
    V3 = "v3"


V3_ONLY: Final = frozenset({Version.V3})


def check(raw: RawRequest, *, secrets: Sequence[str], now: float, versions: Collection[Version] = V3_ONLY) -> int:
    """Check that HubSpot signed this request with one of our client secrets, with version 3 within five minutes.

    ``now`` is in seconds since the epoch. ``raw.url`` must be the registered address, byte for byte. ``versions`` are
    those that are taken. Returns the position of the secret that it was signed with.

    Raises:
        SignatureInvalid: the code is one of ``signature_missing``, ``signature_stale``, ``signature_future``,
            ``signature_mismatch`` and ``signature_secret``.
    """
    if not any(secrets):
        raise SignatureInvalid("No HubSpot client secret is set: nothing can be checked.", code="signature_secret")
    older = stated_version(raw)
    if Version.V3 in versions and raw.header(SIGNATURE_HEADER):
        age(raw, now)
        found = _position(raw, secrets, raw.header(SIGNATURE_HEADER), sign_v3)
    elif older is not None and older in versions:
        found = _position(raw, secrets, raw.header(OLD_SIGNATURE_HEADER), SIGN[older])
    else:
        raise SignatureInvalid(_missing(raw), code="signature_missing")
    if found is None:
        raise SignatureInvalid(_mismatch(raw), code="signature_mismatch")
    return found


def age(raw: RawRequest, now: float) -> int:
    """Return the milliseconds since a request was signed.

    Raises:
        SignatureInvalid: they are more than ``WINDOW``, on either side, or nothing tells them.
    """
    timestamp = raw.header(TIMESTAMP_HEADER)
    if not timestamp:
        raise SignatureInvalid("The request has no X-HubSpot-Request-Timestamp header.", code="signature_missing")
    since = since_signed(raw, now)
    if since is None:
        raise SignatureInvalid("X-HubSpot-Request-Timestamp is not a number.", code="signature_missing")
    if since > WINDOW:
        raise SignatureInvalid(
            f"The signature is stale by {(since - WINDOW) / 1000:.3f} s: an old request sent again, or this machine's "
            "clock is ahead.",
            code="signature_stale",
        )
    if since < -WINDOW:
        raise SignatureInvalid(
            f"The timestamp is {-since / 1000:.3f} s in the future: this machine's clock is behind.",
            code="signature_future",
        )
    return since


def since_signed(raw: RawRequest, now: float) -> int | None:
    """Return the milliseconds from a request's timestamp to ``now``, None where it has none that can be read."""
    timestamp = raw.header(TIMESTAMP_HEADER)
    return round(now * 1000) - int(timestamp) if _TIMESTAMP.fullmatch(timestamp) else None


def decode_uri(uri: str) -> str:
    """Decode the twelve percent-sequences that HubSpot decodes, once, whatever their letter case."""
    return _SEQUENCE.sub(lambda match: DECODED[match[0].upper()], uri)


def stated_version(raw: RawRequest) -> Version | None:
    """Return which of the older versions a request says that it is signed with, None for neither."""
    stated = raw.header(VERSION_HEADER).strip().lower()
    return Version(stated) if stated in {Version.V1, Version.V2} and raw.header(OLD_SIGNATURE_HEADER) else None


def sign_v1(secret: str, raw: RawRequest) -> bytes:
    """Return a request's signature of version 1."""
    return hashlib.sha256(secret.encode() + raw.body).hexdigest().encode()


def sign_v2(secret: str, raw: RawRequest) -> bytes:
    """Return a request's signature of version 2."""
    return hashlib.sha256((secret + raw.method + raw.url).encode() + raw.body).hexdigest().encode()


def sign_v3(secret: str, raw: RawRequest) -> bytes:
    """Return a request's signature of version 3, with the timestamp that it carries."""
    return sign_text(secret, (raw.method + decode_uri(raw.url)).encode(), raw)


def sign_text(secret: str, start: bytes, raw: RawRequest) -> bytes:
    """Return the signature of version 3 for a text that begins with ``start``, the method and the address."""
    code = hmac.new(secret.encode(), start, hashlib.sha256)
    code.update(raw.body)
    code.update(raw.header(TIMESTAMP_HEADER).encode())
    return base64.b64encode(code.digest())


SIGN: Final[dict[Version, Callable[[str, RawRequest], bytes]]] = {
    Version.V1: sign_v1,
    Version.V2: sign_v2,
    Version.V3: sign_v3,
}


def equal(given: str, expected: bytes) -> bool:
    """Compare in constant time; bytes, because text outside ASCII makes the comparison raise."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected)


def _position(
    raw: RawRequest, secrets: Sequence[str], given: str, sign: Callable[[str, RawRequest], bytes]
) -> int | None:
    return next(
        (place for place, secret in enumerate(secrets) if secret and equal(given, sign(secret, raw))),
        None,
    )


def _missing(raw: RawRequest) -> str:
    if raw.header(OLD_SIGNATURE_HEADER):
        return "The request carries only a signature of version 1 or 2; version 3 is required."
    return "The request has no X-HubSpot-Signature-v3 header: it does not come from HubSpot, or a proxy removed it."


def _mismatch(raw: RawRequest) -> str:
    address = raw.url.partition("?")[0]
    return (
        f"The signature does not match for {address}: the client secret is not this app's, RELAY_PUBLIC_URL and the "
        "registered address differ, or the body was changed on its way."
    )
