"""The servers keep what their launchers promise, so that tests built on them can be believed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from kombu import Connection, Queue
from playwright.sync_api import Page

from app.bench.servers.process import ServerError, free_port, is_listening
from app.storage import schema
from app.storage.database import Database
from tests.servers import presence
from tests.servers.children import children, with_variable
from tests.servers.postgres_server import PostgresServer
from tests.servers.presence import MISSING, REQUIRE_VARIABLE, Server, require
from tests.servers.rabbitmq_server import RabbitmqServer
from tests.servers.redis_server import RedisServer
from tests.servers.synapse import Person, SynapseServer


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as connected:
        yield connected


def test_a_free_port_is_free() -> None:
    assert not is_listening(free_port())


@pytest.mark.parametrize("value", ["left by one test", "left by another"])
def test_every_test_gets_an_empty_redis(client: redis.Redis, value: str) -> None:
    assert client.get("key") is None
    client.set("key", value)


def test_redis_refuses_to_evict(client: redis.Redis) -> None:
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_an_appendonly_redis_keeps_its_data_over_a_kill() -> None:
    with RedisServer(appendonly=True) as server:
        with redis.Redis.from_url(server.url) as before:
            before.set("key", "kept")
        server.kill()
        assert not is_listening(server.port)
        server.start()
        with redis.Redis.from_url(server.url) as after:
            assert after.get("key") == b"kept"


def test_a_closed_server_leaves_nothing_behind() -> None:
    with RedisServer() as server:
        pid = server.pid
        assert is_listening(server.port)
    assert not Path(f"/proc/{pid}").exists()
    assert not is_listening(server.port)
    assert not server.folder.exists()


def test_nobody_else_answers_in_a_servers_place(redis_server: RedisServer) -> None:
    second = RedisServer(port=redis_server.port)
    with pytest.raises(ServerError, match="is taken"), second:
        pass
    assert not second.folder.exists()


class MisconfiguredRedis(RedisServer):
    def command(self) -> list[str]:
        return [*super().command(), "--no-such-option", "1"]


def test_a_server_that_cannot_start_shows_its_log() -> None:
    with pytest.raises(ServerError, match=r"(?s)MisconfiguredRedis is not ready.*no-such-option"), MisconfiguredRedis():
        pass


@pytest.mark.parametrize("name", ["left by one test", "left by another"])
def test_every_test_gets_an_empty_rabbitmq(rabbitmq_url: str, name: str) -> None:
    with Connection(rabbitmq_url) as connection:
        for known in ("left by one test", "left by another"):
            with pytest.raises(connection.channel_errors, match="NOT_FOUND"):
                Queue(known)(connection.channel()).queue_declare(passive=True)
        Queue(name)(connection.channel()).queue_declare()


def test_rabbitmq_keeps_what_it_confirmed_over_a_kill(rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> None:
    kept = Queue("kept", queue_arguments={"x-queue-type": "quorum"})
    with Connection(rabbitmq_url, transport_options={"confirm_publish": True}) as before:
        before.Producer().publish("a message", routing_key="kept", declare=[kept])
        rabbitmq_server.settle()
        rabbitmq_server.kill()
    assert not is_listening(rabbitmq_server.port)
    rabbitmq_server.start()
    with Connection(rabbitmq_url) as after:
        queue = kept(after.channel())
        deadline = time.monotonic() + 15
        while (message := queue.get(no_ack=True)) is None:  # the queue is there before it has read its log
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert message.payload == "a message"


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_rabbitmq_meets_no_other_and_leaves_nothing_behind(rabbitmq_server: RabbitmqServer) -> None:
    before = children()
    with RabbitmqServer() as server:
        assert rabbitmq_server.node not in server.control("cluster_status")
        vhost = server.create_vhost()
        server.kill()
        assert _is_gone(server, before)
        server.wipe()
        server.start()
        assert vhost not in server.control("list_vhosts")
    assert _is_gone(server, before)
    assert not server.folder.exists()
    assert rabbitmq_server.is_ready()


def _is_gone(server: RabbitmqServer, before: set[int]) -> bool:
    """Whether neither the node nor its name server runs, nor what the node started, or will have ended in a moment."""
    deadline = time.monotonic() + 10
    while children() != before or with_variable(f"HOME={server.folder}"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_every_test_gets_an_empty_database(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE here (id int)")
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (1,)


@pytest.mark.parametrize("time", ["first", "second"])
def test_every_test_gets_empty_tables(migrated_postgresql_url: str, time: str) -> None:
    with psycopg.connect(migrated_postgresql_url) as connection:
        connection.execute("INSERT INTO boots (boot_id, epoch_offset) VALUES (%s, 0)", [time])
        assert connection.execute("SELECT boot_id FROM boots").fetchall() == [(time,)]


def test_postgresql_keeps_committed_rows_over_a_kill(postgresql: PostgresServer, postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    postgresql.kill()
    postgresql.start()
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT id FROM kept").fetchone() == (1,)


def test_a_database_address_is_given_for_each_kind(database_url: str) -> None:
    assert database_url.partition(":")[0] in {"sqlite", "postgresql"}


def test_a_migrated_database_has_the_relays_tables(migrated_database_url: str) -> None:
    database = Database(migrated_database_url, pool=1)
    assert schema.current(database) == schema.HEAD
    database.close()


class _Receiver(BaseHTTPRequestHandler):
    """Takes what the homeserver pushes to its application service."""

    def do_PUT(self) -> None:
        received: list[tuple[str | None, bytes]] = self.server.received  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append((self.headers["Authorization"], body))
        self.send_response(200)
        self.send_header("Content-Length", "2")  # without it Synapse takes the answer as cut off, and pushes again
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def pushed(synapse: SynapseServer) -> Iterator[list[tuple[str | None, bytes]]]:
    """What the homeserver pushed, with the header that proves that it was it."""
    with ThreadingHTTPServer(("127.0.0.1", synapse.app_service.port), _Receiver) as server:
        received: list[tuple[str | None, bytes]] = []
        server.received = received  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield received
        server.shutdown()
        thread.join()


def test_matrix_pushes_what_a_person_writes(synapse: SynapseServer, pushed: list[tuple[str | None, bytes]]) -> None:
    person = synapse.register("alice")
    room = person.create_room(synapse.bot.user_id)
    synapse.bot.join(room)
    person.write(room, "is anybody there?")
    deadline = time.monotonic() + 15
    while not any(b"is anybody there?" in body for _, body in pushed) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert any(b"is anybody there?" in body for _, body in pushed)
    assert {header for header, _ in pushed} == {f"Bearer {synapse.app_service.hs_token}"}


def test_matrix_keeps_rooms_over_a_restart(synapse: SynapseServer) -> None:
    person = synapse.register("bob")
    room = person.create_room()
    person.write(room, "before")
    synapse.restart()
    person.write(room, "after")
    assert [person.wait_for_text(room, text)["content"]["body"] for text in ("before", "after")] == ["before", "after"]


def test_a_tight_matrix_server_slows_people_down(tight_synapse: SynapseServer) -> None:
    person = tight_synapse.register("carol")
    room = person.create_room()
    with pytest.raises(httpx.HTTPStatusError, match="429") as refused:
        write_many(person, room)
    assert refused.value.response.json()["errcode"] == "M_LIMIT_EXCEEDED"


def write_many(person: Person, room: str) -> None:
    for number in range(10):
        person.write(room, str(number))


def test_the_browser_runs_scripts(page: Page) -> None:
    page.set_content("<p id=here></p><script>document.getElementById('here').textContent = 6 * 7</script>")
    assert page.text_content("#here") == "42"


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_missing_server_skips_or_fails(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setitem(presence._FINDERS, Server.REDIS, lambda: None)  # noqa: SLF001 - pretends a bare machine
    monkeypatch.setenv(REQUIRE_VARIABLE, required)
    with pytest.raises(outcome, match=f"{MISSING}redis"):
        require(Server.REDIS)


def test_every_server_can_be_looked_for() -> None:
    assert set(presence._FINDERS) == set(Server)  # noqa: SLF001 - the table must stay complete
