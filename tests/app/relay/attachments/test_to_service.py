from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.connectors.loopback import LoopbackConnector
from app.domain.capability import Accepts, Capabilities
from app.domain.message import AttachmentKind
from app.media.store import FolderStore
from app.relay import forget, replay, schedule
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import erasure
from app.storage.tables import media, media_chunks, messages, stored_media
from tests.app.media.corpus import SCENE
from tests.app.media.making import colours, look, picture
from tests.app.relay.world import RelayWorld, outgoing

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 2000
DAY = 86_400.0
FILE_HOST = "/hubfs/"


def attached(content: bytes = PDF, name: str = "report.pdf", mime: str = "application/pdf") -> dict[str, str]:
    return {"name": name, "mime": mime, "base64": base64.b64encode(content).decode()}


def send(relay: RelayWorld, *files: Mapping[str, str], text: str = "Here it is", **more: object) -> str:
    """Let an agent answer with files; nothing is worked off yet. Returns HubSpot's id of the answer."""
    answer = relay.reply(relay.conversation(), text, attachments=list(files), **more)
    relay.wait_for_webhooks()
    return answer


def received(relay: RelayWorld) -> list[tuple[str, list[tuple[str, str, bytes]]]]:
    """What the customer got of us: texts, and the kind, name and bytes of what came with them."""
    ours = [one for one in relay.customer_sees() if not one["mine"]]
    return [(one["text"], [_file(relay, each) for each in one["attachments"]]) for one in ours]


def _file(relay: RelayWorld, one: Mapping[str, Any]) -> tuple[str, str, bytes]:
    return one["kind"], one["name"], relay.http.request("GET", relay.page + one["url"]).body


@contextmanager
def able(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Capabilities]:
    """Let Loopback be a service that can do something else."""
    can = replace(LoopbackConnector.capabilities, **changes)
    monkeypatch.setattr(LoopbackConnector, "capabilities", can)
    yield can


@pytest.mark.parametrize("address", ["public", "private", "missing"])
def test_an_agents_file_arrives_as_a_file(light_relay: RelayWorld, address: str) -> None:
    """HubSpot's address may open, or not, or not be there; no token goes to its file host."""
    relay = light_relay
    relay.world.switch(attachment_url=address)
    answer = send(relay, attached())
    relay.settle()
    assert received(relay) == [("Here it is", [("file", "report.pdf", PDF)])]
    assert relay.status_of(answer) == ("SENT", "")
    assert relay.world.hubspot.observed.bearer_at_file_host == 0


def test_several_files_arrive_in_their_order_on_each_database(relay: RelayWorld) -> None:
    shot = picture("PNG")
    send(relay, attached(shot, "a.png", "image/png"), attached())
    relay.settle()
    assert received(relay) == [
        ("Here it is", [("image", "a.png", shot)]),
        ("", [("file", "report.pdf", PDF)]),
    ]


def test_a_file_waits_in_a_shared_folder_where_one_is_set(light_relay: RelayWorld, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "media")
    light_relay.services = replace(light_relay.services, store=store)
    send(light_relay, attached())
    light_relay.settle()
    assert [one.read_bytes() for one in (tmp_path / "media").iterdir()] == [PDF]
    assert light_relay.count(media_chunks) == 0


