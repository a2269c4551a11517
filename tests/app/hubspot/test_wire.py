from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.message import AttachmentKind, Unopened
from app.domain.person import Identifier, IdentifierType
from app.domain.webhook import RawRequest
from app.hubspot.wire import AccountEvent, AccountEventKind, HubSpotEvent, Outgoing, dedupe_key, read_events

MESSAGE: dict[str, Any] = {
    "type": "OUTGOING_CHANNEL_MESSAGE_CREATED",
    "portalId": "4700001",
    "channelId": "1001",
    "eventTimestamp": "2026-10-01T10:00:00.900Z",
    "eventId": "event-1",
    "channelIntegrationThreadIds": ["thread-a", "thread-b"],
    "message": {
        "id": "9f0c",
        "type": "MESSAGE",
        "channelId": "1001",
        "channelAccountId": "2001",
        "conversationsThreadId": "7001",
        "createdAt": "2026-10-01T10:00:00.250Z",
        "createdBy": "A-101",
        "senders": [{"actorId": "A-101", "name": "Sam Agent", "deliveryIdentifier": {"type": "X", "value": "bot"}}],
        "recipients": [
            {
                "actorId": "V-9",
                "name": "Dana",
                "deliveryIdentifier": {"type": "HS_PHONE_NUMBER", "value": "+4915112345678"},
            }
        ],
        "text": "It left this morning.",
        "richText": "<p>It left <b>this morning</b>.</p>",
        "direction": "OUTGOING",
        "inReplyToId": "9f0b",
        "truncationStatus": "NOT_TRUNCATED",
        "status": {"statusType": "SENT"},
        "attachments": [
            {"type": "FILE", "fileId": "55", "fileUsageType": "IMAGE", "name": "a.png", "url": "https://f/a"}
        ],
        "client": {"clientType": "INTEGRATION", "integrationAppId": 42},
        "somethingNew": {"a": [1]},
    },
}
ACCOUNT: dict[str, Any] = {
    "type": "CHANNEL_ACCOUNT_UPDATED",
    "portalId": "4700001",
    "channelId": "1001",
    "eventTimestamp": "2026-10-01T10:00:00.900Z",
    "channelAccountId": "2001",
    "channelAccountDeliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "bot"},
}
MISSING = object()


def request(body: object, timestamp: str = "1790000000000") -> RawRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"x-hubspot-request-timestamp": timestamp} if timestamp else {}
    return RawRequest(method="POST", url="https://relay.example.com/webhooks/hubspot", headers=headers, body=content)


def read(body: object) -> HubSpotEvent:
    (event,) = read_events(request(body))
    return event


def outgoing(body: object) -> Outgoing:
    event = read(body)
    assert isinstance(event, Outgoing), event
    return event


