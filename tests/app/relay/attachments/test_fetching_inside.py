"""Links of strangers that lead into the relay's own network: refused by the media queue, whichever way they go."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.http import Http
from app.relay.attachments.preparing import prepare
from app.storage.tables import media
from tests.app.http.scripted import ScriptedServer, Visit
from tests.app.relay.world import RelayWorld, incoming

SECRET = b"a secret of this network"


@contextmanager
def inside() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda visit: visit.answer(SECRET)) as server:
        yield server


def prepared(relay: RelayWorld, urls: list[str], http: Http) -> list[tuple[str, str]]:
    """Let a customer send these links as pictures. Returns what became of each, and why."""
    pictures = [{"kind": "image", "url": url, "name": "a.png"} for url in urls]
    assert relay.from_loopback({"id": "d1", "events": [incoming(attachments=pictures)]}) == 200
    services = replace(relay.services, http=http)
    with services.database.read() as connection:
        ids = list(connection.execute(select(media.c.id).order_by(media.c.id)).scalars())
    for one in ids:
        assert prepare(services, one)
    with services.database.read() as connection:
        rows = connection.execute(select(media.c.state, media.c.hint).order_by(media.c.id))
        return [(row.state, row.hint) for row in rows]


def test_addresses_names_and_redirects_that_lead_inside_are_refused(light_relay: RelayWorld) -> None:
    with inside() as server:

        def send_on(visit: Visit) -> None:
            visit.read()
            visit.answer(status="302 Found", headers=(f"Location: http://127.0.0.1:{server.port}/",))

        with ScriptedServer(send_on) as outer:
            urls = [
                f"http://127.0.0.1:{server.port}/a.png",
                f"http://10.0.0.1:{server.port}/a.png",
                f"http://[::1]:{server.port}/a.png",
                f"http://[::ffff:127.0.0.1]:{server.port}/a.png",
                "http://169.254.169.254/latest/meta-data",
                f"http://inside.example:{server.port}/a.png",
                f"http://2130706433:{server.port}/a.png",  # 127.0.0.1 as one number
                f"http://outside.example:{outer.port}/a.png",
                "file:///etc/passwd",
                "gopher://127.0.0.1/",
            ]
            http = Http(allowed_private_hosts=["outside.example"], resolver=lambda *_: ["127.0.0.1"], call_timeout=5.0)
            found = prepared(light_relay, urls, http)
            http.close()
        assert {state for state, _ in found} == {"failed"}
        assert all("not a public address" in hint for _, hint in found[:-2]), found
        assert (server.connections, outer.connections) == (0, 1)
    light_relay.settle()
    [text] = light_relay.texts()
    assert text.count("[a.png: ") == len(urls)
    assert SECRET.decode() not in text


def test_a_name_that_leads_inside_at_the_second_look_up_is_refused(
    light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked up is what is called: there is no second look-up between the check and the connection."""
    answers, called = [["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]], []

    def refuse(address: tuple[str, int], _timeout: float) -> socket.socket:
        called.append(address[0])
        raise ConnectionRefusedError

    http = Http(resolver=lambda *_: answers.pop(0), call_timeout=5.0)
    with inside() as server, monkeypatch.context() as patch:
        url = f"http://changing.example:{server.port}/a.png"
        urls = [url, url]
        real = socket.create_connection
        patch.setattr(
            socket,
            "create_connection",
            lambda address, *rest: refuse(address, *rest) if address[1] == server.port else real(address, *rest),
        )
        found = prepared(light_relay, urls, http)
        http.close()
        assert server.connections == 0
    assert called == ["8.8.8.8"]
    assert [state for state, _ in found] == ["pending", "failed"]
