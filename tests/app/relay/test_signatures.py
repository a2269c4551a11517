from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from app import logs
from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from app.hubspot.signature_doctor import Diagnosis
from app.relay import signatures
from app.relay.accept import accept_hubspot
from app.relay.services import Services
from app.relay.signatures import MOST_EXAMINED, Consultation
from app.storage.tables import envelopes
from tests.app.relay.world import CLIENT_SECRET, RelayWorld, hubspot_headers

PATH = "/webhooks/hubspot"
BODY = json.dumps({"type": "CHANNEL_PAINTED", "text": "Olá"}, separators=(",", ":"), ensure_ascii=False).encode()
OLD, OLDER = "client-secret-of-last-year", "client-secret-of-the-year-before"
PUBLIC = "https://relay.example.com"
DEFAULTS: dict[str, Any] = signatures.check.__kwdefaults__ or {}


class _Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def relay(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> RelayWorld:
    """The database makes no difference here; nobody was examined before."""
    monkeypatch.setitem(DEFAULTS, "consultation", Consultation())
    return light_relay


Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines(relay: RelayWorld) -> Lines:
    """What the relay logs of an event from here on."""
    stream = io.StringIO()
    logs.configure(relay.services.settings.model_copy(update={"log_format": "json"}), [], stream=stream)
    return lambda event: [one for one in map(json.loads, stream.getvalue().splitlines()) if one["event"] == event]


def changed(relay: RelayWorld, **settings: object) -> Services:
    return replace(relay.services, settings=relay.services.settings.model_copy(update=settings))


def request(url: str, headers: dict[str, str], body: bytes = BODY) -> RawRequest:
    return RawRequest("POST", url, headers={name.lower(): value for name, value in headers.items()}, body=body)


def refused(services: Services, raw: RawRequest, *, events: bool = False) -> SignatureInvalid:
    with pytest.raises(SignatureInvalid) as caught:
        accept_hubspot(services, raw, events=events)
    return caught.value


def reformatted(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=2).encode()


#: Where the relay believes to be, what HubSpot signed, what came, how old it is, and by which secret it is signed.
NINE = {
    "scheme": ("http://relay.example.com", f"{PUBLIC}{PATH}", PATH, BODY, 0, CLIENT_SECRET),
    "host": ("https://old.example.com", f"{PUBLIC}{PATH}", PATH, BODY, 0, CLIENT_SECRET),
    "port": ("https://relay.example.com:8000", f"{PUBLIC}{PATH}", PATH, BODY, 0, CLIENT_SECRET),
    "path_prefix": (PUBLIC, f"{PUBLIC}/relay{PATH}", PATH, BODY, 0, CLIENT_SECRET),
    "slash": (PUBLIC, f"{PUBLIC}/{PATH}", PATH, BODY, 0, CLIENT_SECRET),
    "query": (PUBLIC, f"{PUBLIC}{PATH}?b=2&a=1", f"{PATH}?a=1&b=2", BODY, 0, CLIENT_SECRET),
    "decoding": (PUBLIC, f"{PUBLIC}{PATH}?a=b c", f"{PATH}?a=b%20c", BODY, 0, CLIENT_SECRET),
    "body": (PUBLIC, f"{PUBLIC}{PATH}", PATH, reformatted(BODY), 0, CLIENT_SECRET),
    "secret": (PUBLIC, f"{PUBLIC}{PATH}", PATH, BODY, 0, OLDER),
    "clock": (PUBLIC, f"{PUBLIC}{PATH}", PATH, BODY, 3_600, CLIENT_SECRET),
    "unknown": (PUBLIC, f"{PUBLIC}{PATH}", PATH, BODY, 0, "nobody's"),
}
SetUp = tuple[str, str, str, bytes, float, str]


def broken(relay: RelayWorld, set_up: SetUp) -> tuple[Services, RawRequest]:
    public, signed, target, body, age, secret = set_up
    services = changed(relay, public_url=public, hubspot_client_secret_old=(SecretStr(OLD), SecretStr(OLDER)))
    headers = {**hubspot_headers(signed, BODY, age=age, secret=secret), "Host": "relay.example.com"}
    return services, request(public + target, headers, body)


@pytest.mark.parametrize("cause", NINE)
def test_a_broken_set_up_is_diagnosed_in_the_log_and_refused_all_the_same(
    relay: RelayWorld, lines: Lines, cause: str
) -> None:
    services, raw = broken(relay, NINE[cause])
    error = refused(services, raw)
    [line] = lines("signature_diagnosed")
    assert line["causes"] == [cause]
    assert line["hint"] not in error.hint
    assert relay.count(envelopes) == 0
    told = f"{json.dumps(line)} {error.hint}"
    for secret in (CLIENT_SECRET, OLD, OLDER, *(raw.header(name) for name in raw.headers if "signature" in name)):
        assert secret not in told


@pytest.mark.parametrize("opinion", ["nothing", "anything", "an error"])
def test_no_opinion_of_the_doctor_changes_the_answer(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, opinion: str
) -> None:
    cases = [broken(relay, set_up) for set_up in NINE.values()]
    alone = [without_time(refused(services, raw)) for services, raw in cases]
    examined = []

    def examine(raw: RawRequest, **_: object) -> Diagnosis | None:
        examined.append(raw)
        if opinion == "an error":
            raise RuntimeError("the doctor is ill")
        return Diagnosis((), "Let it in!") if opinion == "anything" else None

    monkeypatch.setattr(signatures, "examine", examine)
    monkeypatch.setitem(DEFAULTS, "consultation", Consultation(most=len(NINE)))
    assert [without_time(refused(services, raw)) for services, raw in cases] == alone
    assert len(examined) == len(NINE)
    assert relay.count(envelopes) == 0


def without_time(error: SignatureInvalid) -> tuple[str, str]:
    """What is answered, without how long ago the request was signed."""
    return error.reason, re.sub(r"[0-9.]+ s", "", error.hint)


@pytest.mark.usefixtures("lines")
def test_the_answer_tells_strangers_nothing_of_the_diagnosis(relay: RelayWorld) -> None:
    url = relay.services.settings.public_url.replace("http:", "https:") + PATH
    status, _, answer = relay.ask("POST", PATH, BODY, hubspot_headers(url, BODY))
    assert status == 401
    assert "scheme" not in answer
    assert url not in answer


def test_a_cause_is_told_once_a_minute(relay: RelayWorld, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Time()
    monkeypatch.setitem(DEFAULTS, "consultation", Consultation(clock=clock))
    for cause in ("scheme", "scheme", "clock", "scheme"):
        refused(*broken(relay, NINE[cause]))
    assert [line["causes"] for line in lines("signature_diagnosed")] == [["scheme"], ["clock"]]
    clock.now += 60
    refused(*broken(relay, NINE["scheme"]))
    assert len(lines("signature_diagnosed")) == 3


def test_a_flood_is_refused_without_being_examined(relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    examined = []
    monkeypatch.setattr(signatures, "examine", lambda raw, **_: examined.append(raw))
    services, raw = broken(relay, NINE["unknown"])
    for _ in range(MOST_EXAMINED + 5):
        refused(services, raw)
    assert len(examined) == MOST_EXAMINED


def test_the_allowance_comes_back() -> None:
    clock = _Time()
    consultation = Consultation(most=2, clock=clock)
    assert [consultation.may_examine() for _ in range(3)] == [True, True, False]
    clock.now += 61
    assert consultation.may_examine()


def test_during_a_rotation_both_secrets_are_taken(relay: RelayWorld, lines: Lines) -> None:
    services = changed(relay, hubspot_client_secret_old=(SecretStr(OLD), SecretStr(OLDER)))
    url = services.settings.public_url + PATH
    accept_hubspot(services, request(url, hubspot_headers(url, BODY)))
    assert lines("old_client_secret_used") == []
    for number in range(2):
        body = b'{"type": "CHANNEL_PAINTED", "eventId": "%d"}' % number
        accept_hubspot(services, request(url, hubspot_headers(url, body, secret=OLD), body))
    assert len(lines("old_client_secret_used")) == 1
    assert relay.count(envelopes) == 3


def v1(body: bytes) -> dict[str, str]:
    signature = hashlib.sha256(CLIENT_SECRET.encode() + body).hexdigest()
    return {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": "v1"}


def v2(url: str, body: bytes) -> dict[str, str]:
    signature = hashlib.sha256(CLIENT_SECRET.encode() + b"POST" + url.encode() + body).hexdigest()
    return {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": "v2"}


@pytest.mark.parametrize("switched_on", ["", "v1", "v2"])
def test_an_older_version_is_taken_at_the_address_of_events_where_it_is_switched_on(
    relay: RelayWorld, switched_on: str
) -> None:
    services = changed(relay, hubspot_events_signature=switched_on)
    url = f"{services.settings.public_url}{PATH}/events"
    for name, headers in {"v1": v1(BODY), "v2": v2(url, BODY)}.items():
        raw = request(url, headers)
        before = relay.count(envelopes)
        if name == switched_on:
            accept_hubspot(services, raw, events=True)
            assert relay.count(envelopes) == before + 1
        else:
            assert refused(services, raw, events=True).reason == "signature_missing"
        assert refused(services, raw).reason == "signature_missing"


def test_an_older_version_that_is_not_taken_is_named(relay: RelayWorld, lines: Lines) -> None:
    url = relay.services.settings.public_url + PATH
    refused(relay.services, request(url, v1(BODY)))
    [line] = lines("signature_diagnosed")
    assert line["causes"] == ["version"]
    assert "RELAY_HUBSPOT_EVENTS_SIGNATURE" in line["hint"]
