from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from fakeredis import FakeRedis
from sqlalchemy import select, update

from app.domain.person import Identifier
from app.http import Http
from app.limiter import Limiter
from app.relay.attachments import to_hubspot
from app.relay.attachments.preparing import prepare
from app.relay.services import seal_credentials
from app.simulator.faults import Api, FaultKind
from app.storage import accounts
from app.storage.accounts import AccountRow, NewAccount
from app.storage.tables import media, portals
from tests.app.connectors import matrix_samples
from tests.app.http.scripted import ScriptedServer, Visit
from tests.app.media.corpus import CORPUS, SCENE, Sent
from tests.app.media.making import HZ, colours, hear, look
from tests.app.relay.world import RelayWorld

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
MEDIA = "/v1/media/"
FILES = "/files/"


def send_picture(relay: RelayWorld, text: str = "Look") -> None:
    upload = {"name": "a.exe", "mime": "application/x-msdownload", "base64": base64.b64encode(PICTURE).decode()}
    relay.say(text, attachments=[upload])
    relay.wait_for_webhooks()


def seen(relay: RelayWorld) -> tuple[str, list[bytes]]:
    """What the agent sees of the only message: its text, and the bytes of what is attached."""
    [message] = relay.inbox()
    addresses = [relay.page + one["viewUrl"] for one in message["attachments"]]
    return message["text"], [relay.http.request("GET", address).body for address in addresses]


def send(relay: RelayWorld, sent: Sent, *, mime: str = "") -> dict[str, Any]:
    """Let a customer send a file of the corpus; return what the agent gets of it and reads beside it."""
    upload = {"name": sent.name, "mime": mime or sent.said, "base64": base64.b64encode(sent.make()).decode()}
    relay.say("Look", attachments=[upload])
    relay.wait_for_webhooks()
    relay.settle()
    [message] = relay.inbox()
    return {"text": message["text"], "file": next(iter(message["attachments"]), None)}


def fetched(relay: RelayWorld, file: dict[str, Any]) -> bytes:
    return relay.http.request("GET", relay.page + file["viewUrl"]).body


def stored_media(relay: RelayWorld) -> tuple[str, str, str]:
    with relay.services.database.read() as connection:
        row = connection.execute(select(media.c.state, media.c.name, media.c.mime)).one()
    return row.state, row.name, row.mime


def test_a_picture_is_named_by_its_bytes(relay: RelayWorld) -> None:
    send_picture(relay)
    relay.settle()
    assert stored_media(relay) == ("ready", "a.png", "image/png")
    assert seen(relay) == ("Look", [PICTURE])


def test_a_picture_without_words_arrives(light_relay: RelayWorld) -> None:
    send_picture(light_relay, "")
    light_relay.settle()
    assert seen(light_relay)[1] == [PICTURE]


@pytest.mark.parametrize(("api", "path"), [(Api.LOOPBACK, MEDIA), (Api.HUBSPOT, FILES)], ids=["service", "hubspot"])
@pytest.mark.parametrize("fault", [FaultKind.STATUS, FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
def test_trouble_with_the_bytes_delays_the_message(
    light_relay: RelayWorld, api: Api, path: str, fault: FaultKind
) -> None:
    relay = light_relay
    relay.fault(api, fault, path=path)
    send_picture(relay)
    relay.settle()
    assert relay.inbox() == []
    relay.pass_time(5)
    relay.settle()
    assert seen(relay) == ("Look", [PICTURE])


def test_a_picture_that_is_gone_leaves_a_sentence(light_relay: RelayWorld) -> None:
    light_relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA, times=None, status=404)
    send_picture(light_relay)
    light_relay.settle()
    text, attached = seen(light_relay)
    assert "does not give it out any more" in text
    assert attached == []


def texts_and_files(relay: RelayWorld) -> list[tuple[str, int]]:
    """What the agent reads, and how many files stand beside it."""
    found = sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    return [(one["text"], len(one["attachments"])) for one in found]


def test_after_two_minutes_the_text_goes_alone_and_the_file_follows(relay: RelayWorld) -> None:
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA, times=None, status=500)
    send_picture(relay)
    relay.settle()
    assert relay.inbox() == []
    relay.pass_time(relay.services.settings.media_timeout + 1)
    relay.settle()
    relay.say("after")
    relay.settle()
    went = [("Look\n[a.exe: it follows as soon as it can be fetched]", 0), ("after", 0)]
    assert texts_and_files(relay) == went
    relay.world.faults.clear()
    relay.pass_time(600)
    relay.settle()
    assert texts_and_files(relay) == [*went, ("", 1)]
    late = relay.inbox()[-1]
    assert relay.http.request("GET", relay.page + late["attachments"][0]["viewUrl"]).body == PICTURE
    assert [one.status for one in relay.rows()] == ["sent"] * 3


