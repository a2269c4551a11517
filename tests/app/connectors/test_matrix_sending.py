"""What agents send that is more than words: files and places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.conformance.server import Scripted, ScriptedServer, Seen
from app.connectors.matrix import MatrixConnector
from app.domain.account import Account
from app.domain.fit import fit
from app.domain.message import Attachment, AttachmentKind, Card, Choice, Content, Message, Place
from app.domain.part import Part, PartContent
from app.errors import (
    ContentUnsupported,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    RecipientUnreachable,
    RelayError,
    ServiceUnavailable,
    Unauthorized,
)
from app.http import Http
from tests.app.connectors.matrix_samples import ROOM, account, event, request
from tests.app.connectors.uploading import Bytes

CONNECTOR = MatrixConnector()
JSON = {"Content-Type": "application/json"}
MXC = "mxc://relay.test/HOaGlaQEWTMFLdHvBFpMKxOC"
IMAGE, VIDEO, AUDIO = AttachmentKind.IMAGE, AttachmentKind.VIDEO, AttachmentKind.AUDIO
VOICE, STICKER, FILE = AttachmentKind.VOICE, AttachmentKind.STICKER, AttachmentKind.FILE
CAT = Bytes("cat ä.png", "image/png", b"\x89PNG of a cat")
UPLOAD = "/_matrix/media/v3/upload"


def taking(seen: Seen) -> Scripted:
    """A homeserver that takes everything."""
    answer = {"content_uri": MXC} if seen.path.startswith(UPLOAD) else {"event_id": "$sent"}
    return Scripted(200, json.dumps(answer).encode(), JSON)


def error(status: int, code: str, words: str = "No.") -> Scripted:
    return Scripted(status, json.dumps({"errcode": code, "error": words}).encode(), JSON)


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(call_timeout=5)
    yield client
    client.close()


@pytest.fixture(scope="module")
def running() -> Iterator[ScriptedServer]:
    with ScriptedServer(taking) as server:
        yield server


@pytest.fixture
def server(running: ScriptedServer) -> ScriptedServer:
    running.play(taking)
    return running


@pytest.fixture
def ours(server: ScriptedServer) -> Account:
    return account(api_url=server.url)


def file(media: Bytes = CAT, kind: AttachmentKind = IMAGE, **content: Any) -> Part:
    attachment = Attachment(kind=kind, source="hubspot:1")
    return Part(ROOM, PartContent(attachment=attachment, **content), key="k1", media=media)


def test_a_file_is_stored_at_the_homeserver_and_shown_by_an_event(
    server: ScriptedServer, ours: Account, http: Http
) -> None:
    assert CONNECTOR.send(file(), ours, http).ids == ("$sent",)

    upload, shown = server.seen
    asked = urlsplit(upload.path)
    assert (upload.method, asked.path, upload.body) == ("POST", UPLOAD, CAT.content)
    assert parse_qs(asked.query) == {"filename": ["cat ä.png"], "user_id": ["@relaybot:relay.test"]}
    assert (upload.headers["content-type"], upload.headers["content-length"]) == ("image/png", str(CAT.size))
    assert upload.headers["authorization"] == "Bearer as-token-of-the-tests"
    assert "/send/m.room.message/k1?" in shown.path
    assert shown.json() == {
        "msgtype": "m.image",
        "body": "cat ä.png",
        "filename": "cat ä.png",
        "url": MXC,
        "info": {"mimetype": "image/png", "size": CAT.size},
        "m.mentions": {},
    }


@pytest.mark.parametrize(
    ("kind", "mime", "type_", "msgtype"),
    [
        (IMAGE, "image/png", "m.room.message", "m.image"),
        (VIDEO, "video/mp4", "m.room.message", "m.video"),
        (AUDIO, "audio/mpeg", "m.room.message", "m.audio"),
        (VOICE, "audio/ogg", "m.room.message", "m.audio"),
        (FILE, "application/pdf", "m.room.message", "m.file"),
        (STICKER, "image/webp", "m.sticker", None),
    ],
)
def test_a_file_is_shown_and_read_again_as_what_it_is(
    kind: AttachmentKind, mime: str, type_: str, msgtype: str | None, server: ScriptedServer, ours: Account, http: Http
) -> None:
    CONNECTOR.send(file(Bytes("a.bin", mime, b"12345"), kind), ours, http)

    content = server.seen[1].json()
    assert isinstance(content, dict)
    assert (f"/send/{type_}/" in server.seen[1].path, content.get("msgtype")) == (True, msgtype)
    [read] = CONNECTOR.parse(request({"events": [event(kind=type_, content=content)]}), account())
    assert isinstance(read, Message)
    assert read.content.attachments == (Attachment(kind=kind, source=MXC, name="a.bin", mime=mime, size=5),)
    assert read.content.text == ""


def test_a_caption_has_its_formatting_and_its_quote(server: ScriptedServer, ours: Account, http: Http) -> None:
    CONNECTOR.send(file(text="Look at **him**", html="Look at <b>him</b>", reply_to="$first"), ours, http)

    content = server.seen[1].json()
    assert isinstance(content, dict)
    assert (content["body"], content["filename"]) == ("Look at **him**", "cat ä.png")
    assert content["formatted_body"] == "Look at <strong>him</strong>"
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": "$first"}}


def test_what_matrix_has_not_goes_in_words(server: ScriptedServer, ours: Account, http: Http) -> None:
    content = Content(text="Which?", cards=(Card(name="Dana", phones=("+49",)),), choices=(Choice(label="A"),))
    [part] = fit(content, CONNECTOR.capabilities)

    CONNECTOR.send(Part(ROOM, part, key="k"), ours, http)

    sent = server.seen[0].json()
    assert isinstance(sent, dict)
    assert (sent["msgtype"], sent["body"]) == ("m.text", "Which?\nDana\n+49\n1. A")


def test_a_place_is_one(server: ScriptedServer, ours: Account, http: Http) -> None:
    place = Place(latitude=53.5461, longitude=-9.966, name="the harbour")
    CONNECTOR.send(Part(ROOM, PartContent(place=place), key="k"), ours, http)

    content = server.seen[0].json()
    assert content == {
        "msgtype": "m.location",
        "body": "the harbour\nhttps://www.google.com/maps?q=53.5461,-9.966",
        "geo_uri": "geo:53.5461,-9.966",
        "m.mentions": {},
    }


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (error(413, "M_TOO_LARGE"), MessageInvalid, "larger"),
        (Scripted(413, b"<html>"), MessageInvalid, "larger"),
        (error(403, "M_FORBIDDEN"), MessageInvalid, "no such file"),
        (error(403, "M_FORBIDDEN", "Application service cannot masquerade"), Unauthorized, "registration"),
        (error(401, "M_UNKNOWN_TOKEN"), Unauthorized, "token"),
        (error(429, "M_LIMIT_EXCEEDED"), RateLimited, "slow down"),
        (error(502, "M_UNKNOWN"), ServiceUnavailable, "tried again"),
        (Scripted(200, b"{}"), OutcomeUnknown, "cannot be read"),
    ],
)
def test_a_file_that_is_refused(
    answer: Scripted, expected: type[RelayError], words: str, server: ScriptedServer, ours: Account, http: Http
) -> None:
    server.play(answer)

    with pytest.raises(expected, match=words) as caught:
        CONNECTOR.send(file(), ours, http)

    assert type(caught.value) is expected
    assert len(server.seen) == 1


LARGE = Bytes("a.bin", "application/octet-stream", bytes(1_000_001))


@pytest.mark.parametrize(
    ("config", "calls"),
    [
        (Scripted(200, b'{"m.upload.size": 1000001}'), 3),
        (Scripted(200, b"{}"), 3),
        (Scripted(200, b'{"m.upload.size": "1"}'), 3),
        (error(404, "M_UNRECOGNIZED"), 3),
        (Scripted(200, b'{"m.upload.size": 1000000}'), 1),
    ],
)
def test_a_homeserver_is_asked_whether_it_takes_a_large_file(
    config: Scripted, calls: int, server: ScriptedServer, ours: Account, http: Http
) -> None:
    server.play(lambda seen: config if "/v1/media/config" in seen.path else taking(seen))

    if calls == 1:
        with pytest.raises(MessageInvalid, match="larger than this homeserver takes"):
            CONNECTOR.send(file(LARGE, FILE), ours, http)
    else:
        CONNECTOR.send(file(LARGE, FILE), ours, http)

    assert server.seen[0].headers["authorization"] == "Bearer as-token-of-the-tests"
    assert len(server.seen) == calls


def test_a_file_is_stored_once_where_an_invitation_was_open(server: ScriptedServer, ours: Account, http: Http) -> None:
    joined: list[str] = []

    def script(seen: Seen) -> Scripted:
        if "/join/" in seen.path:
            joined.append(seen.path)
        refused = "/send/" in seen.path and not joined
        return error(403, "M_FORBIDDEN") if refused else taking(seen)

    server.play(script)
    assert CONNECTOR.send(file(), ours, http).ids == ("$sent",)
    assert sum(one.path.startswith(UPLOAD) for one in server.seen) == 1


def test_a_room_that_refuses_us_says_so_and_not_that_the_file_is_bad(
    server: ScriptedServer, ours: Account, http: Http
) -> None:
    server.play(lambda seen: taking(seen) if seen.path.startswith(UPLOAD) else error(403, "M_FORBIDDEN"))

    with pytest.raises(RecipientUnreachable, match="room"):
        CONNECTOR.send(file(), ours, http)


def test_a_file_that_is_not_at_hand_is_said_so(server: ScriptedServer, ours: Account, http: Http) -> None:
    part = Part(ROOM, PartContent(attachment=Attachment(kind=FILE, source="x")), key="k")

    with pytest.raises(ContentUnsupported, match="not at hand"):
        CONNECTOR.send(part, ours, http)

    assert server.seen == []
