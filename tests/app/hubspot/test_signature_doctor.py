from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from app.hubspot import signature_doctor
from app.hubspot.signature import V3_ONLY, Version, check, sign_text
from app.hubspot.signature_doctor import LARGEST_BODY, Cause, Diagnosis, Keys, examine
from app.hubspot.signature_guesses import guesses

SECRET = "secret-of-the-app-that-nobody-may-read"
RETIRED = "secret-of-last-year-that-nobody-may-read"
KEYS = Keys([SECRET, ""], {"RELAY_HUBSPOT_CLIENT_SECRET_OLD, number 2": RETIRED, "RELAY_HUBSPOT_CLIENT_ID": ""})
OURS = "https://relay.example.com/webhooks/hubspot"
BODY = '{"type":"X","text":"Olá \\n","list":[1,2.5]}'.encode()
AT = 1_700_000_300_000
NOW = AT / 1000


def sign(url: str, body: bytes = BODY, *, secret: str = SECRET, at: int = AT) -> Mapping[str, str]:
    """Sign independently of the code under test; ``url`` is signed as it is given."""
    text = b"POST" + url.encode() + body + str(at).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(at)}


@dataclass(frozen=True)
class Broken:
    """A set-up: what HubSpot signed, and what arrived."""

    signed: str = OURS
    ours: str = OURS
    signed_body: bytes = BODY
    body: bytes = BODY
    secret: str = SECRET
    age: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> RawRequest:
        headers = sign(self.signed, self.signed_body, secret=self.secret, at=AT - self.age)
        return RawRequest("POST", self.ours, headers={**headers, **self.headers}, body=self.body)


def diagnose(raw: RawRequest, **more: frozenset[Version]) -> Diagnosis | None:
    """Ask the doctor about a request that must be refused before, and after."""
    with pytest.raises(SignatureInvalid):
        check(raw, secrets=[SECRET], now=NOW, **more)
    found = examine(raw, keys=KEYS, now=NOW, **more)
    with pytest.raises(SignatureInvalid):
        check(raw, secrets=[SECRET], now=NOW, **more)
    return found


def query(text: str) -> str:
    return f"{OURS}?{text}"


