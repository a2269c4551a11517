from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.conformance import calls
from app.conformance.report import Check
from app.conformance.samples import Subject
from app.conformance.server import Scripted, ScriptedServer, Seen
from app.connectors import base
from app.connectors.matrix import MatrixConnector, MatrixCredentials, registration
from app.domain.account import Account
from app.domain.message import (
    Attachment,
    AttachmentKind,
    Content,
    Event,
    Kind,
    Message,
    Notice,
    NoticeKind,
    Place,
    Receipt,
    Unopened,
)
from app.domain.part import Part, PartContent
from app.domain.status import Status
from app.errors import (
    ContentUnsupported,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    RelayError,
    ResponseUnexpected,
    ServiceUnavailable,
    SignatureInvalid,
    Unauthorized,
)
from app.http import AddressRefused, Http
from tests.app.connectors.matrix_samples import (
    ALICE,
    CREDENTIALS,
    ROOM,
    SAMPLES,
    account,
    event,
    payload,
    payload_bytes,
    request,
)

CONNECTOR = MatrixConnector()
BOT = "@relaybot:relay.test"
JSON = {"Content-Type": "application/json"}
MXC = "mxc://relay.test/HOaGlaQEWTMFLdHvBFpMKxOC"


def read(*events: Any, ephemeral: object = ()) -> list[Event]:
    """Parse events as one transaction."""
    body = {"events": list(events), "ephemeral": list(ephemeral) if isinstance(ephemeral, tuple) else ephemeral}
    return list(CONNECTOR.parse(request(body), account()))


def said(content: dict[str, Any], **changes: Any) -> Message:
    """Parse the one event with this content into the one message that it must be."""
    (found,) = read(event(content=content, **changes))
    assert isinstance(found, Message)
    return found


def recorded(name: str) -> list[Event]:
    return list(CONNECTOR.parse(request(payload_bytes(name)), account()))


def recorded_message(name: str) -> Message:
    (found,) = recorded(name)
    assert isinstance(found, Message)
    return found


# What was recorded ---------------------------------------------------------------------------------------------------


def test_a_text_is_a_message_with_its_own_time_and_ids() -> None:
    wire = payload("text")["events"][0]
    found = recorded_message("text")
    assert (found.conversation, found.service_id, found.kind) == (wire["room_id"], wire["event_id"], Kind.MESSAGE)
    assert found.sender.identifier.value == ALICE
    assert found.order == wire["origin_server_ts"]
    assert found.sent_at == datetime.fromtimestamp(wire["origin_server_ts"] // 1000, UTC).replace(
        microsecond=wire["origin_server_ts"] % 1000 * 1000
    )
    assert (found.content, found.revision) == (Content(text="plain text"), "")


def test_formatted_text_keeps_both_forms() -> None:
    content = recorded_message("formatted").content
    assert (content.text, content.html) == ("**bold** text", "<p><strong>bold</strong> text</p>")


def test_an_image_has_its_caption_name_type_and_size() -> None:
    content = recorded_message("image_with_caption").content
    wire = payload("image_with_caption")["events"][0]["content"]
    assert content.text == "look at him"
    assert content.attachments == (
        Attachment(kind=AttachmentKind.IMAGE, source=wire["url"], name="cat.png", mime="image/png", size=72),
    )


def test_a_voice_message_is_told_from_other_audio() -> None:
    (attachment,) = recorded_message("voice").content.attachments
    assert (attachment.kind, attachment.mime) == (AttachmentKind.VOICE, "audio/ogg")


def test_a_sticker_is_an_attachment() -> None:
    (attachment,) = recorded_message("sticker").content.attachments
    assert (attachment.kind, attachment.name) == (AttachmentKind.STICKER, "a waving fox")


def test_a_location_is_a_place() -> None:
    content = recorded_message("location").content
    assert content == Content(places=(Place(latitude=53.5461, longitude=9.966, name="the harbour"),))


def test_a_reply_quotes_and_loses_the_old_fallback() -> None:
    wire = payload("reply")["events"][0]["content"]
    content = recorded_message("reply").content
    assert content.text == "yes, please"
    assert content.reply_to == wire["m.relates_to"]["m.in_reply_to"]["event_id"]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [("edit", Kind.EDIT, "plain text, corrected"), ("reaction", Kind.REACTION, "👍")],
)
def test_what_is_about_a_message_has_that_messages_id_and_its_own_time(name: str, kind: Kind, text: str) -> None:
    wire = payload(name)["events"][0]
    found = recorded_message(name)
    assert (found.kind, found.content.text) == (kind, text)
    assert found.service_id == wire["content"]["m.relates_to"]["event_id"]
    assert (found.revision, found.order) == (wire["event_id"], wire["origin_server_ts"])