def test_a_file_that_never_comes_is_told_of_later(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA, times=None, status=500)
    send_picture(relay)
    relay.settle()
    relay.pass_time(relay.services.settings.media_timeout + 1)
    relay.settle()
    relay.world.faults.clear()
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA, times=None, status=404)
    relay.pass_time(600)
    relay.settle()
    assert [text for text, _ in texts_and_files(relay)] == [
        "Look\n[a.exe: it follows as soon as it can be fetched]",
        "[a.exe: the service does not give it out any more (status 404)]",
    ]


def test_the_same_file_is_uploaded_once(light_relay: RelayWorld) -> None:
    send_picture(light_relay)
    light_relay.settle()
    send_picture(light_relay, "again")
    light_relay.settle()
    assert len(light_relay.world.hubspot.files) == 1
    assert texts_and_files(light_relay) == [("Look", 1), ("again", 1)]


@pytest.mark.parametrize("at_the_service", [True, False], ids=["still at the service", "gone there, too"])
def test_a_file_that_was_deleted_in_hubspot_is_uploaded_once_more(
    light_relay: RelayWorld, *, at_the_service: bool
) -> None:
    """What was the same for two messages may be gone for the second one."""
    relay = light_relay
    send_picture(relay)
    relay.settle()
    send_picture(relay, "again")
    assert prepare(relay.services, 2)
    relay.world.hubspot.files.clear()
    if not at_the_service:
        relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA, times=None, status=404)
    relay.settle()
    relay.pass_time(20)
    relay.settle()
    gone = "again\n[a.exe: the service does not give it out any more (status 404)]"
    assert texts_and_files(relay)[1] == (("again", 1) if at_the_service else (gone, 0))


def test_a_picture_keeps_what_was_written_after_it_waiting_and_nobody_else(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path=MEDIA)
    send_picture(relay)
    relay.say("after")
    relay.say("elsewhere", conversation="c2")
    relay.settle()
    assert relay.texts() == ["elsewhere"]
    relay.pass_time(5)
    relay.settle()
    assert relay.texts() == ["elsewhere", "Look", "after"]


def test_a_picture_that_is_being_prepared_is_left_alone(light_relay: RelayWorld) -> None:
    send_picture(light_relay)
    assert prepare(light_relay.services, 1)
    assert not prepare(light_relay.services, 1)
    assert not prepare(light_relay.services, 4711)


def test_a_file_that_kills_its_process_is_given_up(light_relay: RelayWorld) -> None:
    """A try counts when it begins; who dies in it tells nobody."""
    send_picture(light_relay)
    light_relay.execute(update(media).values(attempts=6))
    light_relay.settle()
    assert "every try to prepare it was interrupted" in seen(light_relay)[0]


@pytest.mark.parametrize("status", [401, 429])
def test_a_hubspot_that_refuses_us_costs_no_try(light_relay: RelayWorld, status: int) -> None:
    relay = light_relay
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=FILES, times=None, status=status, retry_after=3)
    send_picture(relay)
    for _ in range(8):
        relay.settle()
        relay.execute(update(media).values(due=media.c.due - 31))
    relay.world.faults.clear()
    relay.execute(update(portals).values(state="running"))
    relay.settle()
    assert seen(relay) == ("Look", [PICTURE])


