"""A whole relay in one process: real database, real HTTP, the simulator on the other side; threads for workers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import CursorResult, Executable, Table, func, select, update
from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler, make_server

from app import metrics
from app.connectors.loopback import LoopbackConnector, LoopbackCredentials
from app.domain.person import Identifier
from app.http import Http
from app.relay import schedule
from app.relay.attachments.preparing import prepare
from app.relay.drain import drain
from app.relay.services import Services, build, seal_credentials
from app.settings import Settings
from app.simulator import seed
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.server import SimulatorServer
from app.simulator.world import World
from app.storage import accounts, portals, schema
from app.storage.accounts import AccountRow, NewAccount
from app.storage.clock import now
from app.storage.tables import accounts as account_table
from app.storage.tables import (
    actors,
    attempts,
    breakers,
    contacts,
    envelopes,
    heartbeats,
    lanes,
    media,
    messages,
    receipts,
    reconciled,
    stored_media,
)
from app.storage.tables import portals as portal_table
from app.web import create_app

CLIENT_SECRET = "client-secret-of-the-tests"
LOOPBACK_TOKEN = "loopback-token-of-the-tests"
LOOPBACK_SECRET = "loopback-secret-of-the-tests"

#: What the relay waits for.
_TIMES: dict[Table, tuple[str, ...]] = {
    lanes: ("lease", "due", "rung_until", "slot"),
    messages: ("not_before", "deadline_at", "accepted_at", "finished_at"),
    media: ("lease", "due", "rung_until", "created_at", "finished_at"),
    stored_media: ("kept_until",),
    portal_table: ("access_expires_at", "refresh_lease"),
    envelopes: ("received_at",),
    receipts: ("received_at",),
    attempts: ("started_at",),
    breakers: ("opened_at", "probe_at"),
    contacts: ("asked_at",),
    actors: ("fresh_until", "asked_until"),
    reconciled: ("lease", "until", "ran_at", "wanted_at", "wanted_since"),
    heartbeats: ("since", "at"),
    account_table: ("removed_at",),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], *, within: float = 10.0) -> Any:
    """Return the first true value of ``check``; fail when none comes in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"nothing came within {within} s")


def hubspot_headers(url: str, body: bytes, *, age: float = 0.0, secret: str = CLIENT_SECRET) -> dict[str, str]:
    """Sign as HubSpot does; ``url`` holds none of the sequences that it decodes."""
    timestamp = str(round((time.time() - age) * 1000))
    text = b"POST" + url.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {
        "X-HubSpot-Signature-v3": signature,
        "X-HubSpot-Request-Timestamp": timestamp,
        "Content-Type": "application/json",
    }