def test_a_reaction_with_a_picture_is_told_in_words() -> None:
    relation = {"rel_type": "m.annotation", "event_id": "$first", "key": MXC}
    assert said({"m.relates_to": relation}, kind="m.reaction").content.text == "a custom emoji"


def test_a_redaction_is_a_deletion_with_its_reason() -> None:
    wire = payload("redaction")["events"][0]
    found = recorded_message("redaction")
    assert (found.kind, found.service_id, found.revision) == (Kind.DELETION, wire["redacts"], wire["event_id"])
    assert found.content.text == "wrong room"


def test_an_encrypted_message_is_announced() -> None:
    assert "end-to-end encrypted" in recorded_message("encrypted").content.text


def test_a_poll_shows_its_question() -> None:
    assert recorded_message("poll").content.text == "[poll] Which day?\n1. Monday\n2. Friday"


def test_an_unknown_type_without_a_text_is_kept_unopened() -> None:
    (found,) = recorded("unknown_type")
    assert isinstance(found, Unopened)
    assert "org.example.thermometer" in found.reason
    assert found.raw["content"] == {"celsius": 21}


@pytest.mark.parametrize("name", ["topic", "typing", "own_message", "own_join", "own_invitation", "change_of_name"])
def test_noise_and_our_own_doing_are_left_out(name: str) -> None:
    assert recorded(name) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("invitation", NoticeKind.OPTED_IN),
        ("leave", NoticeKind.OPTED_OUT),
        ("return", NoticeKind.OPTED_IN),
    ],
)
def test_comings_and_goings_are_notices(name: str, kind: NoticeKind) -> None:
    (found,) = recorded(name)
    assert isinstance(found, Notice)
    assert (found.kind, found.conversation, found.detail) == (kind, ROOM, ALICE)


def test_a_read_receipt_covers_what_came_before() -> None:
    (edu,) = payload("read")["ephemeral"]
    ((event_id, seen),) = edu["content"].items()
    (found,) = recorded("read")
    assert isinstance(found, Receipt)
    assert (found.service_id, found.conversation, found.status) == (event_id, ROOM, Status.READ)
    assert found.covers_earlier
    assert int(found.at.timestamp() * 1000) == seen["m.read"][ALICE]["ts"]


