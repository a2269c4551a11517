"""A relay whose simulator runs in this process, so that every call to it is seen with its time and its answer.

For trials that make few calls: the simulator shares this process with whoever watches it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler, make_server

from app.bench import cluster, scene
from app.bench.cluster import Cluster, Shape
from app.bench.load import Words
from app.bench.scene import CHANNEL, Connected
from app.bench.servers.process import free_port
from app.bench.trials.trial import Options
from app.http import Http
from app.settings import Settings
from app.simulator import seed
from app.simulator.application import create_simulator
from app.simulator.loopback.messenger import loopback_of
from app.simulator.world import World

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True)
class Call:
    """One call of the relay to HubSpot. ``at``: when it came, seconds since 1970."""

    at: float
    method: str
    path: str
    status: int

    @property
    def is_refresh(self) -> bool:
        """Whether it asked for a new access token."""
        return self.path.startswith("/oauth/")


class Observed:
    """The simulator, and the calls that came to HubSpot's addresses."""

    def __init__(self, settings: Settings) -> None:
        """Prepare a world on a free port."""
        self.world = World()
        self.calls: list[Call] = []
        app = create_simulator(settings, world=self.world)
        watched = self._writing_down(app.wsgi_app)
        self._server = make_server("127.0.0.1", free_port(), watched, threaded=True, request_handler=_QuietHandler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.page = self.world.base_url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.world.close()
            self._server.shutdown()
            thread.join()

    def open(self, words: Iterable[Words]) -> None:
        """Let these customers be known at the first Loopback account, so that they can be answered."""
        messenger = loopback_of(self.world)
        account = next(iter(messenger.accounts.values()))
        for conversation in dict.fromkeys(one.conversation for one in words):
            messenger.converse(account, conversation)

    def _writing_down(self, inner: WSGIApplication) -> WSGIApplication:
        def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            at, method, path = time.time(), environ["REQUEST_METHOD"], environ["PATH_INFO"]

            def start(status: str, *more: Any) -> Any:
                if not path.startswith(("/_sim", "/loopback", "/telegram")):
                    self.calls.append(Call(at, method, path, int(status[:3])))
                return start_response(status, *more)

            return inner(environ, start)

        return outer


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections, and writes no access log."""

    protocol_version = "HTTP/1.1"

    @override
    def log(self, type: str, message: str, *args: Any) -> None:
        return


@contextmanager
def observing(options: Options, shape: Shape, settings: Mapping[str, str]) -> Iterator[tuple[Cluster, Observed]]:
    """Run a relay with one Loopback account against an observed simulator."""
    client = {"hubspot_app_id": "3001", "hubspot_client_id": "trial", "hubspot_client_secret": secrets.token_hex(16)}
    observed = Observed(Settings.model_validate({"environment": "demo", **client}))
    more = {**client, **settings, "hubspot_api_url": observed.page, "hubspot_app_url": observed.page}
    with (
        observed.serving(),
        cluster.running(
            shape,
            database=options.database,
            broker=options.broker,
            settings=more,
            simulator=False,
            messengers=("loopback",),
        ) as found,
        closing(Http(call_timeout=10.0)) as http,
    ):
        _furnish(observed, found, http)
        yield found, observed


def _furnish(observed: Observed, found: Cluster, http: Http) -> None:
    """Put into the simulator's world what the relay's tables say that there is."""
    at = f"{observed.page}/_sim"
    scene.ask(http, "POST", f"{at}/seed", {"relayUrl": found.settings.public_url})
    for one in found.accounts:
        portal = {"id": str(one.portal_id), "refreshToken": f"refresh-{one.portal_id}"}
        scene.ask(http, "POST", f"{at}/portals", portal)
        scene.ask(http, "POST", f"{at}/loopback/accounts", {"token": one.token, "id": one.name, "name": one.name})
        scene.ask(http, "POST", f"{at}/channel-accounts", _account(one))


def _account(one: Connected) -> dict[str, object]:
    identifier = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": one.name}
    place = {"portal": str(one.portal_id), "channel": CHANNEL, "inbox": seed.INBOX_ID}
    return {"id": one.hubspot_id, "name": one.name, "identifier": identifier, **place}
