from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from app.hubspot.signature import Version, check, decode_uri

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"
SINGLE = b"{'example_field':'example_value'}"
DOUBLE = b'{"example_field":"example_value"}'


def request(body: bytes, timestamp: str, signature: str, url: str = URL) -> RawRequest:
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    return RawRequest(method="POST", url=url, headers=headers, body=body)


def signed(body: bytes, *, secret: str = SECRET, url: str = URL, timestamp: int = 1_700_000_300_000) -> RawRequest:
    """Sign independently of the code under test; `url` is signed as it is given."""
    text = b"POST" + url.encode() + body + str(timestamp).encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return request(body, str(timestamp), base64.b64encode(digest).decode(), url)


def refusal(raw: RawRequest, *, now: float, secrets: tuple[str, ...] = (SECRET,)) -> SignatureInvalid:
    with pytest.raises(SignatureInvalid) as caught:
        check(raw, secrets=secrets, now=now)
    return caught.value


@pytest.mark.parametrize(
    ("body", "timestamp", "signature"),
    [
        (SINGLE, 1693657560000, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        (SINGLE, 1700000300000, "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
        (DOUBLE, 1693657560000, "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="),
        (DOUBLE, 1700000300000, "ZEux4lGY4urKtKJ9fqGCQDJ0FasZeSunWHlJMEoU3Bg="),
    ],
)
def test_golden_vectors(body: bytes, timestamp: int, signature: str) -> None:
    check(request(body, str(timestamp), signature), secrets=[SECRET], now=timestamp / 1000)


@pytest.mark.parametrize("query", ["src=hs%3Aapp%2Fv3&x=%28a%29", "src=hs%3aapp%2fv3&x=%28a%29"])
def test_the_uri_is_decoded_before_it_is_signed(query: str) -> None:
    url = f"https://example.com/api/hubspot/webhooks?{query}"
    raw = request(b"[]", "1790000004000", "G8ddQlikFQ0ScZOZn+MHQ0E3WCV7vOJTzKlvrkvbvuk=", url)
    check(raw, secrets=["autopilot-test-client-secret-0001"], now=1_790_000_004)


def test_the_signature_over_the_encoded_uri_is_refused() -> None:
    url = "https://example.com/api/hubspot/webhooks?src=hs%3Aapp%2Fv3&x=%28a%29"
    raw = request(b"[]", "1790000004000", "KKwrtu49d26FrUsDQdYcfAcwFssKn+cmyppOAUwOO/Q=", url)
    error = refusal(raw, now=1_790_000_004, secrets=("autopilot-test-client-secret-0001",))
    assert error.reason == "signature_mismatch"


def test_decoding_is_done_once_and_only_for_the_twelve_sequences() -> None:
    encoded = "%253A %3a%2F%3f%40%21%24%27%28%29%2a%2C%3B %20%26%3D%23%25"
    assert decode_uri(encoded) == "%253A :/?@!$'()*,; %20%26%3D%23%25"


@pytest.mark.parametrize("offset", [-300_000, -299_999, 0, 299_999, 300_000])
def test_inside_the_window(offset: int) -> None:
    check(signed(DOUBLE, timestamp=1_700_000_300_000), secrets=[SECRET], now=(1_700_000_300_000 + offset) / 1000)


@pytest.mark.parametrize(("offset", "reason"), [(300_001, "signature_stale"), (-300_001, "signature_future")])
def test_outside_the_window(offset: int, reason: str) -> None:
    error = refusal(signed(DOUBLE, timestamp=1_700_000_300_000), now=(1_700_000_300_000 + offset) / 1000)
    assert error.reason == reason


def test_a_stale_request_says_by_how_much() -> None:
    error = refusal(signed(DOUBLE, timestamp=1_700_000_300_000), now=1_700_000_300 + 342)
    assert "stale by 42.000 s" in error.hint


@pytest.mark.parametrize(
    "timestamp",
    ["", "yesterday", "NaN", "1.7e12", "-1700000300000", " 1700000300000", "\u0661\u0667", "1" * 5000],
)
def test_what_is_no_timestamp_is_refused(timestamp: str) -> None:
    raw = request(DOUBLE, timestamp, "x")
    assert refusal(raw, now=1_700_000_300).reason == "signature_missing"


def test_without_a_signature() -> None:
    raw = RawRequest(method="POST", url=URL, headers={"x-hubspot-request-timestamp": "1700000300000"}, body=DOUBLE)
    error = refusal(raw, now=1_700_000_300)
    assert error.reason == "signature_missing"
    assert "X-HubSpot-Signature-v3" in error.hint


def test_an_old_signature_alone_is_refused_and_named() -> None:
    raw = RawRequest(method="POST", url=URL, headers={"x-hubspot-signature": "9569219f"}, body=DOUBLE)
    assert "version 1 or 2" in refusal(raw, now=1_700_000_300).hint


def test_any_of_several_secrets_will_do() -> None:
    check(signed(DOUBLE), secrets=["new-secret", SECRET], now=1_700_000_300)


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_an_empty_secret_never_matches(secrets: tuple[str, ...]) -> None:
    forged = signed(DOUBLE, secret="")
    assert refusal(forged, now=1_700_000_300, secrets=secrets).reason == "signature_secret"


def test_an_empty_secret_beside_a_real_one_never_matches() -> None:
    assert refusal(signed(DOUBLE, secret=""), now=1_700_000_300, secrets=("", SECRET)).reason == "signature_mismatch"


@settings(deadline=None)
@given(position=st.integers(0, len(DOUBLE) - 1), change=st.integers(1, 255))
def test_every_changed_byte_is_noticed(position: int, change: int) -> None:
    raw = signed(DOUBLE)
    changed = bytearray(raw.body)
    changed[position] ^= change
    assert refusal(replace(raw, body=bytes(changed)), now=1_700_000_300).reason == "signature_mismatch"


@settings(deadline=None)
@given(st.text(min_size=1).filter(str.strip))
def test_any_forged_signature_is_refused_and_never_breaks_the_check(signature: str) -> None:
    raw = request(DOUBLE, "1700000300000", signature)
    assert refusal(raw, now=1_700_000_300).reason == "signature_mismatch"


def test_the_body_is_bytes_and_need_not_be_text() -> None:
    check(signed(b"\xff\x00\xfe"), secrets=[SECRET], now=1_700_000_300)


def test_a_wrong_secret_names_the_address_without_its_query() -> None:
    error = refusal(signed(DOUBLE, url=URL + "?token=abc", secret="other"), now=1_700_000_300)
    assert URL in error.hint
    assert "token" not in error.hint


def test_pitfall_22_the_full_address_is_signed_and_the_path_alone_is_refused() -> None:
    assert (
        refusal(replace(signed(DOUBLE, url="/webhook_uri"), url=URL), now=1_700_000_300).reason == "signature_mismatch"
    )
    check(signed(DOUBLE, url=URL), secrets=[SECRET], now=1_700_000_300)


EVENT = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
V1 = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
V2 = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
V2_WITHOUT_BODY = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
EVERY = frozenset(Version)


def older(signature: str, version: str, body: bytes, *, method: str = "POST") -> RawRequest:
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}
    return RawRequest(method=method, url=URL, headers=headers, body=body)


GOLDEN_OLDER = [
    older(V1, "v1", EVENT),
    older(V2, "v2", DOUBLE),
    older(V2_WITHOUT_BODY, "V2", b"", method="GET"),
]


@pytest.mark.parametrize("raw", GOLDEN_OLDER)
def test_golden_vectors_of_the_older_versions(raw: RawRequest) -> None:
    assert check(raw, secrets=["new-secret", SECRET], now=0, versions=EVERY) == 1


@pytest.mark.parametrize("raw", GOLDEN_OLDER)
def test_older_versions_are_refused_where_they_are_not_named(raw: RawRequest) -> None:
    assert refusal(raw, now=0).reason == "signature_missing"


def test_one_older_version_does_not_stand_for_the_other() -> None:
    with pytest.raises(SignatureInvalid) as caught:
        check(older(V1, "v1", EVENT), secrets=[SECRET], now=0, versions={Version.V2, Version.V3})
    assert caught.value.reason == "signature_missing"


@pytest.mark.parametrize("raw", [older(V1, "v2", EVENT), older(V2, "v1", DOUBLE), older(V1, "v1", DOUBLE)])
def test_a_wrong_older_signature_is_refused(raw: RawRequest) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        check(raw, secrets=[SECRET], now=0, versions=EVERY)
    assert caught.value.reason == "signature_mismatch"


@pytest.mark.parametrize("stated", ["", "v3", "v9"])
def test_an_older_signature_has_to_say_which_it_is(stated: str) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        check(older(V1, stated, EVENT), secrets=[SECRET], now=0, versions=EVERY)
    assert caught.value.reason == "signature_missing"


def test_the_newest_signature_decides_where_there_are_two() -> None:
    right = signed(EVENT)
    replayed = replace(right, headers={**older(V1, "v1", EVENT).headers, **right.headers})
    with pytest.raises(SignatureInvalid) as caught:
        check(replayed, secrets=[SECRET], now=1_700_000_300 + 301, versions=EVERY)
    assert caught.value.reason == "signature_stale"


def test_the_secret_that_was_used_is_told() -> None:
    assert check(signed(DOUBLE), secrets=[SECRET, "old"], now=1_700_000_300) == 0
    assert check(signed(DOUBLE, secret="old"), secrets=[SECRET, "old"], now=1_700_000_300) == 1