# What was not recorded -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "content", "expected"),
    [
        ("notice", {"msgtype": "m.notice", "body": "beep"}, Content(text="beep")),
        ("emote", {"msgtype": "m.emote", "body": "waves"}, Content(text="* waves")),
        ("unknown msgtype", {"msgtype": "org.example.card", "body": "a card"}, Content(text="a card")),
        ("no text", {"msgtype": "m.text", "body": ""}, Content(text="[empty message]")),
        (
            "file",
            {"msgtype": "m.file", "body": "a.pdf", "url": MXC, "info": {"size": 9}},
            Content(attachments=(Attachment(kind=AttachmentKind.FILE, source=MXC, name="a.pdf", size=9),)),
        ),
        (
            "malformed info",
            {"msgtype": "m.video", "body": "a.mp4", "url": MXC, "info": {"size": -1, "mimetype": []}},
            Content(attachments=(Attachment(kind=AttachmentKind.VIDEO, source=MXC, name="a.mp4"),)),
        ),
        (
            "encrypted attachment",
            {"msgtype": "m.image", "body": "a.png", "file": {"url": MXC}},
            Content(text="[image 'a.png' cannot be fetched: it is encrypted or has no valid address]"),
        ),
        (
            "address of elsewhere",
            {"msgtype": "m.file", "body": "a", "url": "http://10.0.0.1/"},
            Content(text="[file 'a' cannot be fetched: it is encrypted or has no valid address]"),
        ),
        ("odd place", {"msgtype": "m.location", "body": "x", "geo_uri": "geo:?"}, Content(text="[location] x")),
        ("place beyond", {"msgtype": "m.location", "body": "x", "geo_uri": "geo:91,0"}, Content(text="[location] x")),
        (
            "place of a client that names it apart",
            {
                "msgtype": "m.location",
                "body": "Location geo:1.5,-2;u=9 at noon",
                "org.matrix.msc3488.location": {"uri": "geo:1.5,-2;u=9", "description": "the pier"},
            },
            Content(places=(Place(latitude=1.5, longitude=-2, name="the pier"),)),
        ),
        (
            "place without a name",
            {"msgtype": "m.location", "body": "Location geo:1.5,-2", "geo_uri": "geo:1.5,-2"},
            Content(places=(Place(latitude=1.5, longitude=-2),)),
        ),
        (
            "quotation in HTML",
            {
                "msgtype": "m.text",
                "body": "> <@a:b> one\n> two\n\nyes",
                "format": "org.matrix.custom.html",
                "formatted_body": "<mx-reply><blockquote>one\ntwo</blockquote></mx-reply><b>yes</b>",
                "m.relates_to": {"m.in_reply_to": {"event_id": "$a"}},
            },
            Content(text="yes", html="<p><strong>yes</strong></p>", reply_to="$a"),
        ),
        ("quotation that is no reply", {"body": "> <@a:b> one\n\nyes"}, Content(text="> <@a:b> one\n\nyes")),
        (
            "thread",
            {
                "body": "x",
                "m.relates_to": {
                    "rel_type": "m.thread",
                    "event_id": "$root",
                    "is_falling_back": True,
                    "m.in_reply_to": {"event_id": "$last"},
                },
            },
            Content(text="x", reply_to="$root"),
        ),
        (
            "quotation within a thread",
            {
                "body": "x",
                "m.relates_to": {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$b"}},
            },
            Content(text="x", reply_to="$b"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_contents(label: str, content: dict[str, Any], expected: Content) -> None:
    assert said(content).content == expected, label


def test_an_edit_without_new_content_is_read_from_its_fallback() -> None:
    found = said({"body": "* now", "m.relates_to": {"rel_type": "m.replace", "event_id": "$first"}})
    assert (found.kind, found.service_id, found.content.text) == (Kind.EDIT, "$first", "now")


def test_a_redaction_of_older_rooms_names_its_target_beside_the_content() -> None:
    found = said({}, kind="m.room.redaction", redacts="$old")
    assert (found.kind, found.service_id) == (Kind.DELETION, "$old")


def test_a_message_that_was_redacted_before_it_came_is_shown_as_such() -> None:
    assert "deleted" in said({}, unsigned={"redacted_because": {}}).content.text


def test_an_unknown_type_with_a_text_is_shown_by_it() -> None:
    assert said({"m.text": [{"body": "21 degrees"}]}, kind="org.example.thermometer").content.text == "21 degrees"


def test_a_call_is_announced_once() -> None:
    found = read(event(1, kind="m.call.invite"), event(2, kind="m.call.candidates"), event(3, kind="m.call.hangup"))
    assert [one.content.text for one in found if isinstance(one, Message)] == [
        "[tried to call, which is not possible here]"
    ]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("label", "state_key", "membership", "previous", "expected"),
    [
        ("removes us", BOT, "leave", "join", NoticeKind.OPTED_OUT),
        ("bans us", BOT, "ban", "join", NoticeKind.OPTED_OUT),
        ("is removed", ALICE, "leave", "join", NoticeKind.OPTED_OUT),
        ("comes back", ALICE, "join", "leave", NoticeKind.OPTED_IN),
        ("is new in a room", ALICE, "join", None, None),
        ("invites another person", "@bob:relay.test", "invite", None, None),
        ("removes another of ours", "@relay_x:relay.test", "leave", "join", None),
        ("knocks", ALICE, "knock", None, None),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else None,
)
def test_memberships(
    *, label: str, state_key: str, membership: str, previous: str | None, expected: NoticeKind | None
) -> None:
    unsigned = {"prev_content": {"membership": previous}} if previous else {}
    content = {"membership": membership}
    found = read(event(kind="m.room.member", state_key=state_key, content=content, unsigned=unsigned))
    assert [one.kind for one in found if isinstance(one, Notice)] == ([expected] if expected else []), label
    assert len(found) == (1 if expected else 0)


def test_a_replaced_room_moves_the_conversation() -> None:
    (found,) = read(event(kind="m.room.tombstone", state_key="", content={"body": "", "replacement_room": "!new"}))
    assert isinstance(found, Notice)
    assert (found.kind, found.conversation, found.detail) == (NoticeKind.MOVED, ROOM, "!new")


@pytest.mark.parametrize(
    ("sender", "ours"),
    [
        (BOT, True),
        ("@relay_anna:relay.test", True),
        ("@relay_anna:elsewhere.test", False),
        ("@relaybot:elsewhere.test", False),
        ("@relay:relay.test", False),
    ],
)
def test_only_our_own_users_are_echoes(sender: str, *, ours: bool) -> None:
    assert (read(event(sender=sender)) == []) is ours


def test_what_a_colleague_does_is_our_own_sides() -> None:
    """Their messages are ours, their reading is not the customer's, and the room is not theirs to close."""
    ours = CREDENTIALS.model_copy(update={"colleagues": "@robin:relay.test  @sam:elsewhere.test"})
    seen = {"$event-9": {"m.read": {"@robin:relay.test": {"ts": 1_795_365_976_000}}}}
    left = event(3, kind="m.room.member", sender="@robin:relay.test", state_key="@robin:relay.test")
    body = {
        "events": [event(1, sender="@robin:relay.test"), event(2), left | {"content": {"membership": "leave"}}],
        "ephemeral": [{"type": "m.receipt", "room_id": ROOM, "content": seen}],
    }
    robins, alices = CONNECTOR.parse(request(body), account(ours))
    assert isinstance(robins, Message)
    assert isinstance(alices, Message)
    assert [(one.own, one.sender.name) for one in (robins, alices)] == [(True, "robin"), (False, "")]


@pytest.mark.parametrize("users", ["robin", "@robin", "@robin:relay.test, @sam:relay.test,"])
def test_colleagues_are_named_by_their_whole_ids(users: str) -> None:
    with pytest.raises(ValidationError):
        MatrixCredentials.model_validate({**dict(CREDENTIALS), "colleagues": users})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"type": "m.room.message"},
        event(content=None),
        event(content={"msgtype": "m.text"}),
        event(content={"msgtype": "m.text", "body": 5}),
        event(event_id=""),
        event(event_id="$" * 256),
        event(origin_server_ts=2**62),
        event(origin_server_ts="soon"),
        event(kind="m.reaction", content={"m.relates_to": {"key": "x"}}),
        event(kind="m.room.redaction", content={}),
        event(kind="m.room.member", state_key=ALICE, content={}),
        event(kind="m.room.tombstone", state_key="", content={}),
    ],
)
def test_an_odd_event_stays_unopened_and_its_neighbours_pass(odd: object) -> None:
    found = read(*(event(number) for number in range(50)), odd, *(event(number) for number in range(50, 99)))
    assert [one.service_id for one in found if isinstance(one, Message)] == [f"$event-{n}" for n in range(99)]
    (unopened,) = (one for one in found if isinstance(one, Unopened))
    assert unopened.reason.endswith(".")


def test_an_event_that_is_nested_without_end_costs_only_itself_and_can_be_stored() -> None:
    deep: object = "x"
    for _ in range(400):
        deep = {"a": deep}
    first, second = read(event(1, kind="org.example.deep", content={"deep": deep}), event(2))
    assert isinstance(first, Unopened)
    assert '"deep"' in first.model_dump_json()
    assert isinstance(second, Message)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"events": 5}'])
