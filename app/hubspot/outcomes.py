"""What HubSpot's answers mean: the table that turns a status and an error body into our errors.

| answer | means |
|---|---|
| 401 | the portal's token is refused (the client has refreshed it once before it asks here) |
| 403, 404 for the channel, anything about an inactive or unauthorised account | the portal or the account is paused |
| 404 for anything else | gone |
| 400, 409, 413, 422 | the message's fault |
| 429 | slow down |
| 3xx, 408, 423, 477, 5xx, and every page of HTML | try again later |
| any other | not documented |

HubSpot calls every field of an error body optional, so nothing here depends on one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from pydantic import AliasChoices, Field

from app.errors import (
    HubSpotUnavailable,
    MessageInvalid,
    RateLimited,
    Rejected,
    RelayError,
    ResponseUnexpected,
    Unauthorized,
)
from app.http import Response
from app.hubspot.payloads import Object, Objects, Payload, Text, read_texts

#: Longest waits that we let HubSpot ask for, in seconds. A portal that moves to another data centre takes up to a day.
LONGEST_WAIT: Final = 3_600.0
LONGEST_MOVE: Final = 86_400.0

#: Seconds to wait where HubSpot names none: after a 429 (its window rolls, so a call is free long before it is over;
#: a whole one would halve what a portal can do), and its advice for a locked object.
RATE_WAIT: Final = 1.0
LOCKED_WAIT: Final = 2.0

#: Answers that are worth another try, with their codes and the seconds to wait where no header tells.
LOCKED: Final = 423
MOVING: Final = 477
TRANSIENT: Final[Mapping[int, tuple[str, float | None]]] = {
    408: ("hubspot_timeout", None),
    LOCKED: ("hubspot_locked", LOCKED_WAIT),
    MOVING: ("hubspot_moving", None),
}

#: Answers that concern everybody who calls this portal: the others wait too, and nobody's attempts are burnt.
PORTAL_BUSY: Final = frozenset({LOCKED, MOVING})

#: Answers that blame the request, whatever their body looks like.
TOO_LARGE: Final = 413
INVALID: Final = frozenset({400, 409, TOO_LARGE, 422})

CHANNEL_GONE: Final = re.compile(r"CHANNEL_DOES_NOT_EXIST|\bChannel \d+ not found", re.IGNORECASE)

#: No answer is documented for an account that is switched off; any words that say so are taken for it.
ACCOUNT_TROUBLE: Final = re.compile(
    r"channel[ _-]?account.{0,80}?"
    r"(inactive|not[ _]active|disabled|archived|not[ _]found|not[ _]exist|unauthori[sz]ed|not[ _]authori[sz]ed)",
    re.IGNORECASE | re.DOTALL,
)
USAGE_TROUBLE: Final = re.compile(r"file[ _]?usage[ _]?type", re.IGNORECASE)

#: Said of a change that names nothing which can be changed, such as an account's inbox.
EMPTY_UPDATE: Final = re.compile(r"EMPTY_UPDATE_REQUEST_BODY|body of the request is empty", re.IGNORECASE)
#: What HubSpot never issued it reports as expired in 1970, some 20,000 days ago.
NEVER_ISSUED: Final = re.compile(r"\bexpired \d{5,} day", re.IGNORECASE)
#: Any words about scopes mean that one is missing, also where the error has no category.
SCOPE_TROUBLE: Final = re.compile(r"\bscopes?\b", re.IGNORECASE)

_DETAIL_LENGTH = 1_000


class Gone(Rejected):
    """HubSpot does not have what the call is about any more."""

    code = "gone"


class ErrorItem(Payload):
    """One entry of ``errors``."""

    message: Text = ""
    context: Object = Field(default_factory=dict)


class ErrorBody(Payload):
    """An error's body, or what there is of it. ``category`` is also called ``errorType``."""

    status: Text = ""
    message: Text = ""
    error: Text = ""
    category: Text = Field(default="", validation_alias=AliasChoices("category", "errorType"))
    sub_category: Text = ""
    correlation_id: Text = ""
    policy_name: Text = ""
    context: Object = Field(default_factory=dict)
    errors: Objects = Field(default_factory=list)

    @property
    def words(self) -> str:
        """Everything that the body says, for searching."""
        return " ".join([self.sub_category, self.message, *(one.message for one in self.items)])

    @property
    def items(self) -> list[ErrorItem]:
        """The single errors."""
        return [ErrorItem.model_validate(one) for one in self.errors]

    @property
    def detail(self) -> str:
        """HubSpot's own words and the id that its support asks for."""
        said = " ".join(filter(None, [self.category, self.sub_category, self.message]))
        told = f"{said[:_DETAIL_LENGTH]} (correlation id {self.correlation_id[:64] or 'none'})"
        return told.strip()

    @property
    def scopes(self) -> list[str]:
        """The scopes that a refused call needs."""
        contexts = [self.context, *(one.context for one in self.items)]
        found = {scope for one in contexts for scope in read_texts(one.get("requiredGranularScopes"))}
        return sorted(found)

    @property
    def never_a_token(self) -> bool:
        """HubSpot reports what it never issued as a token that expired in 1970."""
        expiry = self.context.get("expire time")
        return NEVER_ISSUED.search(self.message) is not None or any(
            str(one).startswith("1970-01-01") for one in (expiry if isinstance(expiry, list) else [expiry])
        )


