"""A real Matrix homeserver with one application service, and people who write from outside of it.

Synapse is run, never imported: it lives in an environment of its own (`.venv-synapse`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx
from typing_extensions import override

from app.bench.servers.process import ServerError, ServerProcess, free_port
from tests.servers.presence import Server, require

SERVER_NAME = "relay.test"
#: The server speaks plain HTTP: reading the authorities' certificates for each call takes longer than the call.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_REGISTRATION_SECRET = "registers-people-in-tests"


@dataclass(frozen=True, slots=True)
class AppService:
    """What both sides of an application service know: the homeserver pushes to ``url``."""

    port: int = field(default_factory=free_port)
    id: str = "relay"
    as_token: str = "as-token-of-the-tests"
    hs_token: str = "hs-token-of-the-tests"
    sender_localpart: str = "relaybot"

    @property
    def url(self) -> str:
        """Where a test's receiver has to listen."""
        return f"http://127.0.0.1:{self.port}"

    def registration(self, *, rate_limited: bool) -> dict[str, object]:
        """The registration file; the relay's puppets are ``@relay_...``."""
        pattern = SERVER_NAME.replace(".", r"\.")
        return {
            "id": self.id,
            "url": self.url,
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "sender_localpart": self.sender_localpart,
            "rate_limited": rate_limited,
            "receive_ephemeral": True,
            "de.sorunome.msc2409.push_ephemeral": True,
            "namespaces": {
                "users": [{"exclusive": True, "regex": f"@relay_.*:{pattern}"}],
                "aliases": [{"exclusive": True, "regex": f"#relay_.*:{pattern}"}],
                "rooms": [],
            },
        }


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account at the homeserver, or a puppet of the application service."""

    server: str
    user_id: str
    access_token: str

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Make a client-server call below ``/_matrix/client/v3``; an error status raises ``httpx.HTTPStatusError``."""
        headers = {"Authorization": f"Bearer {self.access_token}"}
        address = f"{self.server}/_matrix/client/v3{path}"
        answer = httpx.request(method, address, headers=headers, timeout=20, verify=NO_TLS, **options)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def create_room(self, *invite: str, is_direct: bool = True) -> str:
        """Open a room, invite people to it, and return its id."""
        body = {"invite": list(invite), "is_direct": is_direct, "preset": "trusted_private_chat"}
        return str(self.call("POST", "/createRoom", json=body)["room_id"])

    def join(self, room: str) -> None:
        """Accept an invitation."""
        self.call("POST", f"/rooms/{room}/join", json={})

    def leave(self, room: str) -> None:
        """Leave a room."""
        self.call("POST", f"/rooms/{room}/leave", json={})

    def write(self, room: str, text: str) -> str:
        """Send a text and return its event id."""
        return self.send(room, "m.room.message", {"msgtype": "m.text", "body": text})

    def send(self, room: str, kind: str, content: dict[str, object]) -> str:
        """Send any event and return its id."""
        path = f"/rooms/{room}/send/{kind}/{secrets.token_hex(8)}"
        return str(self.call("PUT", path, json=content)["event_id"])

    def upload(self, data: bytes, mime: str, name: str) -> str:
        """Store a file at the homeserver and return its ``mxc://`` address."""
        headers = {"Authorization": f"Bearer {self.access_token}", "Content-Type": mime}
        address = f"{self.server}/_matrix/media/v3/upload"
        answer = httpx.post(
            address, params={"filename": name}, content=data, headers=headers, timeout=20, verify=NO_TLS
        )
        answer.raise_for_status()
        return str(answer.json()["content_uri"])

    def read(self, room: str) -> list[dict[str, Any]]:
        """The last hundred events of a room, oldest first."""
        events: list[dict[str, Any]] = self.call("GET", f"/rooms/{room}/messages?dir=b&limit=100")["chunk"]
        return events[::-1]

    def wait_for_text(self, room: str, text: str, *, seconds: float = 10) -> dict[str, Any]:
        """Return the event that carries this text as soon as it is in the room.

        Raises:
            AssertionError: it did not come in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in self.read(room):
                if event.get("content", {}).get("body") == text:
                    return event
            time.sleep(0.05)
        raise AssertionError(f"nobody wrote {text!r} within {seconds} s")


class SynapseServer(ServerProcess):
    """Matrix Synapse on SQLite; with ``tight`` it limits people and puppets to one message in five seconds after four.

    The application service's own sender is not limited, whatever its registration says.
    """

    patience: ClassVar[float] = 40

    def __init__(self, *, port: int | None = None, tight: bool = False, app_service: AppService | None = None) -> None:
        """Choose ports; skips the test where Synapse is not installed."""
        self._python: Path = require(Server.SYNAPSE)
        super().__init__(port=port)
        self._tight = tight
        self.app_service = app_service or AppService()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [str(self._python), "-m", "synapse.app.homeserver", "-c", str(self.folder / "homeserver.yaml")]

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2, verify=NO_TLS).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def prepare(self) -> None:
        """Write the configuration (JSON is YAML too) and, once, a signing key."""
        self._write("homeserver.yaml", {**self._places(), **self._limits(), **_CONSTANT})
        self._write("registration.yaml", self.app_service.registration(rate_limited=self._tight))
        self._write("log.yaml", _LOGGING)
        key = self.folder / "signing.key"
        if not key.exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            key.write_text(f"ed25519 a_test {seed}\n")

    @property
    def bot(self) -> Person:
        """The application service itself: a room's events are pushed only once somebody of its namespace is in it."""
        service = self.app_service
        return Person(self.url, f"@{service.sender_localpart}:{SERVER_NAME}", service.as_token)

    def register(self, name: str) -> Person:
        """Make an account for somebody outside of the relay."""
        address = f"{self.url}/_synapse/admin/v1/register"
        nonce = httpx.get(address, timeout=20, verify=NO_TLS).json()["nonce"]
        password = secrets.token_hex(8)
        signed = f"{nonce}\0{name}\0{password}\0notadmin".encode()
        mac = hmac.new(_REGISTRATION_SECRET.encode(), signed, hashlib.sha1).hexdigest()
        form = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        answer = httpx.post(address, json=form, timeout=20, verify=NO_TLS)
        if answer.is_error:
            raise ServerError(f"{name} could not be registered: {answer.text}")
        body = answer.json()
        return Person(self.url, body["user_id"], body["access_token"])

    def _write(self, name: str, content: object) -> None:
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")

    def _places(self) -> dict[str, object]:
        listener = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "type": "http",
            "tls": False,
            "resources": [{"names": ["client"], "compress": False}],
        }
        return {
            "listeners": [listener],
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "homeserver.db")}},
            "log_config": str(self.folder / "log.yaml"),
            "media_store_path": str(self.folder / "media"),
            "signing_key_path": str(self.folder / "signing.key"),
            "app_service_config_files": [str(self.folder / "registration.yaml")],
        }

    def _limits(self) -> dict[str, object]:
        """Every limit out of the way, except the messages' where it is to be felt."""
        wide = {"per_second": 10_000, "burst_count": 10_000}
        return {
            "rc_message": {"per_second": 0.2, "burst_count": 4} if self._tight else wide,
            "rc_registration": wide,
            "rc_login": {"address": wide, "account": wide},
            "rc_joins": {"local": wide, "remote": wide},
            "rc_invites": {"per_room": wide, "per_user": wide, "per_issuer": wide},
            "rc_room_creation": wide,
            "rc_media_create": wide,
        }


class ConnectedSynapse(SynapseServer):
    """Synapse with a registration file that is set before it starts."""

    registration = ""

    @override
    def prepare(self) -> None:
        super().prepare()
        (self.folder / "registration.yaml").write_text(self.registration, encoding="utf-8")


_CONSTANT: dict[str, object] = {
    "server_name": SERVER_NAME,
    "registration_shared_secret": _REGISTRATION_SECRET,
    "macaroon_secret_key": "macaroons-of-the-tests",
    "form_secret": "forms-of-the-tests",
    "report_stats": False,
    "trusted_key_servers": [],
    "suppress_key_server_warning": True,
    "federation_domain_whitelist": [],
    "presence": {"enabled": False},
    "url_preview_enabled": False,
    "max_upload_size": "50M",
}

#: Writing every request at INFO would take a noticeable share of a core.
_LOGGING: dict[str, object] = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "disable_existing_loggers": False,
}