def test_a_file_is_made_into_what_the_service_takes(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = {AttachmentKind.IMAGE: Accepts(1_000_000, frozenset({"image/jpeg", "image/png"}))}
    with able(monkeypatch, attachments=takes):
        send(light_relay, attached(picture("WEBP"), "a.webp", "image/webp"))
        light_relay.settle()
    [(_, [(kind, name, content)])] = received(light_relay)
    assert (kind, name, content[:2]) == ("image", "a.jpg", b"\xff\xd8")
    assert tuple(colours(look(content))) == SCENE


@pytest.mark.parametrize(
    ("takes", "said"),
    [
        ({AttachmentKind.FILE: Accepts(100_000)}, "it has 0.5 MB, and Loopback takes at most 0.1 MB"),
        ({AttachmentKind.IMAGE: Accepts(100_000)}, "Loopback takes no files of this kind"),
    ],
    ids=["too large", "no such kind"],
)
def test_what_the_service_does_not_take_is_a_sentence_in_its_place(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch, takes: dict[AttachmentKind, Accepts], said: str
) -> None:
    with able(monkeypatch, attachments=takes):
        send(light_relay, attached())
        light_relay.settle()
    assert received(light_relay) == [(f"Here it is\n[report.pdf: {said}]", [])]


def test_a_service_without_files_gets_name_and_address(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with able(monkeypatch, attachments={}):
        send(light_relay, attached())
        light_relay.settle()
    assert light_relay.count(media) == 0
    assert [text for text, _ in received(light_relay)] == ["Here it is\n[report.pdf]"]


def test_a_picture_in_the_text_arrives_as_a_picture(light_relay: RelayWorld) -> None:
    relay = light_relay
    shot = picture("PNG")
    thread = relay.conversation()
    relay.reply(thread, "first", attachments=[attached(shot, "a.png", "image/png")])
    [address] = [one["url"] for one in relay.agent_sees(thread)[-1]["attachments"]]
    relay.settle()
    event = outgoing("Look", "m-2", richText=f'<p>Look</p><img src="{address}">', conversationsThreadId=thread)
    assert relay.from_hubspot(event) == 204
    relay.settle()
    assert [(kind, content) for kind, _, content in received(relay)[-1][1]] == [("image", shot)]


def test_a_file_that_was_deleted_leaves_a_sentence(light_relay: RelayWorld) -> None:
    send(light_relay, attached())
    light_relay.world.hubspot.files.clear()
    light_relay.settle()
    assert received(light_relay) == [("Here it is\n[report.pdf: HubSpot does not have it any more]", [])]


def test_the_same_file_is_kept_once_and_deleted_when_nobody_needs_it(relay: RelayWorld) -> None:
    """Two messages share the bytes; both are sent, and the longer of their links is over."""
    send(relay, attached(name="a.pdf"))
    relay.settle()
    send(relay, attached(name="b.pdf"))
    relay.settle()
    assert [file for _, files in received(relay) for file in files] == [("file", "a.pdf", PDF), ("file", "b.pdf", PDF)]
    assert relay.count(stored_media) == 1
    relay.pass_time(DAY / 2)
    schedule.tend(relay.services)
    assert relay.count(stored_media) == 1
    relay.pass_time(DAY)
    schedule.tend(relay.services)
    assert (relay.count(stored_media), relay.count(media_chunks)) == (0, 0)


def test_bytes_stay_while_a_message_waits(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path="/v1/messages", times=None, status=500)
    send(relay, attached())
    relay.settle()
    relay.execute(update(stored_media).values(kept_until=1.0))
    schedule.tend(relay.services)
    assert relay.count(stored_media) == 1
    relay.world.faults.clear()
    relay.execute(update(messages).values(not_before=None))
    relay.pass_time(5)
    relay.settle()
    assert received(relay) == [("Here it is", [("file", "report.pdf", PDF)])]


def test_a_replay_fetches_what_was_deleted_meanwhile(light_relay: RelayWorld) -> None:
    relay = light_relay
    relay.fault(Api.LOOPBACK, FaultKind.STATUS, path="/v1/messages", times=1, status=400)
    answer = send(relay, attached())
    relay.settle()
    kind, sentence = relay.status_of(answer)
    assert (kind, sentence) == ("FAILED", "The file report.pdf did not arrive: Loopback does not take this message.")
    with relay.services.database.write() as connection:
        connection.execute(update(media).values(stored_id=None))
    replay.replay(relay.services, relay.rows("outbound")[0].id)
    relay.settle()
    relay.pass_time(5)
    relay.settle()
    assert received(relay) == [("Here it is", [("file", "report.pdf", PDF)])]
    assert relay.status_of(answer)[0] == "SENT"


def test_a_refused_file_is_named_in_the_verdict(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    with able(monkeypatch, caption_length=0):
        relay = light_relay
        answer = send(relay, attached(), attached(b"more", "b.txt", "text/plain"))
        refused = Fault(kind=FaultKind.STATUS, status=400)
        relay.world.faults.add(FaultRule(api=Api.LOOPBACK, containing='"kind"', times=1, fault=refused))
        relay.settle()
    assert received(relay) == [("Here it is", [])]
    kind, sentence = relay.status_of(answer)
    assert kind == "FAILED"
    assert sentence.startswith("The text arrived, the file report.pdf did not, nor did what comes after it: Loopback")


def late_answer(relay: RelayWorld) -> str:
    """An answer that went without its file, because HubSpot did not give it out in time."""
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path=FILE_HOST, times=None, status=503)
    answer = send(relay, attached())
    relay.settle()
    relay.pass_time(relay.services.settings.media_timeout + 1)
    relay.settle()
    relay.world.faults.clear()
    assert received(relay) == [("Here it is\n[report.pdf: it follows as soon as it can be fetched]", [])]
    assert relay.status_of(answer) == ("SENT", "")
    return answer


def test_a_late_file_follows_as_a_message_of_its_own(relay: RelayWorld) -> None:
    answer = late_answer(relay)
    relay.pass_time(600)
    relay.settle()
    assert received(relay)[1:] == [("", [("file", "report.pdf", PDF)])]
    assert (relay.status_of(answer), relay.patches_of(answer)) == (("SENT", ""), 1)
    assert [one.status for one in relay.rows("outbound")] == ["sent", "sent"]


def test_a_late_file_that_never_comes_makes_the_answer_a_failed_one(light_relay: RelayWorld) -> None:
    answer = late_answer(light_relay)
    light_relay.world.hubspot.files.clear()
    light_relay.pass_time(600)
    light_relay.settle()
    sentence = "The text arrived, the file report.pdf did not: HubSpot does not have it any more."
    assert light_relay.status_of(answer) == ("FAILED", sentence)
    assert len(received(light_relay)) == 1


def test_a_late_file_that_the_service_refuses_makes_the_answer_a_failed_one(light_relay: RelayWorld) -> None:
    answer = late_answer(light_relay)
    light_relay.fault(Api.LOOPBACK, FaultKind.STATUS, path="/v1/messages", status=400)
    light_relay.pass_time(600)
    light_relay.settle()
    sentence = "The file report.pdf did not arrive: Loopback does not take this message."
    assert light_relay.status_of(answer) == ("FAILED", sentence)


def test_a_late_file_of_a_failed_answer_stays_here(light_relay: RelayWorld) -> None:
    late_answer(light_relay)
    light_relay.execute(update(messages).where(messages.c.direction == "outbound").values(status="failed"))
    light_relay.pass_time(600)
    light_relay.settle()
    assert len(received(light_relay)) == 1


def test_forgetting_a_customer_deletes_the_files_at_once(light_relay: RelayWorld) -> None:
    relay = light_relay
    send(relay, attached())
    relay.settle()
    with relay.services.database.read() as connection:
        [thread] = connection.execute(select(messages.c.thread_id).distinct()).scalars()
        found = erasure.conversations(connection, [thread])
    forget.forget(relay.services, found)
    assert (relay.count(media_chunks), relay.count(stored_media)) == (0, 0)