def read_error(response: Response) -> ErrorBody:
    """Read an error's body; an empty one where there is no JSON object."""
    return ErrorBody.model_validate(read_json(response) or {})


def read_json(response: Response) -> dict[str, Any] | None:
    """Return an answer's JSON object, or None where it is empty, HTML, cut off or anything else."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def raise_for(response: Response) -> None:
    """Return for a 2xx.

    Raises:
        RelayError: what the answer means.
    """
    if not is_success(response):
        raise error_for(response)


def is_success(response: Response) -> bool:
    """Tell whether HubSpot did what was asked."""
    return 200 <= response.status < 300  # noqa: PLR2004 - the range is what success means


def error_for(response: Response) -> RelayError:
    """Return the error that an answer means."""
    status, body = response.status, read_error(response)
    if status in _READERS:
        return _READERS[status](response, body)
    if status in TRANSIENT or _is_transient(response):
        return _unavailable(response, body)
    if status in INVALID:
        return _invalid(body)
    return ResponseUnexpected(f"HubSpot answered {status}, which it does not document.", detail=body.detail)


def retry_after(response: Response, longest: float = LONGEST_WAIT) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, given as a number or as a date, at most ``longest``."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return min(float(value), longest)
    until, now = _date(value), _date(response.headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), longest)


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_transient(response: Response) -> bool:
    """5xx, redirects, and pages of HTML, which come from HubSpot's edge and not from its API."""
    page = response.body.lstrip()[:1] == b"<" and response.status != TOO_LARGE
    return page or response.status >= 500 or response.status < 400  # noqa: PLR2004 - the classes of HTTP


def _unavailable(response: Response, body: ErrorBody) -> HubSpotUnavailable:
    code, wait = TRANSIENT.get(response.status, (None, None))
    longest = LONGEST_MOVE if response.status == MOVING else LONGEST_WAIT
    told = retry_after(response, longest)
    return HubSpotUnavailable(
        f"HubSpot cannot take this now: it answered {response.status}.",
        retry_after=wait if told is None else told,
        everybody=response.status in PORTAL_BUSY,
        code=code,
        detail=body.detail,
    )


def _invalid(body: ErrorBody) -> RelayError:
    if ACCOUNT_TROUBLE.search(body.words):
        return account_trouble(body)
    if EMPTY_UPDATE.search(body.words):
        hint = "HubSpot changes nothing but an account's name and authorisation: to move it, connect it anew there."
        return Rejected(hint, code="empty_update", detail=body.detail)
    return MessageInvalid("HubSpot refused this message as it is.", detail=body.detail)


def _unauthorized(_: Response, body: ErrorBody) -> RelayError:
    hint = "HubSpot refuses the portal's access token: install the app in this portal again."
    if body.never_a_token:
        hint = "What is stored as the portal's access token is none of HubSpot's: install the app in this portal again."
    return Unauthorized(hint, scope="portal", code="token_refused", detail=body.detail)


def _forbidden(response: Response, body: ErrorBody) -> RelayError:
    if read_json(response) is None:
        return _unavailable(response, body)
    if body.category == "MISSING_SCOPES" or body.scopes or SCOPE_TROUBLE.search(body.words):
        names = ", ".join(body.scopes) or "that HubSpot does not name"
        hint = f"The app lacks the scopes {names}: add them to the app and install it in this portal again."
        return Unauthorized(hint, scope="portal", code="missing_scopes", detail=body.detail)
    if ACCOUNT_TROUBLE.search(body.words):
        return account_trouble(body)
    return Unauthorized("HubSpot forbids this call for the channel account.", code="forbidden", detail=body.detail)


def _not_found(response: Response, body: ErrorBody) -> RelayError:
    if read_json(response) is None:
        return HubSpotUnavailable(
            "HubSpot does not know this address: check the API versions in the settings.",
            code="unknown_address",
            detail=body.detail,
        )
    if CHANNEL_GONE.search(body.words):
        return Unauthorized(
            "HubSpot does not show this channel to us: the token belongs to another app, the channel id is wrong, or "
            "the channel was registered a moment ago.",
            code="channel_unknown",
            detail=body.detail,
        )
    if ACCOUNT_TROUBLE.search(body.words):
        return account_trouble(body)
    return Gone("HubSpot does not have this any more.", detail=body.detail)


def account_trouble(body: ErrorBody) -> Unauthorized:
    """Return the error that pauses a channel account until somebody looks at it."""
    return Unauthorized(
        "The channel account is switched off, not authorised or gone at HubSpot: look at it in the inbox settings.",
        code="account_inactive",
        detail=body.detail,
    )


def _rate_limited(response: Response, body: ErrorBody) -> RelayError:
    daily = body.policy_name.upper() == "DAILY"
    wait = retry_after(response)
    if wait is None:
        wait = LONGEST_WAIT if daily else RATE_WAIT
    hint = "The portal's calls of today are used up." if daily else "HubSpot asks us to slow down."
    return RateLimited(hint, retry_after=wait, code="daily_limit" if daily else None, detail=body.detail)


_READERS: Final[dict[int, Callable[[Response, ErrorBody], RelayError]]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    429: _rate_limited,
}
