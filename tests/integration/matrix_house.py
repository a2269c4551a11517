"""A real homeserver with the connector's own registration file, and a receiver that it pushes to."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from pydantic import SecretStr
from typing_extensions import override

from app.connectors.matrix import MatrixConnector, MatrixCredentials, registration
from app.domain.account import Account
from app.domain.message import Event, Message, Notice, NoticeKind
from app.domain.part import Part, PartContent
from app.domain.webhook import Answer, RawRequest
from app.errors import SignatureInvalid
from app.http import Http
from tests.app.connectors.matrix_samples import account
from tests.servers.synapse import SERVER_NAME, AppService, Person, SynapseServer

CONNECTOR = MatrixConnector()
PATH = "/webhooks/matrix/key"


class Receiver:
    """The relay's address as the homeserver sees it: verifies and parses what comes, and keeps it."""

    def __init__(self, port: int, account: Account) -> None:
        self.account = account
        self.events: list[Event] = []
        self.keys: list[str | None] = []
        self.questions: list[str] = []
        self.outages = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def receive(self, raw: RawRequest) -> Answer:
        """Do with a request what the relay's receiver does."""
        try:
            CONNECTOR.verify(raw, self.account.credentials)
        except SignatureInvalid:
            return Answer(status=401)
        if answer := CONNECTOR.handshake(raw, self.account):
            self.questions.append(raw.path)
            return answer
        self.keys.append(CONNECTOR.dedupe_key(raw, self.account))
        if self.outages:
            self.outages -= 1
            return Answer(status=503)
        self.events += CONNECTOR.parse(raw, self.account)
        return CONNECTOR.answer(raw)

    def wait_for(self, wanted: Callable[[Event], bool], *, seconds: float = 15) -> Event:
        """Return the first event of that kind as soon as it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in list(self.events):
                if wanted(event):
                    return event
            time.sleep(0.02)
        raise AssertionError(f"did not come within {seconds} s; came: {self.events}")

    def wait_for_text(self, room: str, text: str) -> Message:
        """Return the message with this text."""
        found = self.wait_for(
            lambda event: isinstance(event, Message) and (event.conversation, event.content.text) == (room, text)
        )
        assert isinstance(found, Message)
        return found

    def wait_for_notice(self, room: str, kind: NoticeKind) -> Notice:
        """Return the notice of that kind about a room."""
        found = self.wait_for(
            lambda event: isinstance(event, Notice) and (event.conversation, event.kind) == (room, kind)
        )
        assert isinstance(found, Notice)
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(_Handler):
            owner = receiver

        return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Receiver

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        raw = RawRequest(
            method=self.command,
            url=f"http://127.0.0.1{self.path}",
            path=unquote(path.removeprefix(PATH)),
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer = self.owner.receive(raw)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body.encode())))
        self.end_headers()
        self.wfile.write(answer.body.encode())

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - names of http.server

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _RegisteredSynapse(SynapseServer):
    """Synapse with the registration file that the connector writes."""

    @override
    def prepare(self) -> None:
        super().prepare()
        text = registration(account_at(self), f"{self.app_service.url}{PATH}")
        (self.folder / "registration.yaml").write_text(text, encoding="utf-8")


def account_at(server: SynapseServer, *, speaker: str | None = None) -> Account:
    """Return an account of that homeserver."""
    service = server.app_service
    credentials = MatrixCredentials(
        homeserver_url=server.url,
        server_name=SERVER_NAME,
        sender_localpart=speaker or service.sender_localpart,
        as_token=SecretStr(service.as_token),
        hs_token=SecretStr(service.hs_token),
    )
    return account(credentials)


@dataclass(frozen=True)
class House:
    """A homeserver, its account and the receiver that it pushes to."""

    server: SynapseServer
    receiver: Receiver
    account: Account
    http: Http

    @property
    def bot(self) -> str:
        return self.account.identifier.value

    def customer(self) -> Person:
        """Return a new customer."""
        return self.server.register(f"customer-{secrets.token_hex(4)}")

    def open(self, customer: Person) -> str:
        """Let a customer invite the relay, accept, and return the room."""
        room = customer.create_room(self.bot)
        self.receiver.wait_for_notice(room, NoticeKind.OPTED_IN)
        CONNECTOR.join(room, self.account, self.http)
        return room

    def send(self, room: str, text: str, *, key: str | None = None, reply_to: str | None = None) -> str:
        """Send a text and return its id."""
        part = Part(
            conversation=room, content=PartContent(text=text, reply_to=reply_to), key=key or secrets.token_hex(8)
        )
        (event_id,) = CONNECTOR.send(part, self.account, self.http).ids
        return event_id


@contextmanager
def matrix_house() -> Iterator[House]:
    """Run a homeserver, its account and the receiver that it pushes to."""
    http = Http(allowed_private_hosts=("127.0.0.1",), call_timeout=20)
    server = _RegisteredSynapse(app_service=AppService())
    account = account_at(server)
    try:
        with Receiver(server.app_service.port, account) as receiver, server:
            yield House(server, receiver, account, http)
    finally:
        http.close()
