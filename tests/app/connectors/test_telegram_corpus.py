"""Every file of the corpus through the simulated Telegram, both ways."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from app.conformance.samples import Subject
from app.connectors.telegram import TelegramConnector
from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.account import Account
from app.domain.message import Attachment, AttachmentKind, Message
from app.domain.part import Part, PartContent
from app.http import Http
from tests.app.connectors.conveying import OPAQUE, check, prepared
from tests.app.connectors.telegram_samples import CREDENTIALS, SAMPLES, TOKEN
from tests.app.media.corpus import CORPUS, Sent
from tests.app.simulator.messengers import Simulator, running_simulator

TELEGRAM = TelegramConnector()
DANA = 5551
#: As what a file is shown there, and the field of a message that holds it.
FIELDS = {
    AttachmentKind.IMAGE: {"photo", "animation"},
    AttachmentKind.VIDEO: {"video"},
    AttachmentKind.AUDIO: {"audio"},
    AttachmentKind.VOICE: {"voice"},
    AttachmentKind.STICKER: {"sticker", "photo", "animation"},
    AttachmentKind.FILE: {"document"},
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        running.post("telegram/bots", token=TOKEN, username="shop_bot", name="Shop")
        running.post("telegram/chats", bot=CREDENTIALS.bot_id, chat_id=DANA, user={"id": DANA, "first_name": "Dana"})
        yield running


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    client = Http(call_timeout=20)
    yield client
    client.close()


@pytest.fixture
def account(simulator: Simulator) -> Account:
    assert isinstance(CREDENTIALS, TelegramCredentials)
    return Subject(TELEGRAM, SAMPLES).account(f"{simulator.url}/telegram")


def last_message(simulator: Simulator) -> Any:
    return simulator.get(f"telegram/chats/{CREDENTIALS.bot_id}/{DANA}/messages?raw")[-1]


@pytest.mark.parametrize("title", CORPUS)
def test_an_agents_file_is_shown_to_the_customer(
    title: str, simulator: Simulator, account: Account, http: Http
) -> None:
    kind, media, original = prepared(title, TELEGRAM.capabilities)
    part = PartContent(text="Look", attachment=Attachment(kind=kind, source="hubspot:1"))
    TELEGRAM.send(Part(str(DANA), part, key="k", media=media), account, http)

    message = last_message(simulator)
    # What is cut off before its picture begins is none to Telegram: it goes as a document then.
    [field] = (FIELDS[kind] | (FIELDS[AttachmentKind.FILE] if title in OPAQUE else set())) & set(message)
    file = message[field][-1] if field == "photo" else message[field]
    got = simulator.client.get(f"/_sim/telegram/files/{file['file_id']}").content
    assert got == media.content
    assert file.get("file_name", media.name) == media.name
    check(title, media.mime, got, original=original)


@pytest.mark.parametrize("title", CORPUS)
def test_a_customers_file_reaches_us_whole(title: str, simulator: Simulator, account: Account, http: Http) -> None:
    sent, data = CORPUS[title], CORPUS[title].make()
    where = {"bot": CREDENTIALS.bot_id, "chat_id": DANA, "kind": _sent_as(sent)}
    given = {"name": sent.name, "mime": sent.said or sent.mime, "base64": base64.b64encode(data).decode()}
    simulator.post("telegram/send-kind", **where, **given)
    update = simulator.client.post(f"/telegram/bot{TOKEN}/getUpdates", json={"offset": -1}).json()["result"][-1]
    raw = simulator.client.build_request("POST", "/", json=update).content
    [message] = TELEGRAM.parse(Subject(TELEGRAM, SAMPLES).request(raw), account)
    assert isinstance(message, Message)
    [attachment] = message.content.attachments
    wanted = TELEGRAM.media_request(attachment, account, http)
    assert http.request("GET", wanted.url, headers=wanted.headers).body == data
    assert attachment.size == len(data)


def _sent_as(sent: Sent) -> str:
    """How a customer's app sends it: what it does not know goes as a document."""
    known = {
        (AttachmentKind.IMAGE, "image/jpeg"): "photo",
        (AttachmentKind.VOICE, "audio/ogg"): "voice",
        (AttachmentKind.VIDEO, "video/mp4"): "video",
        (AttachmentKind.AUDIO, "audio/mpeg"): "audio",
    }
    return "sticker" if sent.kind is AttachmentKind.STICKER else known.get((sent.kind, sent.mime), "document")