SET_UPS: dict[str, tuple[Broken, set[Cause], str]] = {
    "scheme": (Broken(signed=OURS, ours=OURS.replace("https", "http")), {Cause.SCHEME}, "https://relay.example.com,"),
    "host by the Host header": (
        Broken(ours=OURS.replace("relay", "old"), headers={"host": "relay.example.com"}),
        {Cause.HOST},
        "set RELAY_PUBLIC_URL to https://relay.example.com,",
    ),
    "host by the proxy's header": (
        Broken(ours=OURS.replace("relay", "inner"), headers={"x-forwarded-host": "relay.example.com, x"}),
        {Cause.HOST},
        "host differs",
    ),
    "host with www": (Broken(signed=OURS.replace("relay", "www.relay")), {Cause.HOST}, "https://www.relay"),
    "host in capitals": (Broken(ours=OURS.replace("relay", "Relay")), {Cause.HOST}, "host differs"),
    "port written out": (
        Broken(signed=OURS.replace(".com", ".com:443")),
        {Cause.PORT},
        "https://relay.example.com:443",
    ),
    "port that is inside only": (Broken(ours=OURS.replace(".com", ".com:8000")), {Cause.PORT}, "port differs"),
    "prefix stripped": (Broken(signed=OURS.replace(".com", ".com/relay")), {Cause.PREFIX}, "example.com/relay,"),
    "prefix stripped, and told": (
        Broken(signed=OURS.replace(".com", ".com/odd/one"), headers={"x-forwarded-prefix": "/odd/one/"}),
        {Cause.PREFIX},
        "example.com/odd/one,",
    ),
    "prefix added": (
        Broken(ours=OURS.replace(".com", ".com/inner/app")),
        {Cause.PREFIX},
        "to https://relay.example.com,",
    ),
    "path rewritten, and told": (
        Broken(signed="https://relay.example.com/in?x=1", headers={"x-original-uri": "/in?x=1"}),
        {Cause.PREFIX},
        "proxy",
    ),
    "slash at the end": (Broken(signed=f"{OURS}/"), {Cause.SLASH}, "slash"),
    "slash missing": (Broken(ours=f"{OURS}/"), {Cause.SLASH}, "slash"),
    "slash twice": (Broken(signed=OURS.replace(".com/", ".com//")), {Cause.SLASH}, "slash"),
    "query order": (Broken(signed=query("b=2&a=1&c=3"), ours=query("a=1&b=2&c=3")), {Cause.QUERY}, "query was changed"),
    "query added": (Broken(ours=query("utm=1")), {Cause.QUERY}, "query was changed"),
    "nothing decoded": (
        Broken(signed=query("a=x%3Ay"), ours=query("a=x%3Ay")),
        {Cause.DECODING},
        "raw request line",
    ),
    "everything decoded": (Broken(signed=query("a=b c~"), ours=query("a=b%20c%7E")), {Cause.DECODING}, "decoded"),
    "letter case of escapes": (Broken(signed=query("a=%c3%a1"), ours=query("a=%C3%A1")), {Cause.DECODING}, "decoded"),
    "plus and space": (Broken(signed=query("a=b+c"), ours=query("a=b%20c")), {Cause.DECODING}, "decoded"),
    "body with spaces": (
        Broken(body=json.dumps(json.loads(BODY)).encode()),
        {Cause.BODY},
        "its JSON was written anew",
    ),
    "body in escapes": (
        Broken(signed_body=b'{"a":"\xc3\xa9"}', body=b'{"a":"\\u00e9"}'),
        {Cause.BODY},
        "its JSON was written anew",
    ),
    "body with a line end": (Broken(body=BODY + b"\r\n"), {Cause.BODY}, "white space"),
    "retired secret": (Broken(secret=RETIRED), {Cause.SECRET}, "RELAY_HUBSPOT_CLIENT_SECRET_OLD, number 2"),
    "clock ahead": (Broken(age=342_000), {Cause.CLOCK}, "342 s ago"),
    "clock behind": (Broken(age=-3_600_000), {Cause.CLOCK}, "3600 s in the future"),
    # Two at once.
    "scheme and port": (
        Broken(ours=OURS.replace("https", "http").replace(".com", ".com:8000")),
        {Cause.SCHEME, Cause.PORT},
        "scheme differs",
    ),
    "scheme and prefix": (
        Broken(signed=OURS.replace(".com", ".com/api"), ours=OURS.replace("https", "http")),
        {Cause.SCHEME, Cause.PREFIX},
        "to https://relay.example.com/api,",
    ),
    "slash and body": (Broken(signed=f"{OURS}/", body=BODY + b"\n"), {Cause.SLASH, Cause.BODY}, "white space"),
    "retired secret and scheme": (
        Broken(signed=OURS.replace("https", "http"), secret=RETIRED),
        {Cause.SECRET, Cause.SCHEME},
        "scheme differs",
    ),
    "clock and scheme": (
        Broken(signed=OURS.replace("https", "http"), age=400_000),
        {Cause.CLOCK, Cause.SCHEME},
        "400 s ago",
    ),
    "somebody else's": (Broken(secret="unknown"), {Cause.UNKNOWN}, "RELAY_HUBSPOT_CLIENT_SECRET is not the secret"),
}


@pytest.mark.parametrize(("broken", "causes", "words"), SET_UPS.values(), ids=list(SET_UPS))
def test_every_broken_set_up_has_its_diagnosis(broken: Broken, causes: set[Cause], words: str) -> None:
    found = diagnose(broken.raw)
    assert found is not None
    assert set(found.causes) == causes
    assert words in found.sentence
    for secret in (SECRET, RETIRED, *sign(broken.signed).values()):
        assert secret not in found.sentence
    assert "?" not in found.sentence


def test_every_cause_is_found_by_a_test_here() -> None:
    assert {cause for _, causes, _ in SET_UPS.values() for cause in causes} == set(Cause) - {Cause.VERSION}


def v1(body: bytes = BODY) -> str:
    return hashlib.sha256(SECRET.encode() + body).hexdigest()


def v2(url: str = OURS) -> str:
    return hashlib.sha256(SECRET.encode() + b"POST" + url.encode() + BODY).hexdigest()


