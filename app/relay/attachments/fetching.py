"""Bytes from an address: bounded in size, time and redirects, and only from where an attachment may lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, Final

from app.http import Response, TooLarge
from app.relay.services import Services

#: A file is fetched, and uploaded, within this time (seconds), or tried again.
TIMEOUT: Final = 60.0
#: The other side may send on to where it keeps files; so many hops are followed.
_REDIRECTS: Final = 3
#: Answers to a request for bytes that say nothing about the bytes, as every 5xx does: asked again later.
_LATER: Final = frozenset({401, 408, 409, 423, 425, 429})
_REDIRECTION: Final = 300
_SERVER_ERROR: Final = 500
_MB: Final = 1_000_000


def fetch(
    services: Services,
    url: str,
    target: BinaryIO,
    *,
    headers: Mapping[str, str] | None = None,
    is_named: bool = False,
) -> Response:
    """Write what an address gives to ``target``.

    ``is_named``: an operator named its host in the settings; only such a one may be private, and it may not lead on to
    another.

    Raises:
        ServiceUnavailable, AddressRefused: see ``Http.download``.
        TooLarge: it is larger than this relay passes on.
    """
    limit = services.settings.media_limit
    try:
        return services.http.download(
            url,
            target,
            headers=headers,
            limit=limit,
            timeout=TIMEOUT,
            public_only=not is_named,
            follow=0 if is_named else _REDIRECTS,
        )
    except TooLarge as error:
        raise TooLarge(f"it is larger than {megabytes(limit)}, the most that is passed on", detail=error.hint) from None


def is_there(status: int) -> bool:
    """Tell whether an answer to a request for bytes brought them."""
    return status < _REDIRECTION


def is_for_later(status: int) -> bool:
    """Tell whether an answer says nothing about the bytes."""
    return status in _LATER or status >= _SERVER_ERROR


def megabytes(size: int) -> str:
    """Return a size (bytes) as people read it."""
    return f"{size / _MB:.1f} MB" if size >= _MB // 10 else f"{size:,} bytes"
