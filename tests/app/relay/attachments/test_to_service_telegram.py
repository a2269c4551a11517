"""Agents' files through the whole relay to the simulated Telegram."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.simulator.faults import Api, FaultKind
from app.simulator.server import SimulatorServer
from tests.app.media.corpus import CORPUS, SCENE
from tests.app.media.making import HZ, colours, hear, look, picture, watch
from tests.app.relay.telegram_side import TelegramSide
from tests.app.relay.world import RelayWorld, relay_world

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 200


def attached(content: bytes, name: str, mime: str) -> dict[str, str]:
    return {"name": name, "mime": mime, "base64": base64.b64encode(content).decode()}


def answered(
    relay: RelayWorld, *files: dict[str, str], text: str = "Here it is"
) -> tuple[TelegramSide, str, list[Any]]:
    """Let an agent answer with files. Returns HubSpot's id of the answer, and what the customer got."""
    side = TelegramSide(relay)
    side.listen()
    side.say("Hello?")
    relay.wait_for_webhooks()
    relay.settle()
    answer = relay.reply(str(relay.threads()[0]["id"]), text, attachments=list(files))
    relay.wait_for_webhooks()
    relay.settle()
    return side, answer, side.messages()[1:]


def test_agents_files_arrive_as_what_they_are(light_relay: RelayWorld) -> None:
    side, answer, got = answered(
        light_relay,
        attached(CORPUS["HEIC"].make(), "garden.heic", "image/heic"),
        attached(PDF, "Offer.pdf", "application/pdf"),
        attached(CORPUS["wave"].make(), "a.wav", "audio/wav"),
    )
    photo, document, song = got
    assert (photo["caption"], colours(look(side.file(photo, "photo")))) == ("Here it is", list(SCENE))
    assert (document["document"]["file_name"], side.file(document, "document")) == ("Offer.pdf", PDF)
    assert hear(side.file(song, "audio")).hz == pytest.approx(HZ, rel=0.03)
    assert light_relay.status_of(answer) == ("SENT", "")


def test_a_picture_that_telegram_refuses_arrives_as_a_document(light_relay: RelayWorld) -> None:
    narrow = picture("PNG", image=Image.new("RGB", (2100, 100), "red"))
    side, answer, got = answered(light_relay, attached(narrow, "line.png", "image/png"))
    assert [(one["document"]["file_name"], side.file(one, "document"), one["caption"]) for one in got] == [
        ("line.png", narrow, "Here it is")
    ]
    assert light_relay.status_of(answer) == ("SENT", "")


def test_a_video_of_a_phone_can_be_played(light_relay: RelayWorld) -> None:
    side, _, [got] = answered(
        light_relay, attached(CORPUS["video of an iPhone"].make(), "IMG_4.MOV", "video/quicktime")
    )
    assert watch(side.file(got, "video")).codec == "h264"


@pytest.mark.parametrize(("size", "status"), [(900_000, "sent"), (5_000, "pending")])
def test_a_large_file_may_take_longer_than_other_calls(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    migrated_sqlite_url: str,
    relay_simulator: SimulatorServer,
    size: int,
    status: str,
) -> None:
    with relay_world(
        tmp_path, monkeypatch, migrated_sqlite_url, shared=relay_simulator, migrated=True, call_timeout=1.5
    ) as relay:
        relay.fault(Api.TELEGRAM, FaultKind.SLOW, path="sendDocument", seconds=2.0)
        content = (PDF * 20)[:size]
        answered(relay, attached(content, "Offer.pdf", "application/pdf"))
        assert [one.status for one in relay.rows("outbound")] == [status]
