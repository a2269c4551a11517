from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
from urllib.parse import urlsplit

import pytest

from app.simulator import seed
from app.storage.tables import envelopes, messages, unopened
from tests.app.receiver.conftest import Lines
from tests.app.relay.world import LOOPBACK_SECRET, RelayWorld, hubspot_headers, incoming, outgoing

HUBSPOT = "/webhooks/hubspot"


def hints(lines: Lines, event: str) -> list[str]:
    """What the log says to do about an event."""
    return [line["hint"] for line in lines() if line["event"] == event]


@pytest.mark.parametrize(("age", "said"), [(301, "stale"), (-301, "future")], ids=["of yesterday", "of tomorrow"])
def test_a_timestamp_out_of_its_window_is_refused_and_the_log_says_whose_clock(
    light_relay: RelayWorld, lines: Lines, age: float, said: str
) -> None:
    assert light_relay.from_hubspot(outgoing(), age=age) == 401
    assert said in hints(lines, "signature_refused")[0]
    assert light_relay.count(envelopes) == 0


@pytest.mark.parametrize("missing", ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"])
def test_a_request_without_its_headers_is_refused(light_relay: RelayWorld, lines: Lines, missing: str) -> None:
    headers = light_relay.signed(b"{}")
    del headers[missing]
    assert light_relay.ask("POST", HUBSPOT, b"{}", headers)[0] == 401
    assert missing.lower() in hints(lines, "signature_refused")[0].lower()


def test_a_wrong_signature_is_refused_and_nothing_is_stored(light_relay: RelayWorld, lines: Lines) -> None:
    headers = hubspot_headers(light_relay.services.settings.public_url + HUBSPOT, b"{}", secret="another secret")
    status, _, body = light_relay.ask("POST", HUBSPOT, b"{}", headers)
    assert (status, "signature" in body) == (401, True)
    assert "client secret" in hints(lines, "signature_refused")[0]
    assert light_relay.count(envelopes) == 0


def test_a_wrong_public_address_is_named(light_relay: RelayWorld, lines: Lines) -> None:
    local = light_relay.services.settings.public_url
    body = b"{}"
    headers = hubspot_headers(local.replace("http://", "https://") + HUBSPOT, body)
    assert light_relay.ask("POST", HUBSPOT, body, headers)[0] == 401
    assert "RELAY_PUBLIC_URL" in hints(lines, "signature_refused")[0]


def test_a_services_wrong_signature_is_refused(light_relay: RelayWorld, lines: Lines) -> None:
    for headers in ({}, {"X-Loopback-Signature": "0" * 64}, {"X-Loopback-Signature": "\xe9"}):
        assert light_relay.ask("POST", light_relay.webhook, b"{}", headers)[0] == 401
    assert len(hints(lines, "signature_refused")) == 3
    assert light_relay.account.key not in str(lines())


@pytest.mark.parametrize("connector", ["loopback", "telegram", "matrix", "nobody", "hubspot"])
def test_an_unknown_account_is_404_and_the_log_says_where_the_right_ones_are(
    light_relay: RelayWorld, lines: Lines, connector: str
) -> None:
    assert light_relay.ask("POST", f"/webhooks/{connector}/no-such-key", b"{}")[0] == 404
    assert "relay accounts list" in hints(lines, "unknown_account")[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhooks"),
        ("POST", "/webhooks/"),
        ("POST", "/webhooks/hubspot/"),
        ("POST", "/webhooks//hubspot"),
        ("POST", "/webhooks/./hubspot"),
        ("POST", "/webhooks/loopback/../hubspot"),
        ("POST", "/webhooks/loopback/%2e%2e/hubspot"),
        ("POST", "/webhooks/loopback/%00"),
        ("POST", "/webhooks/%00/x"),
        ("POST", "/webhooks/loopback/%ff%fe"),
        ("POST", "/webhooks/loopback/%ED%A0%80"),
        ("POST", "/webhooks/loopback/" + "k" * 5_000),
        ("POST", "/webhooks/%6coopback/x"),
        ("GET", "/webhooks/loopback/x/../../../etc/passwd"),
        ("GET", "/"),
    ],
)
def test_tricks_with_the_path_find_nothing(relay: RelayWorld, method: str, path: str) -> None:
    status, headers, _ = relay.ask(method, path, b"{}", relay.signed(b"{}", path=path))
    assert status == 404
    assert "location" not in headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_with_what_is_allowed(light_relay: RelayWorld, method: str) -> None:
    status, headers, body = light_relay.ask(method, HUBSPOT, b"{}", light_relay.signed(b"{}"))
    assert (status, headers["allow"]) == (405, "OPTIONS, POST")
    assert "not allowed" in body
    assert light_relay.ask(method, light_relay.webhook, b"{}")[0] == 401


@pytest.mark.parametrize("path", [HUBSPOT, ""])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    light_relay: RelayWorld, lines: Lines, path: str
) -> None:
    body = b"x" * 10_000_000
    public = urlsplit(light_relay.services.settings.public_url)
    with socket.create_connection((public.hostname or "", public.port or 0)) as connection:
        address = path or light_relay.webhook
        head = f"POST {address} HTTP/1.1\r\nHost: relay\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    assert "RELAY_BODY_LIMIT" in hints(lines, "body_too_large")[0]


