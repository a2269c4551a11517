"""HubSpot's request signature, version 3.

Base64 of HMAC-SHA256(client secret, METHOD + URI + body + timestamp), where the URI is the full address with a few
percent-sequences decoded and the body is taken as it arrived. Documented on HubSpot's page about validating requests.
Versions 1 and 2 are refused here: version 1 proves no freshness and version 2 hardly more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid

SIGNATURE_HEADER: Final = "x-hubspot-signature-v3"
TIMESTAMP_HEADER: Final = "x-hubspot-request-timestamp"
OLD_SIGNATURE_HEADER: Final = "x-hubspot-signature"

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

#: Larger bodies are not searched for the cause of a mismatch: each guess costs one more HMAC over the body.
_DIAGNOSED_BODY = 65_536


def check(raw: RawRequest, *, secrets: Sequence[str], now: float) -> None:
    """Check that HubSpot signed this request with one of our client secrets, within five minutes of ``now``.

    ``now`` is in seconds since the epoch. ``raw.url`` must be the registered address, byte for byte.

    Raises:
        SignatureInvalid: the hint names the cause as far as it can be told; the code is one of ``signature_missing``,
            ``signature_stale``, ``signature_future``, ``signature_mismatch`` and ``signature_secret``.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise SignatureInvalid("No HubSpot client secret is set: nothing can be checked.", code="signature_secret")
    signature = raw.header(SIGNATURE_HEADER)
    if not signature:
        raise SignatureInvalid(_missing(raw), code="signature_missing")
    _check_age(raw.header(TIMESTAMP_HEADER), now)
    if not _matches(raw, signature, usable):
        raise SignatureInvalid(_explain(raw, signature, usable), code="signature_mismatch")


def decode_uri(uri: str) -> str:
    """Decode the twelve percent-sequences that HubSpot decodes, once, whatever their letter case."""
    return _SEQUENCE.sub(lambda match: DECODED[match[0].upper()], uri)


def _check_age(timestamp: str, now: float) -> None:
    if not timestamp:
        raise SignatureInvalid("The request has no X-HubSpot-Request-Timestamp header.", code="signature_missing")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalid("X-HubSpot-Request-Timestamp is not a number.", code="signature_missing")
    age = round(now * 1000) - int(timestamp)
    if age > WINDOW:
        raise SignatureInvalid(
            f"The signature is stale by {(age - WINDOW) / 1000:.3f} s: an old request sent again, or this machine's "
            "clock is ahead.",
            code="signature_stale",
        )
    if age < -WINDOW:
        raise SignatureInvalid(
            f"The timestamp is {-age / 1000:.3f} s in the future: this machine's clock is behind.",
            code="signature_future",
        )


def _matches(raw: RawRequest, signature: str, secrets: Sequence[str]) -> bool:
    """Compare in constant time; bytes, because text outside ASCII makes the comparison raise."""
    text = (raw.method + decode_uri(raw.url)).encode() + raw.body + raw.header(TIMESTAMP_HEADER).encode()
    given = signature.encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(_signature(secret, text), given) for secret in secrets)


def _signature(secret: str, text: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())


def _missing(raw: RawRequest) -> str:
    if raw.header(OLD_SIGNATURE_HEADER):
        return "The request carries only a signature of version 1 or 2; version 3 is required."
    return "The request has no X-HubSpot-Signature-v3 header: it does not come from HubSpot, or a proxy removed it."


def _explain(raw: RawRequest, signature: str, secrets: Sequence[str]) -> str:
    """Find out what HubSpot signed instead. Only the sentence depends on it: the request stays refused."""
    if len(raw.body) <= _DIAGNOSED_BODY:
        for cause, variant in _variants(raw):
            if _matches(variant, signature, secrets):
                return f"The signature does not match: {cause}"
    return (
        f"The signature does not match for {urlsplit(raw.url)._replace(query='').geturl()}: the client secret is not "
        "this app's, the registered address differs, or the body was changed on its way."
    )


def _variants(raw: RawRequest) -> Iterator[tuple[str, RawRequest]]:
    address = "HubSpot signed for {}. Make RELAY_PUBLIC_URL and the channel's registered webhookUrl the same."
    for url in dict.fromkeys(_addresses(raw)):
        yield address.format(url), replace(raw, url=url)
    compact = _compact(raw.body)
    if compact is not None:
        yield "something between HubSpot and the relay rewrites the JSON body.", replace(raw, body=compact)


def _addresses(raw: RawRequest) -> Iterator[str]:
    """Addresses that people confuse: the other scheme, the other trailing slash, the host that was asked."""
    parts = urlsplit(raw.url)
    other = "http" if parts.scheme == "https" else "https"
    path = parts.path.removesuffix("/") if parts.path.endswith("/") else parts.path + "/"
    hosts = [parts.netloc, *filter(None, [raw.header("host")])]
    for host in hosts:
        for scheme in (parts.scheme, other):
            yield parts._replace(scheme=scheme, netloc=host).geturl()
            yield parts._replace(scheme=scheme, netloc=host, path=path).geturl()


def _compact(body: bytes) -> bytes | None:
    """Write JSON the way HubSpot does, or None when the body is none."""
    try:
        return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
