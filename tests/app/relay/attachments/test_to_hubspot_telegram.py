"""Customers' files through the simulated Telegram and the whole relay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.media.corpus import CORPUS, CUT_OUT, SCENE
from tests.app.media.making import HZ, colours, hear, look, watch
from tests.app.relay.telegram_side import TelegramSide
from tests.app.relay.world import RelayWorld


def arrived(relay: RelayWorld, side: TelegramSide) -> list[tuple[str, Any, bytes]]:
    """What the agent sees: texts, and each message's file with its bytes."""
    side.deliver(*side.updates())
    relay.settle()
    inbox = sorted(relay.inbox(), key=lambda one: one["receivedAt"])
    files = [one["attachments"][0] for one in inbox]
    contents = [relay.http.request("GET", relay.page + one["viewUrl"]).body for one in files]
    return list(zip([one["text"] for one in inbox], files, contents, strict=True))


def test_customers_files_arrive_as_what_they_are(light_relay: RelayWorld) -> None:
    side = TelegramSide(light_relay)
    note, film = CORPUS["voice note"].make(), CORPUS["video"].make()
    side.send("photo", CORPUS["photo"].make(), caption="My garden")
    side.send("voice", note)
    side.send("sticker", CORPUS["sticker that is a film"].make())
    side.send("document", CORPUS["PDF"].make(), name="Offer.pdf", mime="application/pdf")
    side.send("video", film, name="v.mp4")
    photo, voice, sticker, document, video = arrived(light_relay, side)

    assert (photo[0], photo[1]["fileUsageType"], colours(look(photo[2]))) == ("My garden", "IMAGE", list(SCENE))
    assert (voice[1]["fileUsageType"], hear(voice[2]).codec) == ("VOICE_RECORDING", "mp3float")
    assert hear(voice[2]).hz == pytest.approx(HZ, rel=0.03)
    assert (sticker[1]["fileUsageType"], colours(look(sticker[2]))) == ("STICKER", list(CUT_OUT))
    assert (document[1]["name"], document[2]) == ("Offer.pdf", CORPUS["PDF"].make())
    assert (video[2], watch(video[2]).frames) == (film, 20)
