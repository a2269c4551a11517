"""Request signatures v1, v2 and v3 as HubSpot makes them, all [D].

Written for the simulator alone: the relay checks signatures with its own code, so a slip in one does not hide in both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

# [D] Exactly these percent sequences are decoded in the address before signing.
DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
SEQUENCES = re.compile("|".join(DECODED), re.IGNORECASE)


def sign_v1(secret: str, body: bytes) -> str:
    """Hex SHA-256 of secret and body."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def sign_v2(secret: str, method: str, url: str, *, body: bytes) -> str:
    """Hex SHA-256 of secret, verb, full address and body."""
    return hashlib.sha256(secret.encode() + method.encode() + url.encode() + body).hexdigest()


def sign_v3(secret: str, method: str, url: str, *, body: bytes, timestamp: int) -> str:
    """Base64 HMAC-SHA-256 over verb, decoded full address, body and the timestamp in milliseconds."""
    decoded = SEQUENCES.sub(lambda found: DECODED[found[0].upper()], url)
    message = method.encode() + decoded.encode() + body + str(timestamp).encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
