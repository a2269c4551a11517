from __future__ import annotations

import json
from typing import Any

import pytest

from app.errors import (
    HubSpotUnavailable,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RelayError,
    ResponseUnexpected,
    Unauthorized,
)
from app.http import Response
from app.hubspot.outcomes import Gone, error_for, is_success, raise_for, retry_after

HTML = b"<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"
CHANNEL_GONE = {
    "status": "error",
    "message": "Channel 477835 not found",
    "category": "OBJECT_NOT_FOUND",
    "subCategory": "ChannelIntegrationMessagePublishError.CHANNEL_DOES_NOT_EXIST",
    "context": {"channelId": ["477835"]},
}
SCOPES = {
    "category": "MISSING_SCOPES",
    "message": "This app is not granted all scopes.",
    "errors": [{"message": "x", "context": {"requiredGranularScopes": ["files.write", "conversations.read"]}}],
}
DAILY = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "DAILY"}
ROLLING = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}


def answer(status: int, body: Any = None, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Response(status=status, headers=named, body=content, elapsed=0.0)


def name(value: object) -> str:
    """Name a row by what is answered."""
    if not isinstance(value, Response):
        return str(getattr(value, "__name__", value))
    return f"{value.status} {value.body[-60:].decode('ascii')} {value.headers.get('retry-after', '')}"


@pytest.mark.parametrize(
    ("response", "kind", "reason"),
    [
        (answer(400, {"message": "no"}), MessageInvalid, "message_invalid"),
        (answer(400, b'{"message": "cut o'), MessageInvalid, "message_invalid"),
        (answer(400), MessageInvalid, "message_invalid"),
        (answer(409, {}), MessageInvalid, "message_invalid"),
        (answer(413, {}), MessageInvalid, "message_invalid"),
        (answer(413, HTML), MessageInvalid, "message_invalid"),
        (answer(422, {"message": 7}), MessageInvalid, "message_invalid"),
        (answer(400, HTML), HubSpotUnavailable, "hubspot_unavailable"),
        (answer(401, {}), Unauthorized, "token_refused"),
        (answer(403, SCOPES), Unauthorized, "missing_scopes"),
        (answer(403, {"message": "no"}), Unauthorized, "forbidden"),
        (answer(403, {"message": "The scope needed for this API call isn't there"}), Unauthorized, "missing_scopes"),
        (answer(403, HTML), HubSpotUnavailable, "hubspot_unavailable"),
        (answer(404, CHANNEL_GONE), Unauthorized, "channel_unknown"),
        (answer(404, {"message": "Channel 477835 not found"}), Unauthorized, "channel_unknown"),
        (answer(404, {"message": "resource not found"}), Gone, "gone"),
        (answer(404, {}), Gone, "gone"),
        (answer(404, HTML), HubSpotUnavailable, "unknown_address"),
        (answer(404), HubSpotUnavailable, "unknown_address"),
        (answer(405, {}), ResponseUnexpected, "response_unexpected"),
        (answer(408, {}), HubSpotUnavailable, "hubspot_timeout"),
        (answer(423, {}), HubSpotUnavailable, "hubspot_locked"),
        (answer(429, ROLLING), RateLimited, "rate_limited"),
        (answer(429, DAILY), RateLimited, "daily_limit"),
        (answer(429, HTML), RateLimited, "rate_limited"),
        (answer(477, {}), HubSpotUnavailable, "hubspot_moving"),
        (answer(302), HubSpotUnavailable, "hubspot_unavailable"),
        *[(answer(status, HTML), HubSpotUnavailable, "hubspot_unavailable") for status in (500, 502, 503, 504, 524)],
    ],
    ids=name,
)
def test_the_table(response: Response, kind: type[RelayError], reason: str) -> None:
    error = error_for(response)
    assert type(error) is kind
    assert error.reason == reason


@pytest.mark.parametrize("status", [400, 403, 404, 409])
@pytest.mark.parametrize(
    "message",
    [
        "Channel account 2001 is not active or not authorized",
        "ChannelAccount 2001 not found",
        "CHANNEL_ACCOUNT_NOT_AUTHORIZED",
        "The channel-account is disabled",
        "Channel account 2001 does not exist or is archived",
    ],
)
def test_trouble_with_the_account_pauses_the_account(status: int, message: str) -> None:
    error = error_for(answer(status, {"message": message}))
    assert isinstance(error, Unauthorized)
    assert (error.scope, error.reason) == ("account", "account_inactive")


@pytest.mark.parametrize(
    ("body", "scope"), [(CHANNEL_GONE, "account"), ({"message": "Channel 1 not found"}, "account")]
)
def test_a_missing_channel_pauses_the_account_only(body: dict[str, Any], scope: str) -> None:
    error = error_for(answer(404, body))
    assert isinstance(error, Unauthorized)
    assert error.scope == scope


def test_missing_scopes_are_named_and_pause_the_portal() -> None:
    error = error_for(answer(403, SCOPES))
    assert isinstance(error, Unauthorized)
    assert error.scope == "portal"
    assert "conversations.read, files.write" in error.hint


def test_missing_scopes_that_are_not_named() -> None:
    error = error_for(answer(403, {"category": "MISSING_SCOPES"}))
    assert error.reason == "missing_scopes"


@pytest.mark.parametrize("expiry", [["1970-01-01T00:00:00Z"], "1970-01-01T00:00:00.000Z"])
def test_what_never_was_a_token_is_told(expiry: object) -> None:
    error = error_for(answer(401, {"category": "EXPIRED_AUTHENTICATION", "context": {"expire time": expiry}}))
    assert "none of HubSpot's" in error.hint


def test_an_expired_token_is_no_garbage() -> None:
    error = error_for(answer(401, {"context": {"expire time": ["2026-06-21T10:37:52.040Z"]}}))
    assert "none of HubSpot's" not in error.hint


def test_hubspots_words_and_correlation_id_stay_in_the_detail() -> None:
    body = {"message": "Bad thing", "category": "VALIDATION_ERROR", "correlationId": "0199-abc"}
    error = error_for(answer(400, body))
    assert error.detail == "VALIDATION_ERROR Bad thing (correlation id 0199-abc)"
    assert "Bad thing" not in error.hint


def test_long_words_are_cut() -> None:
    error = error_for(answer(400, {"message": "x" * 5000, "correlationId": "y" * 5000}))
    assert len(error.detail or "") < 1100


@pytest.mark.parametrize("field", ["status", "message", "category", "subCategory", "correlationId", "policyName"])
@pytest.mark.parametrize("value", [None, 7, [], {}, "x"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
def test_no_field_of_an_error_is_relied_on(field: str, value: object, status: int) -> None:
    assert isinstance(error_for(answer(status, {field: value})), RelayError)


@pytest.mark.parametrize(
    "value", [None, 7, "x", [None], [7], [{"context": 7}], [{"context": {"requiredGranularScopes": 7}}]]
)
@pytest.mark.parametrize("field", ["errors", "context", "links"])
def test_no_nested_field_of_an_error_is_relied_on(field: str, value: object) -> None:
    assert isinstance(error_for(answer(403, {field: value})), RelayError)


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"text"', b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_bodies_that_are_no_object(body: bytes) -> None:
    assert isinstance(error_for(answer(503, body)), HubSpotUnavailable)


@pytest.mark.parametrize(
    ("response", "seconds"),
    [
        (answer(429, ROLLING), 1),
        (answer(429, ROLLING, retry_after="3"), 3),
        (answer(429, ROLLING, retry_after="0"), 0),
        (answer(429, ROLLING, retry_after="999999"), 3600),
        (answer(429, ROLLING, retry_after="soon"), 1),
        (answer(429, ROLLING, retry_after="-1"), 1),
        (answer(429, DAILY), 3600),
        (answer(423), 2),
        (answer(477, retry_after="50000"), 50_000),
        (answer(477, retry_after="100000"), 86_400),
        (answer(477), None),
        (answer(503, retry_after="7200"), 3600),
        (answer(503), None),
    ],
    ids=name,
)
def test_how_long_to_wait(response: Response, seconds: float | None) -> None:
    error = error_for(response)
    assert isinstance(error, HubSpotUnavailable | RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("until", "now", "seconds"),
    [
        ("Thu, 01 Oct 2026 10:00:30 GMT", "Thu, 01 Oct 2026 10:00:00 GMT", 30),
        ("Thu, 01 Oct 2026 09:00:00 GMT", "Thu, 01 Oct 2026 10:00:00 GMT", 0),
        ("Thu, 01 Oct 2026 10:00:30 GMT", "", None),
        ("Thu, 01 Oct 2026 10:00:30", "Thu, 01 Oct 2026 10:00:00 GMT", 30),
    ],
)
def test_a_date_counts_from_the_answers_own_clock(until: str, now: str, seconds: float | None) -> None:
    assert retry_after(answer(503, retry_after=until, date=now)) == seconds


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_raises_nothing(status: int) -> None:
    raise_for(answer(status, HTML))
    assert is_success(answer(status))


@pytest.mark.parametrize("status", [100, 199, 300, 304, 400, 500])
def test_anything_else_raises(status: int) -> None:
    with pytest.raises(RelayError) as caught:
        raise_for(answer(status))
    assert not isinstance(caught.value, OutcomeUnknown)