def changed(event: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Copy an event with one field changed, or left out."""
    result = copy.deepcopy(event)
    *parents, name = path.split(".")
    target = result
    for parent in parents:
        target = target[parent]
    if value is MISSING:
        del target[name]
    else:
        target[name] = value
    return result


def test_a_message_with_everything() -> None:
    event = outgoing(MESSAGE)
    assert (event.portal_id, event.channel_id, event.account_id) == (4_700_001, "1001", "2001")
    assert event.thread_ids == ("thread-a", "thread-b")
    assert event.hubspot_thread_id == "7001"
    assert event.recipient == Identifier(type=IdentifierType.PHONE, value="+4915112345678")
    assert event.recipient_name == "Dana"
    assert event.message.content.cut_at is None
    assert event.by_app_id == "42"


def test_the_message_of_an_event() -> None:
    message = outgoing(MESSAGE).message
    assert (message.conversation, message.service_id) == ("", "9f0c")
    assert (message.sender.identifier.value, message.sender.name) == ("A-101", "Sam Agent")
    assert message.content.text == "It left this morning."
    assert message.content.html == "<p>It left <b>this morning</b>.</p>"
    assert message.content.reply_to == "9f0b"
    assert message.sent_at == datetime(2026, 10, 1, 10, 0, 0, 250_000, UTC)
    assert message.order == 1_790_848_800_250
    (attachment,) = message.content.attachments
    assert (attachment.kind, attachment.source, attachment.mime) == (AttachmentKind.IMAGE, "https://f/a", "image/png")


@pytest.mark.parametrize("path", ["eventTimestamp", "eventId", "channelIntegrationThreadIds"])
@pytest.mark.parametrize("value", [MISSING, None, 7, {"odd": True}])
def test_fields_of_the_event_that_may_be_missing_or_odd(path: str, value: object) -> None:
    assert outgoing(changed(MESSAGE, path, value)).message.service_id == "9f0c"


@pytest.mark.parametrize(
    "field",
    [
        "type", "channelId", "conversationsThreadId", "createdAt", "createdBy", "senders", "recipients", "text",
        "richText", "direction", "inReplyToId", "truncationStatus", "status", "attachments", "client",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [MISSING, None, 7, "odd", ["odd"], {"odd": True}])
def test_fields_of_the_message_that_may_be_missing_or_odd(field: str, value: object) -> None:
    assert outgoing(changed(MESSAGE, f"message.{field}", value)).account_id == "2001"


@pytest.mark.parametrize("path", ["portalId", "channelId", "message", "message.id", "message.channelAccountId"])
@pytest.mark.parametrize("value", [None, "", {"odd": True}, "x" * 65])
def test_what_cannot_be_done_without_keeps_the_event_unopened(path: str, value: object) -> None:
    body = changed(MESSAGE, path, value)
    if path == "channelId":
        body["message"]["channelId"] = value
    event = read(body)
    assert isinstance(event, Unopened)
    assert path in event.reason
    assert event.raw == body


def test_a_reason_holds_no_value() -> None:
    event = read(changed(MESSAGE, "portalId", "private words"))
    assert isinstance(event, Unopened)
    assert "private" not in event.reason


@pytest.mark.parametrize("path", ["portalId", "channelId", "message.id", "message.channelAccountId"])
def test_ids_may_be_numbers(path: str) -> None:
    event = outgoing(changed(MESSAGE, path, 77))
    found = {
        "portalId": str(event.portal_id),
        "channelId": event.channel_id,
        "message.id": event.message.service_id,
        "message.channelAccountId": event.account_id,
    }
    assert found[path] == "77"


def test_the_channel_may_stand_in_the_message_only() -> None:
    assert outgoing(changed(MESSAGE, "channelId", MISSING)).channel_id == "1001"


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ({"deliveryIdentifier": "chat-7"}, (IdentifierType.OPAQUE, "chat-7")),
        ({"deliveryIdentifier": 7}, (IdentifierType.OPAQUE, "7")),
        ({"deliverIdentifier": {"type": "HS_EMAIL_ADDRESS", "value": "a@b.de"}}, (IdentifierType.EMAIL, "a@b.de")),
        ({"deliveryIdentifier": {"type": "HS_SHORT_CODE", "value": "12345"}}, (IdentifierType.SHORT_CODE, "12345")),
        ({"deliveryIdentifier": {"type": "HS_UNHEARD_OF", "value": "x"}}, (IdentifierType.OPAQUE, "x")),
        ({"deliveryIdentifier": {"type": "HS_EMAIL_ADDRESS"}}, None),
        ({"deliveryIdentifier": {"value": " "}}, None),
        ({"actorId": "V-1"}, None),
    ],
)
def test_identifiers(recipient: dict[str, Any], expected: tuple[IdentifierType, str] | None) -> None:
    found = outgoing(changed(MESSAGE, "message.recipients", [recipient])).recipient
    assert (found and (found.type, found.value)) == expected


def test_the_first_recipient_with_an_identifier_counts() -> None:
    recipients = [{"actorId": "V-1"}, "odd", {"name": "B", "deliveryIdentifier": "b"}, {"deliveryIdentifier": "c"}]
    event = outgoing(changed(MESSAGE, "message.recipients", recipients))
    assert (event.recipient, event.recipient_name) == (Identifier(value="b"), "B")


def test_the_agent_is_the_creator_where_no_sender_is_named() -> None:
    sender = outgoing(changed(MESSAGE, "message.senders", [])).message.sender
    assert (sender.identifier.value, sender.name) == ("A-101", "")


def test_pitfall_23_the_message_is_an_object_and_its_text_is_a_field_of_it() -> None:
    assert outgoing(MESSAGE).message.content.text == MESSAGE["message"]["text"]
    event = read(changed(MESSAGE, "message", "A text, as HubSpot's table of fields says"))
    assert isinstance(event, Unopened)


@pytest.mark.parametrize("status", ["TRUNCATED", "TRUNCATED_TO_MOST_RECENT_REPLY"])
def test_truncated_messages_are_marked(status: str) -> None:
    content = outgoing(changed(MESSAGE, "message.truncationStatus", status)).message.content
    assert content.text[: content.cut_at] == MESSAGE["message"]["text"]
    assert content.cut_at == len(MESSAGE["message"]["text"])


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-10-01T12:00:00.250+02:00", 1_790_848_800_250),
        ("2026-10-01T10:00:00.250999Z", 1_790_848_800_250),
        ("2026-10-01T10:00:00", 1_790_848_800_000),
        pytest.param(1_790_848_800_250, 1_790_848_800_250, id="number"),
        ("1790848800250", 1_790_848_800_250),
        ("nonsense", 1_790_848_800_900),
        (10**30, 1_790_848_800_900),
        (True, 1_790_848_800_900),
    ],
)
def test_times(created: object, expected: int) -> None:
    assert outgoing(changed(MESSAGE, "message.createdAt", created)).message.order == expected


def test_an_event_without_any_time_takes_that_of_its_request() -> None:
    body = changed(changed(MESSAGE, "message.createdAt", MISSING), "eventTimestamp", MISSING)
    assert outgoing(body).message.order == 1_790_000_000_000


def test_an_event_without_any_time_at_all_stays_unopened() -> None:
    body = changed(changed(MESSAGE, "message.createdAt", MISSING), "eventTimestamp", MISSING)
    (event,) = read_events(request(body, timestamp=""))
    assert isinstance(event, Unopened)
    assert "no time" in event.reason


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("CHANNEL_ACCOUNT_CREATED", AccountEventKind.CREATED),
        ("CHANNEL_ACCOUNT_UPDATED", AccountEventKind.UPDATED),
        ("CHANNEL_ACCOUNT_PURGED", AccountEventKind.PURGED),
    ],
)
def test_account_events(word: str, kind: AccountEventKind) -> None:
    event = read(changed(ACCOUNT, "type", word))
    assert isinstance(event, AccountEvent)
    assert (event.kind, event.portal_id, event.channel_id, event.account_id) == (kind, 4_700_001, "1001", "2001")
    assert event.order == 1_790_848_800_900


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"type": "HS_PHONE_NUMBER", "value": "+491"}, "+491"), ("bot", "bot"), ("", None), (None, None), (MISSING, None)],
)
def test_account_identifiers(value: object, expected: str | None) -> None:
    event = read(changed(ACCOUNT, "channelAccountDeliveryIdentifier", value))
    assert isinstance(event, AccountEvent)
    assert (event.identifier and event.identifier.value) == expected


def test_one_odd_item_spoils_no_other() -> None:
    events = read_events(
        request([MESSAGE, "odd", None, {"type": "NEW"}, {"type": ["x"]}, {"type": MESSAGE["type"]}, ACCOUNT])
    )
    assert [type(event) for event in events] == [Outgoing, *[Unopened] * 5, AccountEvent]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b"nothing", b"7", b'"text"', b"null", b"[" * 100_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"portalId": 1' + b"0" * 5000 + b"}",
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read_are_kept(body: bytes) -> None:
    (event,) = read_events(request(body))
    assert isinstance(event, Unopened)
    json.dumps(event.raw, allow_nan=False).encode()


def test_nothing_stays_that_a_database_cannot_keep() -> None:
    body = (
        json.dumps(MESSAGE).replace("It left this", "It \\u0000left \\ud800 this").replace('{"a": [1]}', "[NaN, 1e999]")
    )
    event = outgoing(body.encode())
    assert event.message.content.text == "It \ufffdleft \ufffd this morning."


def test_unopened_items_hold_no_number_outside_json() -> None:
    event = read(b'{"type": "NEW", "n": [NaN, Infinity, -1e999, 1.5]}')
    assert isinstance(event, Unopened)
    assert event.raw == {"type": "NEW", "n": [None, None, None, 1.5]}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(sorted(MESSAGE) + sorted(MESSAGE["message"])), inner)
        ),
    )
)
def test_any_json_is_read_without_an_error(body: object) -> None:
    if isinstance(body, dict):
        body["type"] = MESSAGE["type"]
    raw = request(json.dumps(body).encode())
    assert isinstance(read_events(raw), list)
    assert 0 < len(dedupe_key(raw)) <= 120


def test_a_message_is_known_by_its_portal_and_id() -> None:
    again = changed(changed(MESSAGE, "eventId", "event-2"), "message.text", "changed")
    assert dedupe_key(request(MESSAGE)) == dedupe_key(request([again])) == "4700001:9f0c"


@pytest.mark.parametrize(("path", "value"), [("portalId", "1"), ("message.id", "x")])
def test_other_messages_have_other_keys(path: str, value: str) -> None:
    assert dedupe_key(request(changed(MESSAGE, path, value))) != dedupe_key(request(MESSAGE))


def test_a_message_without_an_id_is_known_by_its_event() -> None:
    body = changed(MESSAGE, "message.id", MISSING)
    assert dedupe_key(request(body)) == "4700001:OUTGOING_CHANNEL_MESSAGE_CREATED:event-1"


def test_an_account_event_is_known_by_type_account_and_time() -> None:
    assert dedupe_key(request(ACCOUNT)) == "CHANNEL_ACCOUNT_UPDATED:2001:2026-10-01T10:00:00.900Z"


@pytest.mark.parametrize("body", [b"nothing", b"{}", json.dumps([MESSAGE, ACCOUNT]).encode(), b"[]"])
def test_anything_else_is_known_by_its_body(body: bytes) -> None:
    key = dedupe_key(request(body))
    assert key.startswith("sha256:")
    assert key != dedupe_key(request(body + b" "))


def test_a_long_key_is_hashed() -> None:
    one, other = (dedupe_key(request(changed(MESSAGE, "message.id", "x" * 200 + end))) for end in "ab")
    assert one.startswith("sha256:")
    assert one != other