def test_a_body_that_cannot_be_read_is_one_unopened(body: bytes) -> None:
    (found,) = CONNECTOR.parse(request(body), account())
    assert isinstance(found, Unopened)


def test_receipts_are_read_from_the_older_field_and_only_once() -> None:
    body = payload("read")
    older = {"events": [], "de.sorunome.msc2409.ephemeral": body["ephemeral"]}
    assert len(CONNECTOR.parse(request(older), account())) == 1
    assert body["ephemeral"] == body["de.sorunome.msc2409.ephemeral"]
    assert len(CONNECTOR.parse(request(body), account())) == 1


def test_our_own_reading_and_private_reading_are_no_receipts() -> None:
    seen = {"$a": {"m.read": {BOT: {"ts": 1}}}, "$b": {"m.read.private": {ALICE: {"ts": 1}}}}
    assert read(ephemeral=({"type": "m.receipt", "room_id": ROOM, "content": seen},)) == []


def test_an_odd_receipt_stays_unopened_and_its_neighbours_pass() -> None:
    good = {"type": "m.receipt", "room_id": ROOM, "content": {"$a": {"m.read": {ALICE: {"ts": 1}}}}}
    odd = {"type": "m.receipt", "room_id": ROOM, "content": {"$b": {"m.read": {ALICE: {}}}}}
    assert [type(one) for one in read(event(), ephemeral=(good, odd, good))] == [Message, Receipt, Unopened, Receipt]


