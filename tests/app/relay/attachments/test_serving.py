from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from app.connectors.loopback import LoopbackConnector
from app.media.links import Link
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


@pytest.mark.parametrize(
    ("wanted", "status", "piece"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=262140-262150", 206, slice(262_140, 262_151)),
        ("bytes=512000-", 206, slice(512_000, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=9999999-", 416, slice(0, 0)),
    ],
)
def test_a_range_is_a_piece(ready: RelayWorld, wanted: str, status: int, piece: slice) -> None:
    found, headers, body = ask(ready, path(ready), Range=wanted)
    assert (found, body) == (status, PDF[piece])
    if status == 206:
        start = range(len(PDF))[piece].start
        assert headers["content-range"] == f"bytes {start}-{start + len(body) - 1}/{len(PDF)}"
    if status == 416:
        assert headers["content-range"] == f"bytes */{len(PDF)}"


def test_what_is_known_is_not_sent_again(ready: RelayWorld) -> None:
    where = path(ready)
    tag = ask(ready, where)[1]["etag"]
    assert ask(ready, where, If_None_Match=tag)[::2] == (304, b"")
    assert ask(ready, where, Range="bytes=0-1", If_Range=tag)[::2] == (206, PDF[:2])
    assert ask(ready, where, Range="bytes=0-1", If_Range='"other"')[::2] == (200, PDF)


@pytest.mark.parametrize("forgery", ["7-9999999999-" + "A" * 43, "x", "../console", "%00", "1-1-" + "é" * 43])
def test_a_forged_link_is_not_there(ready: RelayWorld, forgery: str) -> None:
    status, _, body = ready.ask("GET", f"/media/{forgery.replace('é', '%C3%A9')}")
    assert status == 404
    assert "error" in json.loads(body)


def test_a_link_whose_end_was_moved_is_not_there(ready: RelayWorld) -> None:
    number, end, signature = path(ready).rsplit("/", 1)[1].split("-", 2)
    assert ready.ask("GET", f"/media/{number}-{int(end) + 3600}-{signature}")[0] == 404
    assert ready.ask("GET", f"/media/{int(number) + 1}-{end}-{signature}")[0] == 404


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


@pytest.mark.parametrize(("name", "mime"), [("a.html", "text/html"), ("a.svg", "image/svg+xml")])
def test_what_is_active_is_only_handed_over(ready: RelayWorld, name: str, mime: str) -> None:
    ready.execute(update(media).values(name=name, mime=mime))
    headers = ask(ready, path(ready))[1]
    assert headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in headers["content-security-policy"]
