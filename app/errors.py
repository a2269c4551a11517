"""Every error the relay raises, as one tree.

An error answers three questions: try again? whose fault is it? what do we tell people?

    RelayError(hint, code=...)
     ├─ Transient          try again later
     │   ├─ ServiceUnavailable    the messaging service
     │   ├─ HubSpotUnavailable    HubSpot
     │   ├─ RateLimited           retry_after seconds; costs no attempt
     │   └─ MediaNotReady         the service still prepares the bytes
     ├─ OutcomeUnknown     it may have arrived: the connection was lost after the request was written
     ├─ Rejected           final for this message
     │   ├─ MessageInvalid        the other side cannot take this message
     │   ├─ ContentUnsupported    the other side has no such kind of message
     │   ├─ RecipientUnreachable  blocked, unknown, gone
     │   ├─ WindowClosed          the service's reply window is over
     │   ├─ OptedOut              the person asked not to be written to
     │   └─ ResponseUnexpected    an answer that the documentation does not know
     └─ Unauthorized       pauses the account or the portal; its messages wait and burn no attempt
    SignatureInvalid       receiver only: answered 401
    ConfigurationError     outside the tree: the process stops at start with a sentence; nothing retries it

``hint`` is the sentence that the operator and the agent read; ``code`` is the short stable name that attempts,
metrics and searches use. The relay's drain is the one place that turns an error into what happens next.
"""

from __future__ import annotations

from typing import ClassVar


class RelayError(Exception):
    """Something went wrong with one message, account or service."""

    code: ClassVar[str] = "relay_error"

    def __init__(self, hint: str, *, code: str | None = None, detail: str | None = None) -> None:
        """Keep the sentence for people, and optionally a finer code and the other side's own words or id."""
        super().__init__(hint)
        self.hint = hint
        self.reason = code or self.code
        self.detail = detail


class Transient(RelayError):
    """It did not happen; trying again later may help."""

    code = "transient"

    def __init__(
        self,
        hint: str,
        *,
        retry_after: float | None = None,
        everybody: bool = False,
        code: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Keep the seconds that the other side asked us to wait, if it did.

        ``everybody``: it said that no call of this account gets through now.
        """
        super().__init__(hint, code=code, detail=detail)
        self.retry_after = retry_after
        self.everybody = everybody


class ServiceUnavailable(Transient):
    """The messaging service is down, slow or answers 5xx."""

    code = "service_unavailable"


class HubSpotUnavailable(Transient):
    """HubSpot is down, slow, moving the portal or answers 5xx."""

    code = "hubspot_unavailable"


class RateLimited(Transient):
    """The other side asked us to slow down. Costs no attempt."""

    code = "rate_limited"


class MediaNotReady(Transient):
    """The service is still preparing the bytes of an attachment."""

    code = "media_not_ready"


class OutcomeUnknown(RelayError):
    """The request was written but no answer came: it may have arrived."""

    code = "outcome_unknown"


class Rejected(RelayError):
    """Final for this message: trying the same again cannot help."""

    code = "rejected"


class MessageInvalid(Rejected):
    """The other side refuses this message as it is."""

    code = "message_invalid"


class ContentUnsupported(Rejected):
    """The other side has no such kind of message."""

    code = "content_unsupported"


class RecipientUnreachable(Rejected):
    """The person blocked us, left, or is not known there."""

    code = "recipient_unreachable"


class WindowClosed(Rejected):
    """The service's window for free replies is over."""

    code = "window_closed"


class OptedOut(Rejected):
    """The person asked not to be written to."""

    code = "opted_out"


class ResponseUnexpected(Rejected):
    """An answer that the other side's documentation does not know."""

    code = "response_unexpected"


class Unauthorized(RelayError):
    """The credentials, the app or the account are refused: a person has to act.

    ``scope`` says what is paused: ``account`` (one bot, number or channel account) or ``portal``. ``credential`` tells
    which one was refused, as a fingerprint: a late refusal of an old one must not pause a new one.
    """

    code = "unauthorized"

    def __init__(
        self,
        hint: str,
        *,
        scope: str = "account",
        credential: str = "",
        code: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Keep what has to pause."""
        super().__init__(hint, code=code, detail=detail)
        self.scope = scope
        self.credential = credential


class SignatureInvalid(RelayError):
    """A webhook's signature or secret does not match. Answered 401, nothing is stored."""

    code = "signature_invalid"


class ConfigurationError(Exception):
    """A setting is missing or wrong.

    Deliberately outside the tree: nothing may retry it, the process stops with its sentence.
    """