def outgoing(text: str | None = "Hello Dana", message_id: str = "msg-1", **changes: Any) -> dict[str, Any]:
    """An agent's message as HubSpot tells of it; ``changes`` replace fields of the message."""
    message = {
        "id": message_id,
        "channelAccountId": seed.LOOPBACK_ACCOUNT_ID,
        "conversationsThreadId": "77",
        "createdAt": "2026-09-14T08:15:30.120Z",
        "text": text,
        "recipients": [{"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "c1"}}],
        **changes,
    }
    return {
        "type": "OUTGOING_CHANNEL_MESSAGE_CREATED",
        "portalId": int(seed.PORTAL_ID),
        "channelId": seed.CHANNEL_ID,
        "eventTimestamp": "2026-09-14T08:15:30.120Z",
        "channelIntegrationThreadIds": [],
        "message": {name: value for name, value in message.items() if value is not None},
    }


def incoming(text: str | None = "Hello?", message_id: str = "m-1", **changes: Any) -> dict[str, Any]:
    """A customer's message as the loopback service tells of it."""
    event = {
        "type": "message",
        "id": message_id,
        "conversation": "c1",
        "time": "2026-09-14T08:15:30.120Z",
        "sender": {"id": "u1", "name": "Dana"},
        "text": text,
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


class RelayWorld:
    """The relay under test, with HubSpot's portal and one loopback account connected."""

    def __init__(self, services: Services, simulator: SimulatorServer, account: AccountRow) -> None:
        self.services = services
        self.simulator = simulator
        self.world: World = simulator.world
        self.account = account
        self.http = Http(call_timeout=5.0)

    @property
    def page(self) -> str:
        return self.simulator.url

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, self.page + path, json=body)
        assert answer.status < 400, answer.text
        return answer.json() if answer.body else None

    def say(self, text: str, conversation: str = "c1", **more: object) -> Any:
        body = {"account": "demo", "conversation": conversation, "name": "Dana", "text": text, **more}
        return self.call("POST", "/_sim/loopback/say", body)

    def customer_sees(self, conversation: str = "c1") -> list[Any]:
        return list(self.call("GET", f"/_sim/loopback/conversations/{conversation}/messages?account=demo"))

    def fault(self, api: Api, kind: FaultKind, *, path: str = "", times: int | None = 1, **details: Any) -> None:
        """Let the next calls of the other side's API go wrong."""
        rule = FaultRule(api=api, path=path, times=times, fault=Fault(kind=kind, **details))
        self.world.faults.add(rule)

    def lose_webhooks(self, share: float = 1.0) -> None:
        """Let a share of HubSpot's webhooks be lost for good, until the faults are cleared."""
        fault = Fault(kind=FaultKind.DROP)
        self.world.faults.add(FaultRule(api=Api.HUBSPOT, path="/webhooks/hubspot", probability=share, fault=fault))

    def settle(self, *, within: float = 30.0) -> None:
        """Work in this thread until nothing is due and no webhook is on its way."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            pending = self.world.delivery.pending()
            if not self.work_once() and not pending and not self.world.delivery.pending():
                return
        raise AssertionError(f"there is still work after {within} s")

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Ask the receiver exactly this; the path goes onto the wire as it is. Returns status, headers and body."""
        public = urlsplit(self.services.settings.public_url)
        connection = http.client.HTTPConnection(public.hostname or "", public.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def signed(self, body: bytes, *, path: str = "/webhooks/hubspot", age: float = 0.0) -> dict[str, str]:
        """The headers of a request of HubSpot's, signed ``age`` seconds ago."""
        return hubspot_headers(self.services.settings.public_url + path, body, age=age)

    def from_hubspot(self, event: object, **changes: Any) -> int:
        """Send a rightly signed event. Returns the status of the answer."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return self.ask("POST", "/webhooks/hubspot", body, self.signed(body, **changes))[0]

    @property
    def webhook(self) -> str:
        """The path of the loopback account's webhook."""
        return f"/webhooks/loopback/{self.account.key}"

    def from_loopback(self, body: object) -> int:
        """Send a rightly signed delivery of the service's. Returns the status of the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = hmac.new(LOOPBACK_SECRET.encode(), content, hashlib.sha256).hexdigest()
        return self.ask("POST", self.webhook, content, {"X-Loopback-Signature": signature})[0]

    def count(self, table: Table) -> int:
        """How many rows there are."""
        with self.services.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def wait_for_webhooks(self) -> None:
        """Wait until the receiver has taken everything; nothing is drained."""
        eventually(lambda: not self.world.delivery.pending())

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass: everything that the database waits for comes nearer."""
        with self.services.database.write() as connection:
            for table, names in _TIMES.items():
                values = {name: table.c[name] - seconds for name in names}
                connection.execute(update(table).values(**values))

    def row(self, message_id: int | None = None) -> Any:
        """The stored message, or the only one there is."""
        query = select(messages) if message_id is None else select(messages).where(messages.c.id == message_id)
        with self.services.database.read() as connection:
            return connection.execute(query).one()

    def rows(self, direction: str = "inbound") -> list[Any]:
        """Stored messages of one direction, as they came."""
        query = select(messages).where(messages.c.direction == direction, messages.c.kind != "control")
        with self.services.database.read() as connection:
            return list(connection.execute(query.order_by(messages.c.id)))

    def account_now(self) -> AccountRow:
        """The account as it stands."""
        with self.services.database.read() as connection:
            row = accounts.get(connection, self.account.id)
        assert row is not None
        return row

    def execute(self, statement: Executable) -> CursorResult[Any]:
        """Change something behind the relay's back."""
        with self.services.database.write() as connection:
            return connection.execute(statement)

    def texts(self) -> list[str]:
        """What the agent reads, in the order of arrival."""
        return [one["text"] for one in sorted(self.inbox(), key=lambda one: one["receivedAt"])]

    def heard(self, conversation: str = "c1") -> list[str]:
        """What the customer reads from us."""
        return [one["text"] for one in self.customer_sees(conversation) if not one["mine"]]

    def conversation(self) -> str:
        """A conversation with one message of the customer's. Returns HubSpot's thread id."""
        self.say("Hello?")
        self.settle()
        return str(self.threads()[0]["id"])

    def answered(self, text: str = "Hello Dana") -> str:
        """A conversation that an agent answered. Returns HubSpot's id of the answer."""
        answer = self.reply(self.conversation(), text)
        self.settle()
        return answer

    def report(self, status: str, reason: str | None = None) -> None:
        """Let the service report about our latest message."""
        ours = [one for one in self.customer_sees() if not one["mine"]][-1]
        body = {"account": "demo", "message": ours["id"], "status": status, "reason": reason}
        self.call("POST", "/_sim/loopback/receipt", body)
        self.wait_for_webhooks()

    def threads(self) -> list[Any]:
        return list(self.call("GET", "/_sim/threads"))

    def agent_sees(self, thread: str) -> list[Any]:
        return list(self.call("GET", f"/_sim/threads/{thread}/messages"))

    def inbox(self) -> list[Any]:
        """Every message of every thread."""
        return [message for thread in self.threads() for message in self.agent_sees(thread["id"])]

    def reply(self, thread: str, text: str, **more: object) -> str:
        return str(self.call("POST", f"/_sim/threads/{thread}/reply", {"text": text, **more})["id"])

    def status_of(self, message_id: str) -> tuple[str, str]:
        for message in self.inbox():
            if message["id"] == message_id:
                return message["statusType"], message["failure"] or ""
        return "", ""

    def patches_of(self, message_id: str) -> int:
        return next(
            (
                len(one["statusPatches"]) if isinstance(one["statusPatches"], list) else one["statusPatches"]
                for one in self.inbox()
                if one["id"] == message_id
            ),
            0,
        )

    def work_once(self) -> int:
        """Do everything that is due now, in this thread. Returns how many things there were."""
        schedule.look(self.services)
        with self.services.database.read() as connection:
            jobs = list(connection.execute(select(media.c.id).where(media.c.due <= now())).scalars())
            ids = list(
                connection.execute(select(lanes.c.id).where(lanes.c.due <= now()).order_by(lanes.c.due)).scalars()
            )
        done = sum(prepare(self.services, one) for one in jobs)
        return done + sum(drain(self.services, one) for one in ids)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work in the background."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def loop() -> None:
            try:
                while not stop.is_set():
                    if not self.work_once():
                        stop.wait(0.01)
            except BaseException as error:  # noqa: BLE001 - shown by the test
                failures.append(error)

        worker = threading.Thread(target=loop)
        worker.start()
        try:
            yield
        finally:
            stop.set()
            worker.join()
        if failures:
            raise failures[0]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    @override
    def log(self, type: str, message: str, *args: Any) -> None:
        return


def basic_settings(folder: Path, *, port: int = 1, **more: Any) -> Settings:
    """What a relay on loopback needs, before a simulator is there."""
    values = {
        "environment": "test",
        "data_dir": folder,
        "broker_url": "memory://",
        "public_url": f"http://127.0.0.1:{port}",
        "secret_keys": ("a key of the tests",),
        "hubspot_client_secret": CLIENT_SECRET,
        "hubspot_developer_api_key": "developer-key-of-the-tests",
        "allowed_private_hosts": ("127.0.0.1",),
        "conversion_seconds": 300,  # a machine that tests many things at once may take its time
        "_env_file": None,
    }
    return Settings(**{**values, **more})


@contextmanager
def running_simulator(basis: Settings, shared: SimulatorServer | None) -> Iterator[SimulatorServer]:
    """Give the shared simulator, emptied afterwards, or one that lives for this block."""
    if shared is None:
        with SimulatorServer(basis) as own:
            yield own
    else:
        yield shared
        shared.world.reset()


@contextmanager
def relay_world(
    folder: Path,
    environment: pytest.MonkeyPatch,
    database_url: str = "",
    *,
    shared: SimulatorServer | None = None,
    migrated: bool = False,
    **overrides: object,
) -> Iterator[RelayWorld]:
    """Run simulator (or take a shared one) and receiver, with everything connected; no worker runs yet."""
    port = free_port()
    basis = basic_settings(folder, port=port, database_url=database_url)
    with running_simulator(basis, shared) as simulator:
        environment.setenv("RELAY_LOOPBACK_API_URL", f"{simulator.url}/loopback")
        environment.setenv("RELAY_TELEGRAM_API_URL", f"{simulator.url}/telegram")
        settings = basis.model_copy(
            update={
                "hubspot_api_url": simulator.url,
                "hubspot_app_id": seed.APP_ID,
                "hubspot_client_id": seed.CLIENT_ID,
            }
            | overrides
        )
        services = build(settings)
        if not migrated:
            schema.upgrade(services.database)
        metrics.SIGNATURE_REFUSED_AT.set(0)  # what other tests of this process have refused is none of its business
        web = make_server("127.0.0.1", port, create_app(settings, services), threaded=True, request_handler=_Quiet)
        web.daemon_threads = True  # type: ignore[attr-defined]  # of the threaded one
        thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield RelayWorld(services, simulator, _connect(services, simulator))
        finally:
            web.shutdown()
            thread.join()
            web.server_close()
            services.close()


def _connect(services: Services, simulator: SimulatorServer) -> AccountRow:
    seed.seed(simulator.world, services.settings, services.settings.public_url)
    connector = LoopbackConnector()
    credentials = LoopbackCredentials(token=LOOPBACK_TOKEN, secret=LOOPBACK_SECRET)
    http = services.http
    http.request(
        "POST",
        f"{simulator.url}/_sim/loopback/accounts",
        json={"token": LOOPBACK_TOKEN, "id": "demo", "auto_receipts": False},
    )
    with services.database.write() as connection:
        portals.add(connection, int(seed.PORTAL_ID), name="Test", refresh_token=services.vault.seal(seed.REFRESH_TOKEN))
        row = accounts.add(
            connection,
            NewAccount(
                connector="loopback",
                portal_id=int(seed.PORTAL_ID),
                channel_id=seed.CHANNEL_ID,
                hubspot_id=seed.LOOPBACK_ACCOUNT_ID,
                name="Loopback",
                identifier=Identifier(value="loopback-demo"),
                credentials=seal_credentials(services.vault, credentials),
            ),
        )
    account = services.opened(row)
    connector.register_webhook(account, f"{services.settings.public_url}/webhooks/loopback/{row.key}", http)
    return row