def test_a_body_without_a_length_is_counted_while_it_comes(light_relay: RelayWorld) -> None:
    light_relay_limit = light_relay.services.settings.body_limit
    public = urlsplit(light_relay.services.settings.public_url)
    connection = http.client.HTTPConnection(public.hostname or "", public.port, timeout=10)
    blocks = (b"x" * 1_000_000 for _ in range(light_relay_limit // 1_000_000 + 1))
    try:
        connection.request("POST", HUBSPOT, body=blocks, headers=light_relay.signed(b""), encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        return  # the answer came before the end of the body
    assert connection.getresponse().status == 413
    connection.close()


def test_a_chunked_body_is_taken_like_any_other(light_relay: RelayWorld) -> None:
    public = urlsplit(light_relay.services.settings.public_url)
    connection = http.client.HTTPConnection(public.hostname or "", public.port, timeout=10)
    connection.request("POST", HUBSPOT, body=iter([b"[", b"]"]), headers=light_relay.signed(b"[]"), encode_chunked=True)
    assert connection.getresponse().status == 204
    connection.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"7", b'"text"', b"\xff\xfe", b"[" * 50_000, b'{"type": "CHANNEL_PAINTED"}', b"[7]"],
    ids=["empty", "cut", "null", "list", "number", "text", "not utf-8", "deep", "unknown kind", "odd item"],
)
def test_what_hubspot_signs_is_kept_whatever_it_says(relay: RelayWorld, body: bytes) -> None:
    assert relay.from_hubspot(body) == 204
    assert relay.count(envelopes) == 1
    assert relay.count(unopened) == (0 if body == b"[]" else 1)


def test_an_event_of_an_unknown_kind_is_logged_with_what_to_do(light_relay: RelayWorld, lines: Lines) -> None:
    light_relay.from_hubspot({"type": "CHANNEL_PAINTED", "portalId": 1, "eventId": "e"})
    assert "relay envelopes open" in hints(lines, "item_kept_unopened")[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"\xff", b"[" * 50_000, b'{"events": 7}', b'{"events": [{"type": "dance"}]}'],
    ids=["empty", "cut", "null", "list", "not utf-8", "deep", "no list", "unknown kind"],
)
def test_what_a_service_signs_is_kept_whatever_it_says(relay: RelayWorld, body: bytes) -> None:
    assert relay.from_loopback(body) == 200
    assert (relay.count(envelopes), relay.count(unopened)) == (1, 1)


def test_the_same_delivery_counts_once(relay: RelayWorld) -> None:
    for _ in range(3):
        assert relay.from_hubspot(outgoing()) == 204
        assert relay.from_loopback({"id": "d1", "events": [incoming()]}) == 200
    assert (relay.count(envelopes), relay.count(messages)) == (2, 2)


def test_the_same_message_in_another_delivery_counts_once(relay: RelayWorld) -> None:
    relay.from_loopback({"id": "d1", "events": [incoming()]})
    relay.from_loopback({"id": "d2", "events": [incoming(), incoming(message_id="m-2")]})
    relay.from_hubspot(outgoing())
    relay.from_hubspot([outgoing(), outgoing(message_id="msg-2")])
    assert relay.count(messages) == 4


@pytest.mark.parametrize(
    "odd", ["a\x00b", "a\ud800b", "\x00", "\udfff"], ids=["nul", "half a pair", "nul alone", "half"]
)
def test_characters_that_a_database_refuses_hurt_nobody(relay: RelayWorld, odd: str) -> None:
    event = incoming(odd, message_id=odd, conversation=odd, sender={"id": odd, "name": odd}, reply_to=odd)
    assert relay.from_loopback({"id": odd, "events": [event]}) == 200
    sender = {"name": odd, "actorId": odd}
    message = outgoing(odd, message_id=odd, senders=[sender], conversationsThreadId=odd, inReplyToId=odd)
    assert relay.from_hubspot(message) == 204
    assert relay.from_hubspot({"type": odd, "portalId": odd, "eventId": odd}) == 204
    relay.settle()
    assert relay.count(envelopes) == 3


def test_odd_bytes_in_headers_and_query_hurt_nobody(relay: RelayWorld) -> None:
    path = f"{relay.webhook}/%00/%ED%A0%80?q=%00%ff"
    status, _, _ = relay.ask("POST", path, b"{}", {"X-Odd": "\xe9\xff", "X-Loopback-Signature": "x"})
    assert status == 401
    body = b'{"id": "d", "events": []}'
    signature = hmac.new(LOOPBACK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert relay.ask("POST", path, body, {"X-Odd": "\xe9\xff", "X-Loopback-Signature": signature})[0] == 200


def test_a_message_without_a_text_is_taken(relay: RelayWorld) -> None:
    assert relay.from_hubspot(outgoing(None)) == 204
    assert relay.from_loopback({"id": "d1", "events": [incoming(None)]}) == 200
    assert (relay.count(messages), relay.count(unopened)) == (2, 0)


def test_the_answer_names_no_secret_and_no_key(light_relay: RelayWorld, lines: Lines) -> None:
    light_relay.say("a private word")
    light_relay.from_hubspot(outgoing("another private word"))
    light_relay.settle()
    text = str(lines())
    assert "private word" not in text
    assert light_relay.account.key not in text
    assert seed.REFRESH_TOKEN not in text
