"""Calls to a homeserver as the speaker, and what its refusals mean.

Error codes: https://spec.matrix.org/latest/client-server-api/#common-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.connectors.matrix.credentials import MatrixCredentials, credentials_of
from app.domain.account import Account
from app.domain.part import Media
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
    from app.http import Http, Response

FORBIDDEN = "M_FORBIDDEN"
USER_IN_USE = "M_USER_IN_USE"

_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")
#: What Synapse says to a token that speaks for another user; Matrix has no code of its own for it.
_OTHER_USER = "masquerade"
_WORDS_SHOWN = 300
_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_OK = 200
_REDIRECTION = 300
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Refusal:
    """What an error code means, and what to do about it."""

    error: type[RelayError]
    hint: str


_TOKEN = Refusal(
    Unauthorized,
    "The homeserver refuses the application service's token: install the registration file again, then restart it.",
)
_USER = Refusal(Unauthorized, "The homeserver has closed the relay's user: its administrator has to open it again.")
_ROOM = Refusal(
    RecipientUnreachable, "The relay may not write in this Matrix room: the customer has to invite its user again."
)
_MESSAGE = Refusal(MessageInvalid, "The homeserver does not take this message: write it in another way.")
_SIZE = Refusal(MessageInvalid, "The message is too long for Matrix: send it in shorter pieces.")
_ADDRESS = Refusal(Unauthorized, "There is no Matrix client API at this address: check the homeserver address.")
_REGISTRATION = Refusal(
    Unauthorized, "The relay's user is not that of the registration file: install this account's file again."
)
_UNKNOWN = Refusal(ResponseUnexpected, "The homeserver gave an answer that Matrix's specification does not know.")

REFUSALS: Mapping[str, Refusal] = {
    "M_UNKNOWN_TOKEN": _TOKEN,
    "M_MISSING_TOKEN": _TOKEN,
    "M_EXCLUSIVE": _REGISTRATION,
    "M_USER_DEACTIVATED": _USER,
    "M_USER_LOCKED": _USER,
    "M_USER_SUSPENDED": _USER,
    "M_CONSENT_NOT_GIVEN": Refusal(
        Unauthorized, "The homeserver wants the relay's user to agree to its terms: its administrator has to do that."
    ),
    FORBIDDEN: _ROOM,
    "M_NOT_FOUND": Refusal(RecipientUnreachable, "The homeserver does not know this Matrix room (any more)."),
    "M_UNSUPPORTED_ROOM_VERSION": _ROOM,
    "M_INCOMPATIBLE_ROOM_VERSION": _ROOM,
    "M_UNABLE_TO_AUTHORISE_JOIN": _ROOM,
    "M_UNABLE_TO_GRANT_JOIN": _ROOM,
    "M_TOO_LARGE": _SIZE,
    "M_BAD_JSON": _MESSAGE,
    "M_NOT_JSON": _MESSAGE,
    "M_INVALID_PARAM": _MESSAGE,
    "M_MISSING_PARAM": _MESSAGE,
    "M_UNRECOGNIZED": _ADDRESS,
    "M_RESOURCE_LIMIT_EXCEEDED": Refusal(
        ServiceUnavailable, "The homeserver is over its limit of users; it is tried again."
    ),
}

#: For answers without an error code, which come from a proxy in front of the homeserver.
STATUSES: Mapping[int, Refusal] = {401: _TOKEN, 413: _SIZE}


#: A homeserver is asked what it takes before a file of more than so many bytes; smaller ones every one takes.
_ASKED_FROM = 1_000_000
#: What else a refusal means where a file is uploaded.
_LARGE_FILE = Refusal(MessageInvalid, "The file is larger than this homeserver takes: send a link to it instead.")
UPLOAD_REFUSALS: Mapping[str, Refusal] = {
    "M_TOO_LARGE": _LARGE_FILE,
    "413": _LARGE_FILE,
    FORBIDDEN: Refusal(
        MessageInvalid,
        "The homeserver lets the relay store no such file: ask its administrator, or send a link instead.",
    ),
}

#: What a homeserver met when it called us at our wish.
PING_REFUSALS: Mapping[str, Refusal] = {
    "M_URL_NOT_SET": Refusal(
        Unauthorized, "The registration file has no address: install this account's file, then restart the homeserver."
    ),
    "M_BAD_STATUS": Refusal(
        Unauthorized, "The homeserver reaches the relay and is refused: install this account's registration file."
    ),
    "M_CONNECTION_FAILED": Refusal(
        ServiceUnavailable, "The homeserver does not reach the relay: check the address in the registration file."
    ),
    "M_CONNECTION_TIMEOUT": Refusal(
        ServiceUnavailable, "The homeserver waits for the relay in vain: check the network between the two."
    ),
    FORBIDDEN: Refusal(
        Unauthorized, "The homeserver has another registration file: install this account's file, then restart it."
    ),
}


@dataclass(frozen=True)
class Homeserver:
    """The client API of an account's homeserver."""

    account: Account
    http: Http

    @property
    def ours(self) -> MatrixCredentials:
        """The account's credentials."""
        return credentials_of(self.account)

    def address(self, *steps: str) -> str:
        """Return the address of a path; every step is one segment and is quoted."""
        return "/".join([self._base, "_matrix", "client", *(quote(step, safe="") for step in steps)])

    @property
    def _base(self) -> str:
        return self.account.api_url or self.ours.homeserver_url

    @property
    def headers(self) -> dict[str, str]:
        """What opens the API."""
        return {"Authorization": f"Bearer {self.ours.as_token.get_secret_value()}"}

    def call(self, method: str, *steps: str, json: object = None, params: Mapping[str, str] | None = None) -> Response:
        """Make a call as the speaker and return its answer, whatever it says.

        Raises:
            Transient, OutcomeUnknown: as ``app.http``.
        """
        query = {"user_id": self.ours.speaker, **(params or {})}
        return self.request(method, self.address(*steps), params=query, json=json)

    def request(
        self, method: str, url: str, *, json: object = None, params: Mapping[str, str] | None = None
    ) -> Response:
        """Ask the homeserver, and nobody of this network by its name: who entered its address may be a stranger.

        Raises:
            AddressRefused: the name leads to a private address.
            Transient, OutcomeUnknown: as ``app.http``.
        """
        public = not self.account.api_url
        return self.http.request(method, url, headers=self.headers, params=params, json=json, public_only=public)

    def upload(self, media: Media) -> str:
        """Stream a file to the homeserver and return its mxc:// address.

        https://spec.matrix.org/latest/client-server-api/#post_matrixmediav3upload

        Raises:
            MessageInvalid: it is larger than the homeserver takes.
            RelayError: as ``Connector.send``.
        """
        if media.size > _ASKED_FROM:
            self._check_size(media.size)
        with media.open() as file:
            response = self.http.request(
                "POST",
                f"{self._base}/_matrix/media/v3/upload",
                headers={**self.headers, "Content-Type": media.mime},
                params={"user_id": self.ours.speaker, "filename": media.name},
                content=file,
                public_only=not self.account.api_url,
            )
        if not succeeded(response):
            raise self.refusal(response, UPLOAD_REFUSALS)
        return field(_body(response), "content_uri")

    def _check_size(self, size: int) -> None:
        """Ask how large a file may be. Synapse does not answer to a larger one: it cuts the connection while it comes.

        https://spec.matrix.org/latest/client-server-api/#get_matrixclientv1mediaconfig
        """
        response = self.request("GET", self.address("v1", "media", "config"))
        most = _body(response).get("m.upload.size") if succeeded(response) else None
        if isinstance(most, int) and size > most:
            raise _LARGE_FILE.error(_LARGE_FILE.hint, detail=f"{size} bytes, at most {most}")

    def answer(self, response: Response) -> dict[str, Any]:
        """Return the answer to a call; an empty one where a yes comes without an object.

        Raises:
            RelayError: the homeserver refused.
        """
        if not succeeded(response):
            raise self.refusal(response)
        return _body(response)

    def refusal(self, response: Response, meanings: Mapping[str, Refusal] | None = None) -> RelayError:
        """Return the error that a refusal means; ``meanings``, by code or by status, go before the common ones."""
        code = errcode(response)
        detail = self._detail(response)
        if code == FORBIDDEN and _OTHER_USER in detail.lower():
            return _REGISTRATION.error(_REGISTRATION.hint, detail=detail)
        if special := (meanings or {}).get(code or str(response.status)):
            return special.error(special.hint, detail=detail)
        if response.status == _TOO_MANY_REQUESTS or code == "M_LIMIT_EXCEEDED":
            return RateLimited("The homeserver asked to slow down.", retry_after=_wait(response), detail=detail)
        if response.status >= _SERVER_ERROR or response.status == _REQUEST_TIMEOUT:
            return ServiceUnavailable(
                "The homeserver cannot answer now: it is tried again.", retry_after=_wait(response), detail=detail
            )
        known = REFUSALS.get(code) or STATUSES.get(response.status) or _UNKNOWN
        return known.error(known.hint, detail=detail)

    def _detail(self, response: Response) -> str:
        """Return the homeserver's own words, without the token that a proxy may repeat."""
        words = _field(response, "error").replace(self.ours.as_token.get_secret_value(), "[token]")
        return f"{response.status} {errcode(response)} {words[:_WORDS_SHOWN]}".strip()


def succeeded(response: Response) -> bool:
    """Tell whether the homeserver did what it was asked to."""
    return _OK <= response.status < _REDIRECTION


def errcode(response: Response) -> str:
    """Return Matrix's code of a refusal, or an empty string."""
    found = _CODE.fullmatch(_field(response, "errcode"))
    return found[0] if found else ""


def field(body: Mapping[str, Any], name: str) -> str:
    """Return a text that a good answer always has.

    Raises:
        OutcomeUnknown: it is not there.
    """
    value = body.get(name)
    if isinstance(value, str) and value:
        return value
    raise OutcomeUnknown("The homeserver's answer cannot be read: check what stands in front of it.", detail=name)


def _wait(response: Response) -> float | None:
    """Seconds to wait: the header, or the field that it replaced in version 1.10 of the specification."""
    header = response.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdigit():
        return float(header)
    milliseconds = _body(response).get("retry_after_ms")
    return milliseconds / 1000 if isinstance(milliseconds, int | float) and milliseconds >= 0 else None


def _field(response: Response, name: str) -> str:
    value = _body(response).get(name)
    return value if isinstance(value, str) else ""


def _body(response: Response) -> dict[str, Any]:
    """Return an answer's object, or an empty one where it has none."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
