from __future__ import annotations

from collections.abc import Sequence

import pytest
from typing_extensions import override

from app.connectors.base import (
    Connector,
    FetchesMedia,
    Handshakes,
    LooksUp,
    MediaRequest,
    Profile,
    RegistersWebhook,
    TestsCredentials,
)
from app.domain.account import Account, Credentials
from app.domain.capability import Capabilities
from app.domain.message import Attachment, Event
from app.domain.part import Part, Sent
from app.domain.person import Identifier
from app.domain.webhook import Answer, RawRequest
from app.http import Http
from tests.app.connectors.loopback_samples import SAMPLES
from tests.app.connectors.test_loopback import SUBJECT


class Least(Connector):
    """What every connector has to have, and nothing else."""

    name = "least"
    title = "Least"
    capabilities = Capabilities(text_length=1)
    credentials = Credentials

    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None: ...

    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        return []

    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        return Sent(ids=("1",))


class Most(Least):
    """Every ability that there is."""

    def test(self, account: Account, http: Http) -> Profile:
        return Profile(identifier=Identifier(value=account.name), name=str(http))

    def register_webhook(self, account: Account, url: str, http: Http) -> None: ...

    def media_request(self, attachment: Attachment, account: Account, http: Http) -> MediaRequest:
        return MediaRequest(url=f"{account.api_url}{attachment.source}{http}")

    def look_up(self, part: Part, account: Account, http: Http) -> Sent | None: ...

    def handshake(self, raw: RawRequest, account: Account) -> Answer | None: ...


@pytest.mark.parametrize("ability", [TestsCredentials, RegistersWebhook, FetchesMedia, LooksUp, Handshakes])
def test_an_ability_is_recognised_by_its_method(ability: type) -> None:
    assert isinstance(Most(), ability)
    assert not isinstance(Least(), ability)


def test_what_a_connector_does_not_say() -> None:
    raw = SAMPLES.sign(b"{}", SAMPLES.credentials)

    assert Least().answer(raw) == Answer(status=200, body="")
    assert Least().dedupe_key(raw, SUBJECT.account()) is None
    assert MediaRequest(url="https://relay.example/a").headers == {}


def test_the_mandatory_steps_are_mandatory() -> None:
    class Incomplete(Connector):
        name = "incomplete"

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()  # type: ignore[abstract]