def test_an_upload_is_one_of_the_portals_calls(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where messages take them all, it waits a while, and comes again later at no cost."""
    limiter = Limiter("", client=FakeRedis())
    limiter.trust()
    limiter.penalise(f"hubspot:{light_relay.account.portal_id}", 60.0)
    monkeypatch.setattr(to_hubspot, "PATIENCE", 0.0)
    monkeypatch.setattr(light_relay, "services", replace(light_relay.services, limiter=limiter))
    send_picture(light_relay)
    assert prepare(light_relay.services, 1)
    with light_relay.services.database.read() as connection:
        row = connection.execute(select(media.c.state, media.c.attempts, media.c.owner)).one()
    assert tuple(row) == ("pending", 0, None)
    monkeypatch.setattr(light_relay, "services", replace(light_relay.services, limiter=None))
    light_relay.pass_time(20)
    light_relay.settle()
    assert seen(light_relay) == ("Look", [PICTURE])


def connect_matrix(relay: RelayWorld, homeserver_url: str) -> AccountRow:
    """Connect a homeserver whose address somebody entered."""
    credentials = matrix_samples.CREDENTIALS.model_copy(update={"homeserver_url": homeserver_url})
    with relay.services.database.write() as connection:
        return accounts.add(
            connection,
            NewAccount(
                connector="matrix",
                portal_id=relay.account.portal_id,
                channel_id=relay.account.channel_id,
                hubspot_id="2003",
                name="Matrix",
                identifier=Identifier(value=credentials.speaker),
                credentials=seal_credentials(relay.services.vault, credentials),
            ),
        )


@pytest.mark.parametrize("step", ["at once", "by sending on"])
def test_a_homeserver_that_a_stranger_entered_leads_to_nobody_in_this_network(
    light_relay: RelayWorld, step: str
) -> None:
    """The bytes would be shown in the stranger's own inbox."""
    relay = light_relay
    with ScriptedServer(lambda visit: visit.answer(b"a secret of this network")) as inner:

        def send_on(visit: Visit) -> None:
            visit.read()
            visit.answer(status="307 Elsewhere", headers=(f"Location: {inner.url}/latest/meta-data",))

        with ScriptedServer(send_on) as outer:
            public = {"at once": inner, "by sending on": outer}[step]
            account = connect_matrix(relay, f"http://home.example:{public.port}")
            raw = matrix_samples.request(matrix_samples.payload("image_with_caption"))
            path = f"/webhooks/matrix/{account.key}{raw.path}"
            assert relay.ask(raw.method, path, raw.body, raw.headers)[0] == 200
            # Only the outer one counts as a server of the internet.
            allowed = ("home.example",) if public is outer else ()
            http = Http(allowed_private_hosts=allowed, resolver=lambda *_: ["127.0.0.1"], call_timeout=5.0)
            with relay.services.database.read() as connection:
                [media_id] = connection.execute(select(media.c.id)).scalars()
            assert prepare(replace(relay.services, http=http), media_id)
            http.close()
    assert inner.connections == 0
    assert outer.connections == (public is outer)
    assert stored_media(relay)[0] == "failed"


def test_a_voice_note_arrives_as_one_that_browsers_play(light_relay: RelayWorld) -> None:
    given = send(light_relay, CORPUS["voice note"], mime="audio/ogg")
    heard = hear(fetched(light_relay, given["file"]))
    assert (given["text"], given["file"]["mime"]) == ("Look", "audio/mpeg")
    assert (heard.codec, heard.channels) == ("mp3float", 1)
    assert heard.hz == pytest.approx(HZ, rel=0.03)


def test_a_phone_picture_arrives_as_one_that_browsers_show(light_relay: RelayWorld) -> None:
    given = send(light_relay, CORPUS["HEIC held upright"], mime="image/heic")
    assert (given["file"]["mime"], given["file"]["fileUsageType"]) == ("image/jpeg", "IMAGE")
    assert stored_media(light_relay) == ("ready", "d.jpg", "image/jpeg")
    assert colours(look(fetched(light_relay, given["file"]))) == list(SCENE)


def test_what_cannot_be_converted_arrives_as_it_is(light_relay: RelayWorld) -> None:
    sent = CORPUS["HEIC that is cut off"]
    given = send(light_relay, sent, mime="image/heic")
    assert fetched(light_relay, given["file"]) == sent.make()


def test_a_file_that_pretends_leaves_a_sentence(light_relay: RelayWorld) -> None:
    archive = replace(CORPUS["archive"], name="photo.jpg")
    given = send(light_relay, archive, mime="image/jpeg")
    assert given["file"] is None
    assert ": it says that it is a picture and is an archive, which may do harm" in given["text"]


def test_a_conversion_that_takes_too_long_hands_over_the_original(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = light_relay.services.settings.model_copy(update={"conversion_seconds": 0.01})
    monkeypatch.setattr(light_relay, "services", replace(light_relay.services, settings=settings))
    note = CORPUS["voice note"].make()
    given = send(light_relay, replace(CORPUS["voice note"], make=lambda: note), mime="audio/ogg")
    assert fetched(light_relay, given["file"]) == note
