"""With the journal on, the database killed, stopped and frozen under traffic: every answer 2xx, and nothing lost."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.cli.roles import web_command
from app.storage.tables import envelopes, lanes, messages
from tests.app.relay.world import (
    CLIENT_SECRET,
    LOOPBACK_SECRET,
    RelayWorld,
    eventually,
    free_port,
    hubspot_headers,
    incoming,
    outgoing,
    relay_world,
)
from tests.servers.frozen import frozen
from tests.servers.postgres_server import PostgresServer

REPOSITORY = Path(__file__).parents[2]

CUSTOMERS = ("dana", "kim", "lee")
#: Rounds in which everybody writes: before, during and after.
BEFORE, DURING, AFTER = 3, 8, 3
ROUNDS = range(BEFORE + DURING + AFTER)
#: The same for all messages of one customer: nothing but their coming orders them.
TIME = "2026-09-14T08:15:30Z"


class Web:
    """The web role with a journal, as a process of its own. Remembers how it has answered."""

    def __init__(self, relay: RelayWorld) -> None:
        self.relay = relay
        self.port = free_port()
        self.statuses: list[int] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = self.relay.services.settings
        environment = {
            "PATH": os.environ["PATH"],
            "RELAY_ENVIRONMENT": "test",
            "RELAY_JOURNAL": "true",
            "RELAY_DATA_DIR": str(settings.data_dir),
            "RELAY_DATABASE_URL": settings.database_url,
            "RELAY_BROKER_URL": settings.broker_url,
            "RELAY_PUBLIC_URL": settings.public_url,
            "RELAY_SECRET_KEYS": "a key of the tests",
            "RELAY_HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
        }
        command = web_command(settings, f"127.0.0.1:{self.port}")
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=REPOSITORY, env=environment, start_new_session=True
        )
        eventually(self.is_alive, within=60)

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_alive(self) -> bool:
        try:
            return bool(self.ask("GET", "/livez")[0] == 200)
        except OSError:
            return False

    def is_empty(self) -> bool:
        """Whether the database is there and nothing waits in the journal."""
        status, body = self.ask("GET", "/readyz")
        return status == 200 and not any("journal" in one for one in json.loads(body)["warnings"])

    def customer_writes(self, customer: str, number: int) -> None:
        id_ = f"{customer}-{number}"
        event = incoming(
            f"in {number}", id_, conversation=customer, time=TIME, sender={"id": customer, "name": customer}
        )
        body = json.dumps({"id": id_, "events": [event]}).encode()
        signature = hmac.new(LOOPBACK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        self.statuses.append(self.ask("POST", self.relay.webhook, body, {"X-Loopback-Signature": signature})[0])

    def agent_writes(self, customer: str, number: int) -> None:
        recipients = [{"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": customer}}]
        event = outgoing(
            f"out {number}",
            f"{customer}-{number}",
            conversationsThreadId=f"thread of {customer}",
            recipients=recipients,
        )
        body = json.dumps(event).encode()
        headers = hubspot_headers(f"{self.relay.services.settings.public_url}/webhooks/hubspot", body)
        self.statuses.append(self.ask("POST", "/webhooks/hubspot", body, headers)[0])

    def everybody_writes(self, numbers: range) -> None:
        """Let all write at once, each message after the answer to the one before."""

        def write(one: Callable[[str, int], None], customer: str) -> None:
            for number in numbers:
                one(customer, number)

        kinds = (self.customer_writes, self.agent_writes)
        writers = [threading.Thread(target=write, args=(one, customer)) for one in kinds for customer in CUSTOMERS]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()


@contextmanager
def killed(server: PostgresServer, _: Web) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def stopped(server: PostgresServer, _: Web) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def froze(server: PostgresServer, _: Web) -> Iterator[None]:
    with frozen(server):
        yield


@contextmanager
def both_killed(server: PostgresServer, web: Web) -> Iterator[None]:
    """The web, too, right after its last answer, and once more: it starts without the database."""
    server.kill()
    web.everybody_writes(range(BEFORE, BEFORE + 2))
    for _ in range(2):
        web.kill()
        web.start()
    yield
    web.kill()
    server.start()
    web.start()


Outage = Callable[[PostgresServer, Web], AbstractContextManager[None]]


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_postgresql_url: str) -> Iterator[Web]:
    with relay_world(tmp_path, monkeypatch, migrated_postgresql_url, migrated=True) as relay:
        for customer in CUSTOMERS:
            known = {"account": "demo", "conversation": customer, "name": customer}
            relay.call("POST", "/_sim/loopback/conversations", known)
        made = Web(relay)
        made.start()
        yield made
        made.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("crowd")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "outage",
    [pytest.param(killed, marks=pytest.mark.long), pytest.param(stopped, marks=pytest.mark.long), froze, both_killed],
)
def test_nobody_is_refused_and_nothing_is_lost(web: Web, postgresql: PostgresServer, outage: Outage) -> None:
    web.everybody_writes(ROUNDS[:BEFORE])
    with outage(postgresql, web):
        web.everybody_writes(ROUNDS[BEFORE : BEFORE + DURING])
        assert not web.is_empty()
    web.everybody_writes(ROUNDS[BEFORE + DURING :])
    assert {status // 100 for status in web.statuses} == {2}
    eventually(web.is_empty, within=60)
    web.relay.services.database.close()  # of the test's own connections none has outlived the server
    assert (stored(web.relay, "inbound"), stored(web.relay, "outbound")) == (expected("in"), expected("out"))
    assert web.relay.count(envelopes) == 2 * len(CUSTOMERS) * len(ROUNDS)
    assert list((web.relay.services.settings.data_dir / "journal").glob("*.journal")) == []
    web.relay.settle(within=150)
    assert sorted(web.relay.texts()) == sorted(text for texts in expected("in").values() for text in texts)
    for customer, texts in expected("out").items():
        assert [one["text"] for one in web.relay.customer_sees(customer) if not one["mine"]] == texts
    for thread in web.relay.threads():
        arrived = sorted(web.relay.agent_sees(thread["id"]), key=lambda one: one["receivedAt"])
        assert [one["text"] for one in arrived] == expected("in")[thread["contactName"]]


def expected(word: str) -> dict[str, list[str]]:
    return {customer: [f"{word} {number}" for number in ROUNDS] for customer in CUSTOMERS}


def stored(relay: RelayWorld, kind: str) -> dict[str, list[str]]:
    """The texts in the lanes of one kind, in their order."""
    query = (
        select(lanes.c.conversation, messages.c.content)
        .join(messages, messages.c.lane_id == lanes.c.id)
        .where(lanes.c.kind == kind)
        .order_by(messages.c.order_key, messages.c.id)
    )
    found: dict[str, list[str]] = {}
    with relay.services.database.read() as connection:
        for conversation, content in connection.execute(query):
            found.setdefault(conversation, []).append(content["text"])
    return found
