"""Seals credentials and tokens before they are stored, and signs what the relay has to recognise as its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import ConfigurationError

#: How sealed text looks: this, the id of the key, the token; separated by colons.
_VERSION: Final = "v1"

_PURPOSE_KEY = b"relay vault: key"
_PURPOSE_ID = b"relay vault: key id"
_PURPOSE_SIGNING = b"relay vault: signing"


class Vault:
    """Seals with the newest key and opens with any.

    A key of ``RELAY_SECRET_KEYS`` may have any length: the key that encrypts is derived from it. Its id, derived too,
    stands in front of what it sealed, so that a missing key can be named and old text found without opening it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the keys, newest first.

        Raises:
            ConfigurationError: there is none.
        """
        if not keys:
            raise ConfigurationError(
                "RELAY_SECRET_KEYS is missing: without a key no credentials can be stored. "
                "Make one with `openssl rand -base64 32`."
            )
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key, _PURPOSE_KEY, 32))) for key in keys])
        self._signing = [_derive(key, _PURPOSE_SIGNING, 32) for key in keys]
        #: The ids of the keys, newest first.
        self.ids: Final = tuple(_derive(key, _PURPOSE_ID, 4).hex() for key in keys)

    def seal(self, text: str) -> str:
        """Return the text encrypted, as ASCII that contains no quotes."""
        return f"{_VERSION}:{self.ids[0]}:{self._fernet.encrypt(text.encode()).decode()}"

    def open_sealed(self, text: str) -> str:
        """Return what was sealed.

        Raises:
            ConfigurationError: no key opens it, or it was changed; names the key that is missing.
        """
        version, key_id, token = _split(text)
        if version != _VERSION:
            raise ConfigurationError("Stored credentials were not sealed by this version of the relay: upgrade it.")
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise ConfigurationError(
                f"No key in RELAY_SECRET_KEYS opens stored credentials that key {key_id} sealed: add that older key "
                "behind the newest, or enter the credentials again."
            ) from None

    def sign(self, text: str) -> str:
        """Return what only the newest key makes of a text: 43 characters that an address may hold."""
        return _mac(self._signing[0], text)

    def is_signed(self, text: str, signature: str) -> bool:
        """Tell whether any of the keys has signed this text; takes as long for a wrong signature as for a right one."""
        given = signature.encode("utf-8", "replace")
        matches = [hmac.compare_digest(_mac(key, text).encode(), given) for key in self._signing]
        return any(matches)

    def needs_resealing(self, text: str) -> bool:
        """Tell whether another key than the newest sealed it."""
        version, key_id, _ = _split(text)
        return (version, key_id) != (_VERSION, self.ids[0])

    def key_of(self, text: str) -> str:
        """Return the id of the key that sealed it, which need not be here."""
        return _split(text)[1]


def _split(sealed: str) -> tuple[str, str, str]:
    version, _, rest = sealed.partition(":")
    key_id, _, token = rest.partition(":")
    return version, key_id, token


def _mac(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).rstrip(b"=").decode()


def _derive(key: str, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=purpose).derive(key.encode())