# Requests ------------------------------------------------------------------------------------------------------------


def test_the_homeservers_token_is_accepted() -> None:
    CONNECTOR.verify(request(), CREDENTIALS)


@pytest.mark.parametrize("token", ["", "hs-token-of-the-test", "as-token-of-the-tests", "é"])
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(SignatureInvalid):
        CONNECTOR.verify(request(token=token), CREDENTIALS)


def test_a_request_without_a_token_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        CONNECTOR.verify(replace(request(), headers={}), CREDENTIALS)


def test_a_transaction_is_answered_with_an_empty_object() -> None:
    answer = CONNECTOR.answer(request())
    assert (answer.status, answer.body, answer.content_type) == (200, "{}", "application/json")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/_matrix/app/v1/transactions/15", None),
        ("PUT", "_matrix/app/v1/transactions/15", None),
        ("PUT", "/transactions/15", None),
        ("POST", "/_matrix/app/v1/ping", 200),
        ("GET", f"/_matrix/app/v1/users/{BOT}", 200),
        ("GET", "/_matrix/app/v1/users/%40relaybot%3Arelay.test", 200),
        ("GET", f"/users/{BOT}", 200),
        ("GET", "/_matrix/app/v1/users/@relay_lazy:relay.test", 404),
        ("GET", "/_matrix/app/v1/rooms/#relay_x:relay.test", 404),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/x", 404),
        ("GET", "/_matrix/app/v1/transactions/15", 404),
        ("POST", "", 404),
    ],
)
def test_questions_of_the_homeserver_are_answered_at_once(method: str, path: str, status: int | None) -> None:
    answer = CONNECTOR.handshake(request({}, method=method, path=path), account())
    assert (answer.status if answer else None) == status
    assert answer is None or isinstance(json.loads(answer.body), dict)


def test_a_repeated_transaction_has_the_same_key_although_ages_and_receipts_differ() -> None:
    first = {"events": [event(1, unsigned={"age": 5}), event(2)], "ephemeral": payload("read")["ephemeral"]}
    again = {"events": [event(1, unsigned={"age": 2005}), event(2)], "ephemeral": []}
    keys = {CONNECTOR.dedupe_key(request(body), account()) for body in (first, again)}
    assert len(keys) == 1


def test_a_new_homeserver_that_counts_from_one_again_repeats_no_key() -> None:
    keys = {CONNECTOR.dedupe_key(request({"events": [event(number)]}), account()) for number in (1, 2)}
    assert len(keys) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events": [{"event_id": 5}, 3]}'])
def test_the_key_stays_short_and_depends_on_the_transaction(body: bytes) -> None:
    paths = ["/transactions/15", "/transactions/16", f"/transactions/{'x' * 5000}"]
    keys = [CONNECTOR.dedupe_key(request(body, path=path), account()) for path in paths]
    assert len(set(keys)) == 3
    assert all(key and len(key) <= 100 for key in keys)


# Calls ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(Scripted(200, b'{"event_id": "$sent"}', JSON)) as running:
        yield running


def at(server: ScriptedServer) -> Account:
    return account(api_url=server.url)


def test_an_entered_address_that_leads_into_this_network_is_not_called(server: ScriptedServer, http: Http) -> None:
    """Who connects an account may be a stranger. One that the settings allow is called."""
    entered = account(CREDENTIALS.model_copy(update={"homeserver_url": server.url}))
    for call in (lambda: CONNECTOR.send(part(), entered, http), lambda: CONNECTOR.test(entered, http)):
        with pytest.raises(AddressRefused, match="RELAY_ALLOWED_PRIVATE_HOSTS"):
            call()
    assert server.seen == []
    allowing = Http(allowed_private_hosts=("127.0.0.1",), call_timeout=5)
    assert CONNECTOR.send(part(), entered, allowing).ids == ("$sent",)
    allowing.close()


def part(**content: Any) -> Part:
    return Part(conversation=ROOM, content=PartContent(**{"text": "Hello", **content}), key="k/1")


def error(status: int, code: str, **fields: Any) -> Scripted:
    return Scripted(status, json.dumps({"errcode": code, "error": "No.", **fields}).encode(), JSON)