@pytest.mark.parametrize(
    ("headers", "versions", "words"),
    [
        ({"x-hubspot-signature": v1(), "x-hubspot-signature-version": "v1"}, V3_ONLY, "version v1, which is not taken"),
        ({"x-hubspot-signature": v2(), "x-hubspot-signature-version": "v2"}, V3_ONLY, "version v2, which is not taken"),
        ({"x-hubspot-signature": v2()}, frozenset(Version), "not in that version's headers"),
        ({**sign(OURS), "x-hubspot-signature-v3": v1()}, V3_ONLY, "not in that version's headers"),
        (
            {
                "x-hubspot-signature": sign(OURS)["x-hubspot-signature-v3"],
                "x-hubspot-request-timestamp": str(AT),
            },
            V3_ONLY,
            "not in that version's headers",
        ),
    ],
    ids=["v1", "v2", "v2 that does not say so", "v1 in the header of v3", "v3 in the header of v1"],
)
def test_the_signature_of_another_version_is_named(
    headers: Mapping[str, str], versions: frozenset[Version], words: str
) -> None:
    found = diagnose(RawRequest("POST", OURS, headers=headers, body=BODY), versions=versions)
    assert found is not None
    assert found.causes == (Cause.VERSION,)
    assert words in found.sentence
    assert SECRET not in found.sentence


def test_a_right_older_signature_beside_it_clears_the_secret_and_the_body() -> None:
    raw = Broken(signed="https://nobody.example/knows", headers={"x-hubspot-signature": v1()}).raw
    found = diagnose(raw)
    assert found is not None
    assert found.causes == (Cause.UNKNOWN,)
    assert "secret and the body are right" in found.sentence


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: replace(raw, body=b"x" * (LARGEST_BODY + 1)),
        lambda raw: replace(raw, headers={**raw.headers, "x-hubspot-signature-v3": "not a signature"}),
        lambda raw: replace(raw, headers={**raw.headers, "x-hubspot-request-timestamp": "yesterday"}),
        lambda raw: replace(raw, headers={}),
    ],
    ids=["large", "no signature", "no time", "no headers"],
)
def test_what_is_not_worth_the_time_is_not_examined(change: Callable[[RawRequest], RawRequest]) -> None:
    assert diagnose(change(Broken(secret="unknown").raw)) is None


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forged request with everything that multiplies guesses costs no more than the budget."""
    body = json.dumps(["x" * 60] * 900).encode()
    assert 50_000 < len(body) < LARGEST_BODY
    ours = query("&".join(f"k{number}=%20{number}" for number in range(40)))
    headers = dict.fromkeys(("x-forwarded-prefix", "x-original-uri", "x-rewrite-url"), "/a/b?c=d")
    raw = Broken(secret="unknown", ours=ours, body=body, headers={**headers, "host": "another.example:1"}).raw
    hashed = []
    right = sign_text

    def counted(secret: str, start: bytes, guess: RawRequest) -> bytes:
        hashed.append(len(start) + len(guess.body))
        return right(secret, start, guess)

    monkeypatch.setattr(signature_doctor, "sign_text", counted)
    found = examine(raw, keys=KEYS, now=NOW)
    assert found is not None
    assert found.causes == (Cause.UNKNOWN,)
    assert sum(hashed) < signature_doctor.MOST_HASHED + 100 * len(hashed)
    assert len(hashed) < 2_000


def test_nested_json_is_not_blown_up() -> None:
    body = b"[" * 60 + b"1," * 30_000 + b"1" + b"]" * 60
    raw = Broken(secret="unknown", body=body).raw
    assert max(len(guess.raw.body) for guess in guesses(raw, KEYS)) <= len(body) + 1


@settings(deadline=None, max_examples=50)
@given(
    target=st.text(st.characters(max_codepoint=255), max_size=40),
    host=st.text(st.characters(max_codepoint=255), max_size=20),
    body=st.binary(max_size=60),
)
def test_no_request_makes_the_doctor_stumble_and_none_is_let_in(target: str, host: str, body: bytes) -> None:
    headers = {"host": host, "x-original-uri": target, "x-forwarded-host": target, "x-forwarded-port": host}
    raw = Broken(secret="unknown", ours=f"https://relay.example.com/{target}", body=body, headers=headers).raw
    found = diagnose(raw)
    assert found is not None
    assert found.causes == (Cause.UNKNOWN,)
