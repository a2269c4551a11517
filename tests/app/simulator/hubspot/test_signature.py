from __future__ import annotations

import pytest

from app.simulator.hubspot.signature import sign_v1, sign_v2, sign_v3

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"
SINGLE = b"{'example_field':'example_value'}"
DOUBLE = b'{"example_field":"example_value"}'
EVENT = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)


@pytest.mark.parametrize(
    ("body", "timestamp", "expected"),
    [
        (SINGLE, 1693657560000, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        (SINGLE, 1700000300000, "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
        (DOUBLE, 1693657560000, "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="),
        (DOUBLE, 1700000300000, "ZEux4lGY4urKtKJ9fqGCQDJ0FasZeSunWHlJMEoU3Bg="),
    ],
)
def test_v3(body: bytes, timestamp: int, expected: str) -> None:
    assert sign_v3(SECRET, "POST", URL, body=body, timestamp=timestamp) == expected


@pytest.mark.parametrize("query", ["src=hs%3Aapp%2Fv3&x=%28a%29", "src=hs%3aapp%2fv3&x=(a)"])
def test_v3_decodes_some_sequences_of_the_address(query: str) -> None:
    signed = sign_v3(
        "autopilot-test-client-secret-0001",
        "POST",
        f"https://example.com/api/hubspot/webhooks?{query}",
        body=b"[]",
        timestamp=1790000004000,
    )
    assert signed == "G8ddQlikFQ0ScZOZn+MHQ0E3WCV7vOJTzKlvrkvbvuk="


def test_v2() -> None:
    expected = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
    assert sign_v2(SECRET, "POST", URL, body=DOUBLE) == expected
    without_body = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    assert sign_v2(SECRET, "GET", URL, body=b"") == without_body


def test_v1() -> None:
    assert sign_v1(SECRET, EVENT) == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
