"""The connector contract: what a messaging service's plug-in declares and does.

Mandatory: the class attributes, ``verify``, ``parse`` and ``send``. Everything else a service may be able to do is
its own small protocol below; the relay asks ``isinstance``. ``verify`` and ``parse`` do no I/O. ``send`` makes its
call and nothing else: no sleep, no retry, no clock, no logging of bodies. Limits, error codes and status codes are
tables at the top of the connector's file, with the documentation's address.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from app.domain.webhook import Answer

if TYPE_CHECKING:
    from app.domain.account import Account, Credentials
    from app.domain.capability import Capabilities
    from app.domain.message import Attachment, Event
    from app.domain.part import Part, Sent
    from app.domain.person import Identifier
    from app.domain.webhook import RawRequest
    from app.http import Http


class Connector(ABC):
    """Speaks to one messaging service. Has no state: one instance serves every account and thread of a process."""

    #: Short name: in addresses, settings (``RELAY_<NAME>_API_URL``) and commands.
    name: ClassVar[str]
    #: The service's name as people write it.
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    credentials: ClassVar[type[Credentials]]
    #: Base address of the service's API; settings may point it elsewhere.
    api_url: ClassVar[str] = ""

    @abstractmethod
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        """Check that the service itself sent this request, on the raw bytes and in constant time.

        Raises:
            SignatureInvalid: it did not, or it cannot be told; the hint says what to do.
        """

    @abstractmethod
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        """Read a verified request. Pure.

        One odd item becomes ``Unopened`` and never takes its neighbours with it. A body that cannot be read at all is
        one ``Unopened``. Pure noise is left out. A message of our own side is marked ``own``, whether a colleague wrote
        it in the service's own app or the relay sent it: the relay tells them apart.
        """

    @abstractmethod
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        """Make the one call that sends a part.

        Raises:
            Transient, OutcomeUnknown, Rejected, Unauthorized: see ``app.errors``; every hint is a sentence that the
                agent can act on.
        """

    def answer(self, raw: RawRequest) -> Answer:  # noqa: ARG002 - services with a protocol of their own look at it
        """Return what the service expects for a request that is stored. Never fails."""
        return Answer()

    def is_group(self, conversation: str) -> bool:  # noqa: ARG002 - for overriding
        """Tell whether several people share a conversation, where the service has limits of its own for that."""
        return False

    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:  # noqa: ARG002 - for overriding
        """Return the service's own id of this delivery, or None: then the body's hash is taken."""
        return None


@dataclass(frozen=True)
class Profile:
    """Who an account is at its service, as a test of its credentials found out."""

    identifier: Identifier
    name: str


@dataclass(frozen=True)
class MediaRequest:
    """Where and how an attachment's bytes are fetched."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class TestsCredentials(Protocol):
    """Can tell whether credentials work, before they are saved."""

    def test(self, account: Account, http: Http) -> Profile:
        """Ask the service who we are.

        Raises:
            Unauthorized: the service refuses the credentials.
            Transient, OutcomeUnknown: the service could not be asked.
        """


@runtime_checkable
class RegistersWebhook(Protocol):
    """Can tell the service where to send its webhooks."""

    def register_webhook(self, account: Account, url: str, http: Http) -> None:
        """Register the address, replacing an older one.

        Raises:
            RelayError: as ``Connector.send``.
        """


@runtime_checkable
class FetchesMedia(Protocol):
    """Needs a token or a look-up to fetch an attachment's bytes. Others are fetched by plain download."""

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:
        """Return the request that yields the bytes.

        Raises:
            MediaNotReady: the service still prepares them.
            Rejected: they are gone or too large; the hint is shown in their place.
        """


@runtime_checkable
class LooksUp(Protocol):
    """Can tell whether a part arrived after its answer was lost."""

    def look_up(self, part: Part, account: Account, http: Http) -> Sent | None:
        """Return what was sent, or None when it did not arrive.

        Raises:
            RelayError: as ``Connector.send``.
        """


@runtime_checkable
class Handshakes(Protocol):
    """Answers the service's questions that are not deliveries (challenges, pings, look-ups)."""

    def handshake(self, raw: RawRequest, account: Account) -> Answer | None:
        """Return the answer to a verified request that needs no storing, or None for an ordinary delivery."""


@runtime_checkable
class MarksRead(Protocol):
    """Can show customers that their message was read."""

    def mark_read(self, conversation: str, account: Account, http: Http, *, message: str) -> None:
        """Mark a customer's message as read; nothing happens where the service has no mark for it. Safe to repeat.

        Raises:
            RelayError: as ``Connector.send``; it is logged, and nothing else comes of it.
        """


@runtime_checkable
class ShowsTyping(Protocol):
    """Can show customers for a few seconds that somebody writes."""

    def show_typing(self, conversation: str, account: Account, http: Http) -> None:
        """Show it; the service takes it away by itself.

        Raises:
            RelayError: as ``Connector.send``; it is logged, and nothing else comes of it.
        """


@runtime_checkable
class Welcomes(Protocol):
    """Has to join a conversation before it hears what is said there."""

    def join(self, conversation: str, account: Account, http: Http) -> Sequence[Event]:
        """Join, and return what was said before: the service does not push it. Safe to repeat.

        Raises:
            RelayError: as ``Connector.send``.
        """