def test_a_text_is_put_under_the_parts_key_as_the_speaker(server: ScriptedServer, http: Http) -> None:
    sent = CONNECTOR.send(part(), at(server), http)
    (seen,) = server.seen
    assert sent.ids == ("$sent",)
    assert seen.method == "PUT"
    assert seen.path == (
        "/_matrix/client/v3/rooms/%21WQ1WronQDHH6xm_Txejx_dK96_UsEGCZkA3EVkmEwKY/send/m.room.message/k%2F1"
        "?user_id=%40relaybot%3Arelay.test"
    )
    assert seen.headers["authorization"] == "Bearer as-token-of-the-tests"
    assert seen.json() == {"msgtype": "m.text", "body": "Hello", "m.mentions": {}}


def test_formatting_and_a_quotation_go_along(server: ScriptedServer, http: Http) -> None:
    CONNECTOR.send(part(html="<b>Hello</b>", reply_to="$first"), at(server), http)
    assert server.seen[0].json() == {
        "msgtype": "m.text",
        "body": "Hello",
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": "$first"}},
        "format": "org.matrix.custom.html",
        "formatted_body": "<strong>Hello</strong>",
    }


def test_formatting_that_makes_an_event_too_large_is_left_out(server: ScriptedServer, http: Http) -> None:
    text = "é" * (CONNECTOR.capabilities.text_length // 2)
    CONNECTOR.send(part(text=text, html=f"<b>{text}</b>"), at(server), http)
    assert server.seen[0].json() == {"msgtype": "m.text", "body": text, "m.mentions": {}}


@pytest.mark.parametrize(
    ("label", "answer", "expected"),
    [
        ("not in room", error(403, "M_FORBIDDEN"), RecipientUnreachable),
        ("another user", error(403, "M_FORBIDDEN", error="Application service cannot masquerade"), Unauthorized),
        ("token", error(401, "M_UNKNOWN_TOKEN"), Unauthorized),
        ("no token", error(401, "M_MISSING_TOKEN"), Unauthorized),
        ("closed user", error(403, "M_USER_DEACTIVATED"), Unauthorized),
        ("room unknown", error(404, "M_NOT_FOUND"), RecipientUnreachable),
        ("no such call", error(404, "M_UNRECOGNIZED"), Unauthorized),
        ("too large", error(413, "M_TOO_LARGE"), MessageInvalid),
        ("too large for a proxy", Scripted(413, b"<html>"), MessageInvalid),
        ("bad JSON", error(400, "M_BAD_JSON"), MessageInvalid),
        ("full server", error(403, "M_RESOURCE_LIMIT_EXCEEDED"), ServiceUnavailable),
        ("new code", error(400, "M_FUTURE"), ResponseUnexpected),
        ("page of a proxy", Scripted(404, b"<html>"), ResponseUnexpected),
        ("away", error(500, "M_UNKNOWN"), ServiceUnavailable),
        ("proxy away", Scripted(502, b"<html>"), ServiceUnavailable),
        ("yes without an id", Scripted(200, b"{}"), OutcomeUnknown),
        ("yes without JSON", Scripted(200, b"<html>"), OutcomeUnknown),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_refusals(
    server: ScriptedServer, http: Http, *, label: str, answer: Scripted, expected: type[RelayError]
) -> None:
    server.play(answer)
    with pytest.raises(RelayError) as caught:
        CONNECTOR.send(part(), at(server), http)
    assert type(caught.value) is expected, label
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize(
    ("header", "milliseconds", "expected"),
    [("7", 372, 7.0), (None, 372, 0.372), ("Wed, 21 Oct 2026 07:28:00 GMT", 1500, 1.5), (None, None, None)],
)
def test_the_wait_is_the_headers_else_the_older_field(
    server: ScriptedServer, http: Http, *, header: str | None, milliseconds: int | None, expected: float | None
) -> None:
    fields = {} if milliseconds is None else {"retry_after_ms": milliseconds}
    limited = error(429, "M_LIMIT_EXCEEDED", **fields)
    server.play(replace(limited, headers={**JSON, "Retry-After": header} if header else JSON))
    with pytest.raises(RateLimited) as caught:
        CONNECTOR.send(part(), at(server), http)
    assert caught.value.retry_after == expected
    assert len(server.seen) == 1


def test_a_token_that_a_proxy_repeats_is_not_shown(server: ScriptedServer, http: Http) -> None:
    server.play(error(400, "M_FUTURE", error="You sent Bearer as-token-of-the-tests"))
    with pytest.raises(ResponseUnexpected) as caught:
        CONNECTOR.send(part(), at(server), http)
    assert caught.value.detail == "400 M_FUTURE You sent Bearer [token]"


def test_an_open_invitation_is_accepted_and_the_same_call_made_once_more(server: ScriptedServer, http: Http) -> None:
    joined: list[str] = []

    def script(request: Seen) -> Scripted:
        if "/join/" in request.path:
            joined.append(request.path)
            return Scripted(200, b'{"room_id": "x"}', JSON)
        return Scripted(200, b'{"event_id": "$sent"}', JSON) if joined else error(403, "M_FORBIDDEN")

    server.play(script)
    assert CONNECTOR.send(part(), at(server), http).ids == ("$sent",)
    first, _, second = server.seen
    assert (first.path, first.body) == (second.path, second.body)


@pytest.mark.parametrize(
    ("join", "expected", "most_calls"),
    [
        (error(403, "M_FORBIDDEN"), RecipientUnreachable, 2),
        (error(404, "M_UNKNOWN"), RecipientUnreachable, 2),
        (error(429, "M_LIMIT_EXCEEDED"), RateLimited, 2),
        (error(503, "M_UNKNOWN"), ServiceUnavailable, 2),
        (Scripted(200, b"{}"), RecipientUnreachable, 3),
    ],
    ids=["not invited", "unknown room", "limited", "away", "in the room but mute"],
)
def test_a_room_that_stays_closed_ends_the_try(
    server: ScriptedServer, http: Http, *, join: Scripted, expected: type[RelayError], most_calls: int
) -> None:
    server.play(lambda request: join if "/join/" in request.path else error(403, "M_FORBIDDEN"))
    with pytest.raises(expected):
        CONNECTOR.send(part(), at(server), http)
    assert len(server.seen) == most_calls


def test_joining_returns_what_was_written_since_the_invitation(server: ScriptedServer, http: Http) -> None:
    page = payload_bytes("missed_page")
    server.play(lambda request: Scripted(200, page if "/messages" in request.path else b"{}", JSON))
    found = CONNECTOR.join(ROOM, at(server), http)
    assert [one.content.text for one in found if isinstance(one, Message)] == ["written before you came"]
    assert len(found) == 1
    assert [one.method for one in server.seen] == ["POST", "GET"]


def test_joining_reads_nothing_from_before_the_invitation(server: ScriptedServer, http: Http) -> None:
    invitation = event(3, kind="m.room.member", state_key=BOT, content={"membership": "invite"})
    page = json.dumps({"chunk": [event(5), event(4), invitation, event(2), event(1)]}).encode()
    server.play(lambda request: Scripted(200, page if "/messages" in request.path else b"{}", JSON))
    found = CONNECTOR.join(ROOM, at(server), http)
    assert [one.service_id for one in found if isinstance(one, Message)] == ["$event-4", "$event-5"]


def test_credentials_are_tested_by_name_and_the_user_is_made(server: ScriptedServer, http: Http) -> None:
    def script(request: Seen) -> Scripted:
        known = {"user_id": BOT}
        return Scripted(200, json.dumps(known).encode()) if "whoami" in request.path else error(400, "M_USER_IN_USE")

    server.play(script)
    profile = CONNECTOR.test(at(server), http)
    assert profile.identifier.value == BOT
    assert server.seen[1].json() == {
        "type": "m.login.application_service",
        "username": "relaybot",
        "inhibit_login": True,
    }


@pytest.mark.parametrize(
    "answer",
    [Scripted(200, b'{"user_id": "@other:relay.test"}'), error(401, "M_UNKNOWN_TOKEN"), error(400, "M_EXCLUSIVE")],
    ids=["another user", "wrong token", "name not ours"],
)
def test_wrong_credentials_are_refused(server: ScriptedServer, http: Http, answer: Scripted) -> None:
    server.play(answer)
    with pytest.raises(Unauthorized):
        CONNECTOR.test(at(server), http)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, "M_URL_NOT_SET"), Unauthorized),
        (error(502, "M_BAD_STATUS"), Unauthorized),
        (error(403, "M_FORBIDDEN"), Unauthorized),
        (error(502, "M_CONNECTION_FAILED"), ServiceUnavailable),
        (error(504, "M_CONNECTION_TIMEOUT"), ServiceUnavailable),
        (Scripted(502, b"<html>"), ServiceUnavailable),
    ],
)
def test_a_ping_that_does_not_arrive_says_why(
    server: ScriptedServer, http: Http, *, answer: Scripted, expected: type[RelayError]
) -> None:
    server.play(answer)
    with pytest.raises(expected):
        CONNECTOR.ping(at(server), http)
    assert server.seen[0].path.startswith("/_matrix/client/v1/appservice/relay-relaybot/ping")


