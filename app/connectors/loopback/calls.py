"""Calls of Loopback's API, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.connectors.loopback.credentials import authorization, credentials_of
from app.errors import (
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    RelayError,
    ResponseUnexpected,
    ServiceUnavailable,
    Unauthorized,
)

if TYPE_CHECKING:
    from app.domain.account import Account
    from app.domain.webhook import RawRequest
    from app.http import Http, Response

#: Longest text of a message, characters.
TEXT_LENGTH = 4000

REDIRECTION = 300
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500
_WORDS_SHOWN = 300


@dataclass(frozen=True)
class _Refusal:
    error: type[RelayError]
    hint: str


#: What a refusal's status means; every other one is in ``_refusal``.
REFUSALS: Mapping[int, _Refusal] = {
    400: _Refusal(MessageInvalid, "Loopback does not take this message."),
    401: _Refusal(Unauthorized, "Loopback refuses the token: enter a new one for this account."),
    403: _Refusal(RecipientUnreachable, "The customer has blocked this account: use another channel."),
    404: _Refusal(RecipientUnreachable, "Loopback does not know this conversation (any more)."),
    413: _Refusal(MessageInvalid, f"Loopback takes at most {TEXT_LENGTH} characters: send a shorter text."),
    429: _Refusal(RateLimited, "Loopback asked to slow down."),
}


def call(http: Http, account: Account, method: str, path: str, **options: Any) -> Response:
    """Call the API, and return an answer that means yes.

    Raises:
        RelayError: it does not; which one, the table above says.
    """
    headers = authorization(account) | options.pop("headers", {})
    response = http.request(method, f"{account.api_url}{path}", headers=headers, **options)
    if response.status in {200, 201}:
        return response
    words = _words(response, account)
    refusal = REFUSALS.get(response.status) or _refusal(response.status)
    if refusal.error is RateLimited:
        wait = response.headers.get("retry-after", "")
        raise RateLimited(refusal.hint, retry_after=float(wait) if wait.isdecimal() else None, detail=words)
    raise refusal.error(refusal.hint, detail=words)


def top(message: RawRequest | Response, name: str) -> object:
    """Return a field of a JSON object, or None where there is no such thing."""
    try:
        body = message.json()
    except (ValueError, RecursionError):
        return None
    return body.get(name) if isinstance(body, dict) else None


def field(response: Response, name: str) -> str:
    """Return a text of an answer that means yes.

    Raises:
        OutcomeUnknown: it is not there, so nobody knows what was done.
    """
    value = top(response, name)
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown(f"Loopback said yes, but not the {name}: it may have been done.")
    return value


def _refusal(status: int) -> _Refusal:
    """What a status that is not in the table means."""
    if status >= SERVER_ERROR or status == REQUEST_TIMEOUT:
        return _Refusal(ServiceUnavailable, "Loopback is out of order at the moment.")
    if status < REDIRECTION:
        return _Refusal(OutcomeUnknown, f"Loopback's answer does not say whether it was done (status {status}).")
    return _Refusal(ResponseUnexpected, f"Loopback gave an answer that its protocol does not know (status {status}).")


def _words(response: Response, account: Account) -> str:
    """Loopback's own words, without our secrets if it repeats them."""
    words = response.text
    for secret in (credentials_of(account).token, credentials_of(account).secret):
        words = words.replace(secret.get_secret_value(), "***")
    return f"{response.status} {words[:_WORDS_SHOWN]}"
