"""What the author of a connector gives the suite, and the connector under test together with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue, SecretStr, ValidationError

from app.conformance.report import Skipped
from app.connectors.base import Connector
from app.domain.account import Account, Credentials
from app.domain.part import Part, PartContent
from app.domain.person import Identifier
from app.domain.webhook import RawRequest

_URL = "https://relay.example/webhooks/sample/key"


@dataclass(frozen=True)
class Batch:
    """How a service puts many events into one request.

    ``event`` makes the nth good event (each a message of its own); ``body`` puts events, odd ones among them, into a
    request's body.
    """

    event: Callable[[int], JsonValue]
    body: Callable[[list[JsonValue]], bytes]


@dataclass(frozen=True)
class Samples:
    """Examples of a service's traffic.

    ``sign`` makes the request that the service would send with that body and those credentials. Each of ``payloads``
    yields events and no ``Unopened``. ``accepted`` is the service's answer to a call that sent a message to
    ``conversation``. ``signs_body`` is false where the service repeats a fixed secret instead of a signature.
    """

    credentials: Credentials
    sign: Callable[[bytes, Credentials], RawRequest]
    payloads: Mapping[str, bytes]
    accepted: bytes
    accepted_status: int = 200
    conversation: str = "1"
    signs_body: bool = True
    batch: Batch | None = None


@dataclass(frozen=True)
class Subject:
    """A connector under test and what is known about its service."""

    connector: Connector
    samples: Samples | None = None
    credentials: Credentials | None = field(init=False)

    def __post_init__(self) -> None:
        """Take the samples' credentials, or make some from the examples of the credentials' fields."""
        given = self.samples.credentials if self.samples else _from_examples(self.connector.credentials)
        object.__setattr__(self, "credentials", given)

    def needed(self) -> Samples:
        """Return the samples.

        Raises:
            Skipped: there are none.
        """
        if self.samples is None:
            raise Skipped("needs samples of the service's traffic")
        return self.samples

    def account(self, api_url: str = "") -> Account:
        """Return an account of this connector.

        Raises:
            Skipped: no credentials can be made.
        """
        if self.credentials is None:
            raise Skipped("needs samples, or an example at every field of the credentials")
        return Account(
            id=1,
            key="key",
            connector=self.connector.name,
            portal_id=1,
            channel_id="1",
            hubspot_id="1",
            name="Sample",
            identifier=Identifier(value="sample"),
            credentials=self.credentials,
            credentials_version=1,
            api_url=api_url or self.connector.api_url,
        )

    def request(self, body: bytes) -> RawRequest:
        """Return the request with that body as the service would send it; unsigned without samples."""
        if self.samples is None:
            return RawRequest(method="POST", url=_URL, headers={"content-type": "application/json"}, body=body)
        return self.samples.sign(body, self.samples.credentials)

    def part(self) -> Part:
        """Return a part with a short text."""
        conversation = self.samples.conversation if self.samples else "1"
        return Part(conversation=conversation, content=PartContent(text="Hello"), key="key-of-the-part")

    def secrets(self) -> list[str]:
        """Return the values that may stand nowhere."""
        values = vars(self.credentials).values() if self.credentials else ()
        return [
            value.get_secret_value() for value in values if isinstance(value, SecretStr) if value.get_secret_value()
        ]


def _from_examples(model: type[Credentials]) -> Credentials | None:
    examples = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    try:
        return model(**examples)
    except ValidationError:
        return None