def test_media_is_fetched_with_the_token(http: Http) -> None:
    attachment = Attachment(kind=AttachmentKind.IMAGE, source="mxc://other.test:8448/abc_D-1")
    found = CONNECTOR.media_request(attachment, account(), http)
    assert found.url == "https://matrix.relay.test/_matrix/client/v1/media/download/other.test%3A8448/abc_D-1"
    assert found.headers == {"Authorization": "Bearer as-token-of-the-tests"}


@pytest.mark.parametrize("source", ["", "https://relay.test/a", "mxc://relay.test/", "mxc://relay.test/../../x"])
def test_a_source_that_is_not_matrixs_is_not_fetched(http: Http, source: str) -> None:
    with pytest.raises(ContentUnsupported):
        CONNECTOR.media_request(Attachment(kind=AttachmentKind.FILE, source=source), account(), http)


# Declarations --------------------------------------------------------------------------------------------------------


def test_it_offers_what_matrix_can_do() -> None:
    assert isinstance(CONNECTOR, base.TestsCredentials)
    assert isinstance(CONNECTOR, base.FetchesMedia)
    assert isinstance(CONNECTOR, base.Handshakes)
    assert not isinstance(CONNECTOR, base.RegistersWebhook)


@pytest.mark.parametrize(
    "wrong",
    [
        {"homeserver_url": "matrix.example.org"},
        {"server_name": "@x"},
        {"user_prefix": ""},
        {"sender_localpart": "Relay Bot"},
        {"hs_token": SecretStr("short")},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MatrixCredentials.model_validate({**dict(CREDENTIALS), **wrong})


def test_tokens_are_made_where_none_are_given() -> None:
    first, second = (MatrixCredentials(homeserver_url="https://a.b/", server_name="b") for _ in range(2))
    tokens = {token.get_secret_value() for one in (first, second) for token in (one.as_token, one.hs_token)}
    assert len(tokens) == 4
    assert min(map(len, tokens)) >= 32
    assert first.homeserver_url == "https://a.b"


def test_the_registration_file_holds_what_the_homeserver_needs() -> None:
    lines = registration(account(), "https://relay.example/webhooks/matrix/key").splitlines()
    for line in (
        'id: "relay-relaybot"',
        'url: "https://relay.example/webhooks/matrix/key"',
        'as_token: "as-token-of-the-tests"',
        'hs_token: "hs-token-of-the-tests"',
        'sender_localpart: "relaybot"',
        "receive_ephemeral: true",
        r'    - {exclusive: true, regex: "@relaybot:relay\\.test"}',
        r'    - {exclusive: true, regex: "@relay_.*:relay\\.test"}',
    ):
        assert line in lines


class _Anywhere(MatrixConnector):
    """With an address, so that the suite's calls reach its server."""

    api_url = "https://matrix.relay.test"


@pytest.mark.parametrize("check", calls.checks(Subject(_Anywhere(), SAMPLES)), ids=lambda check: check.name)
def test_calls_keep_the_contract(check: Check) -> None:
    check.run()


def test_typing_and_read_marks_are_shown_as_our_user(server: ScriptedServer, http: Http) -> None:
    server.play(lambda _: Scripted(200, b"{}", JSON))
    CONNECTOR.mark_read(ROOM, at(server), http, message="$event-1")
    CONNECTOR.show_typing(ROOM, at(server), http)
    read, typing = server.seen
    assert (read.method, read.json()) == ("POST", {})
    assert "/receipt/m.read/%24event-1?user_id=" in read.path
    assert (typing.method, typing.json()) == ("PUT", {"typing": True, "timeout": 5_000})
    assert "/typing/%40" in typing.path


def test_a_refused_courtesy_is_an_error_like_any_other(server: ScriptedServer, http: Http) -> None:
    server.play(lambda _: error(403, "M_FORBIDDEN"))
    with pytest.raises(RecipientUnreachable):
        CONNECTOR.mark_read(ROOM, at(server), http, message="$event-1")
