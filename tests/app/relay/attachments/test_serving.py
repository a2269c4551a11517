from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import pytest
from sqlalchemy import select, update

from app.connectors.loopback import LoopbackConnector
from app.media.links import Link
from app.relay.attachments.serving import StoredMedia
from app.storage import clock, lanes
from app.storage.tables import media, stored_media
from app.vault import Vault
from tests.app.relay.attachments.test_to_service import DAY, PDF, attached, send
from tests.app.relay.world import RelayWorld


@pytest.fixture
def ready(light_relay: RelayWorld) -> RelayWorld:
    """A relay that has a file for the service."""
    send(light_relay, attached())
    light_relay.settle()
    light_relay.execute(update(media).values(name="Übersicht.pdf"))
    return light_relay


def path(relay: RelayWorld, *, seconds: float = DAY) -> str:
    """The path of a link to the file."""
    with relay.services.database.read() as connection:
        [media_id] = connection.execute(select(media.c.id)).scalars()
        now = lanes.clock(connection)
    return f"/media/{Link.lasting(media_id, now=now, seconds=seconds).write(relay.services.vault)}"


def ask(relay: RelayWorld, where: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    url = relay.services.settings.public_url + where
    answer = relay.http.request("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.status, dict(answer.headers), answer.body


def test_a_link_gives_the_whole_file_and_says_what_it_is(ready: RelayWorld) -> None:
    status, headers, body = ask(ready, path(ready))
    assert (status, body) == (200, PDF)
    assert headers["content-type"] == "application/pdf"
    assert headers["content-length"] == str(len(PDF))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private"
    assert headers["content-disposition"] == "attachment; filename=Ubersicht.pdf; filename*=UTF-8''%C3%9Cbersicht.pdf"


def test_the_head_is_the_same_without_the_bytes(ready: RelayWorld) -> None:
    status, headers, body = ready.ask("HEAD", path(ready))
    assert (status, headers["content-length"], body) == (200, str(len(PDF)), "")


RANGES = [
    ("bytes=0-9", 206, slice(0, 10)),
    ("bytes=262140-262150", 206, slice(262_140, 262_151)),
    ("bytes=512000-", 206, slice(512_000, None)),
    ("bytes=-4", 206, slice(-4, None)),
    ("bytes=0-1,4-5", 200, slice(None)),
    ("lines=1-2", 200, slice(None)),
    ("bytes=9999999-", 416, slice(0, 0)),
]


def test_a_range_is_a_piece(ready: RelayWorld) -> None:
    for wanted, status, piece in RANGES:
        found, headers, body = ask(ready, path(ready), Range=wanted)
        assert (found, body) == (status, PDF[piece]), wanted
        start = range(len(PDF))[piece].start
        where = {206: f"bytes {start}-{start + len(body) - 1}/{len(PDF)}", 416: f"bytes */{len(PDF)}"}
        assert headers.get("content-range") == where.get(status), wanted


def test_what_is_known_is_not_sent_again(ready: RelayWorld) -> None:
    where = path(ready)
    tag = ask(ready, where)[1]["etag"]
    assert ask(ready, where, If_None_Match=tag)[::2] == (304, b"")
    assert ask(ready, where, Range="bytes=0-1", If_Range=tag)[::2] == (206, PDF[:2])
    assert ask(ready, where, Range="bytes=0-1", If_Range='"other"')[::2] == (200, PDF)


def test_a_forged_link_is_not_there(ready: RelayWorld) -> None:
    number, end, signature = path(ready).rsplit("/", 1)[1].split("-", 2)
    moved = [f"{number}-{int(end) + 3600}-{signature}", f"{int(number) + 1}-{end}-{signature}"]
    odd = [f"7-9999999999-{'A' * 43}", "x", "../console", "%00", f"1-1-{'%C3%A9' * 43}"]
    for forgery in (*moved, *odd):
        status, _, body = ready.ask("GET", f"/media/{forgery}")
        assert (status, "error" in json.loads(body)) == (404, True), forgery


def test_there_is_no_list(ready: RelayWorld) -> None:
    assert ready.ask("GET", "/media")[0] == 404
    assert ready.ask("GET", "/media/")[0] == 404


def test_a_service_may_come_seven_days_later(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As LINE does; its links live for eight days."""
    can = replace(LoopbackConnector.capabilities, link_life=8 * DAY)
    monkeypatch.setattr(LoopbackConnector, "capabilities", can)
    send(light_relay, attached())
    light_relay.settle()
    where, boot = path(light_relay, seconds=8 * DAY), clock._boot_clock  # noqa: SLF001 - the only clock of SQLite
    monkeypatch.setattr(clock, "_boot_clock", lambda: boot() + 7 * DAY)
    light_relay.settle()
    assert ask(light_relay, where)[::2] == (200, PDF)
    monkeypatch.setattr(clock, "_boot_clock", lambda: boot() + 8.1 * DAY)
    assert ask(light_relay, where)[0] == 410


def test_bytes_that_were_deleted_are_gone_for_good(ready: RelayWorld) -> None:
    where = path(ready)
    ready.execute(update(stored_media).values(sameness="", kept_until=0.0))
    status, _, body = ask(ready, where)
    assert status == 410
    assert b"any more" in body


def test_a_link_outlives_the_key_that_signed_it_while_that_key_is_known(ready: RelayWorld) -> None:
    where = path(ready)
    token = where.rsplit("/", 1)[1]
    assert Link.read(token, Vault(["a newer key", "a key of the tests"])) is not None
    assert Link.read(token, Vault(["a newer key"])) is None


class _Large:
    """A store with one file of 32 MB."""

    def write(self, stored_id: int, source: BinaryIO) -> None:
        raise NotImplementedError

    def read(self, stored_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        del stored_id, start, length
        return (bytes(262_144) for _ in range(128))

    def delete(self, stored_id: int) -> None:
        raise NotImplementedError


def test_an_upload_never_has_its_file_in_memory() -> None:
    tracemalloc.start()
    try:
        with StoredMedia("a.bin", "application/octet-stream", 2**25, "", _Large(), 1).open() as file:
            assert file.seek(0, 2) == 2**25
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_what_is_active_is_only_handed_over(ready: RelayWorld) -> None:
    for name, mime in (("a.html", "text/html"), ("a.svg", "image/svg+xml"), ("a.png", "image/png")):
        ready.execute(update(media).values(name=name, mime=mime))
        headers = ask(ready, path(ready))[1]
        how = "inline" if mime == "image/png" else "attachment"
        assert headers["content-disposition"] == f"{how}; filename={name}"
        assert "sandbox" in headers["content-security-policy"]
