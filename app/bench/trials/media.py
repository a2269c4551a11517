"""Files of a hundred megabytes, one each way, while customers write in other lanes."""

from __future__ import annotations

import hashlib
import hmac
import json
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from typing_extensions import override

from app.bench import cluster, scene
from app.bench.cluster import Cluster, Shape
from app.bench.report import Bar, Figure, Report, count
from app.bench.scene import CHANNEL
from app.bench.trials import watch, weather
from app.bench.trials.customers import Customers, said, service_id
from app.bench.trials.memory import resident
from app.bench.trials.trial import Options, Trial
from app.connectors.loopback import SIGNATURE_HEADER
from app.http import Http
from app.simulator.hubspot.signature import sign_v3
from app.storage.tables import attempts, messages

_SIZE: Final = 100_000_000
#: The media process may grow by so much (MB), and others' texts may take so many times as long.
_GROWTH: Final = 64.0
_RATIO: Final = 1.5
#: A text every so many seconds, in as many lanes; measured for so long (seconds) before the files come.
_EVERY: Final = 0.1
_LANES: Final = 20
_ALONE: Final = 15
_PATIENCE: Final = 240.0
_PIECE: Final = 262_144
_MEGABYTE: Final = 1_000_000
_BIG: Final = "big"
_SHAPE: Final = Shape(workers=1)
_SETTINGS: Final = {
    "media_limit": str(2 * _SIZE),
    "call_timeout": "90",
    "lease": "200",
    "hubspot_rate": str(weather.UNLIMITED),
}


class _Files(ThreadingHTTPServer):
    """Both sides' file host: gives out so many bytes of a document, whatever it is asked for."""

    daemon_threads = True

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[_Files]:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Give out the file; each address begins otherwise, so that no two are the same."""
        assert isinstance(self.server, _Files)  # noqa: S101 - nobody else has this handler
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.size))
        self.end_headers()
        head = f"%PDF-1.7 {self.path}\n".encode()
        left = self.server.size
        for piece in (head, *([bytes(_PIECE)] * (left // _PIECE + 1))):
            self.wfile.write(piece[:left])
            left -= min(left, len(piece))

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return


@dataclass
class _Talk:
    """Customers who write without a pause, each text by its service's id with the time at which it was written."""

    cluster: Cluster
    written: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Write until the end of the block."""
        thread = threading.Thread(target=self._run, name="customers")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        customers = Customers(self.cluster.accounts[0], self.cluster.webs)
        number = 0
        while not self._stop.wait(_EVERY):
            words = said(f"c{number % _LANES}", number)
            self.written[service_id(words)] = time.time()
            customers.say([words], in_flight=1)
            number += 1


class _Sides:
    """The two sides of the relay: files are sent from each, and looked for at the other."""

    def __init__(self, found: Cluster, http: Http, files: _Files) -> None:
        self._found = found
        self._http = http
        self._files = files
        self._account = found.accounts[0]

    def send(self, name: str) -> None:
        """Let the customer of a conversation send a file, and an agent another one."""
        self._customer(name)
        self._agent(name)

    def _customer(self, name: str) -> None:
        file = {"kind": "file", "url": f"{self._files.url}/in/{name}", "name": "in.pdf", "mime": "application/pdf"}
        event = {
            "type": "message",
            "id": f"in-{name}",
            "conversation": name,
            "time": datetime.now(UTC).isoformat(),
            "sender": {"id": name, "name": name},
            "text": "in",
            "attachments": [file],
        }
        body = json.dumps({"id": str(uuid.uuid4()), "events": [event]}).encode()
        signed = hmac.new(self._account.secret.encode(), body, hashlib.sha256).hexdigest()
        self._post(f"/webhooks/loopback/{self._account.key}", body, {SIGNATURE_HEADER: signed})

    def _agent(self, name: str) -> None:
        place = {"account": self._account.name, "conversation": name, "name": name}
        scene.ask(self._http, "POST", f"{self._found.page}/_sim/loopback/conversations", place)
        customer = {"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": name}}
        file = {"type": "FILE", "fileId": "1", "url": f"{self._files.url}/out/{name}", "name": "out.pdf"}
        now = round(time.time() * 1000)
        message = {
            "id": f"out-{name}",
            "channelAccountId": self._account.hubspot_id,
            "text": "out",
            "createdAt": now,
            "recipients": [customer],
            "attachments": [file],
        }
        ours = {"portalId": self._account.portal_id, "channelId": CHANNEL, "eventTimestamp": now, "message": message}
        body = json.dumps({"type": "OUTGOING_CHANNEL_MESSAGE_CREATED", **ours}).encode()
        settings, path = self._found.settings, "/webhooks/hubspot"
        secret = settings.hubspot_client_secret.get_secret_value()
        signed = sign_v3(secret, "POST", settings.public_url + path, body=body, timestamp=now)
        self._post(path, body, {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": str(now)})

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        answer = self._http.request("POST", self._found.webs[0] + path, headers=headers, content=body)
        if answer.status >= 300:  # noqa: PLR2004 - every 2xx means that it was taken
            raise scene.SceneError(f"The relay did not take a webhook: {answer.status} {answer.text}")

    def arrived(self, name: str) -> list[int]:
        """Return the sizes of the files that have arrived on either side."""
        query = f"{self._found.page}/_sim/loopback/conversations/{name}/messages?account={self._account.name}"
        theirs = [one for one in scene.ask(self._http, "GET", query) if not one["mine"]]
        found = [*theirs, *(one for one in self._messages() if one["text"] == "in")]
        return [file["size"] for one in found for file in one["attachments"] if file["size"] == self._files.size]

    def _messages(self) -> list[dict[str, Any]]:
        """Return every message of every thread in HubSpot."""
        page = f"{self._found.page}/_sim/threads"
        threads = scene.ask(self._http, "GET", page)
        return [one for thread in threads for one in scene.ask(self._http, "GET", f"{page}/{thread['id']}/messages")]


def run(options: Options) -> Report:
    """Measure texts alone, then while a file goes each way; look at the media process before and after."""
    size = options.scaled(_SIZE, least=1_000_000)
    alone = options.scaled(_ALONE, least=4)
    with (
        cluster.running(
            _SHAPE, database=options.database, broker=options.broker, settings=_SETTINGS, messengers=("loopback",)
        ) as found,
        closing(Http(call_timeout=60.0)) as http,
        _Files(size).serving() as files,
    ):
        watch.workers_up(found)
        scene.ask(http, "PUT", f"{found.page}/_sim/switches", {"file_size_limit": 2 * _SIZE})
        weather.no_limit(found, http)
        sides, talk = _Sides(found, http, files), _Talk(found)
        files.size = _MEGABYTE
        _both(sides, "small")
        files.size = size
        process = _preparing(found)
        before = resident(process)
        with talk.going_on():
            time.sleep(alone)
            began = time.time()
            seconds = _both(sides, _BIG)
            ended = time.time()
        growth = (_peak(process) - before) / _MEGABYTE
        watch.until(lambda: len(_seconds(found, talk, 0, ended)) == len(talk.written), within=_PATIENCE)
        first, then = _seconds(found, talk, 0, began), _seconds(found, talk, began, ended)
        figures = _figures(sides, growth, seconds, first=first, then=then, is_full=options.scale >= 1)
        return Report(f"Large files: {size:,} bytes each way", figures)


def _both(sides: _Sides, name: str) -> float:
    """Send a file each way; return after how many seconds both are there."""
    began = time.monotonic()
    sides.send(name)
    watch.until(lambda: len(sides.arrived(name)) >= 2, within=_PATIENCE, every=0.5)  # noqa: PLR2004 - one each way
    return time.monotonic() - began


def _figures(
    sides: _Sides, growth: float, seconds: float, *, first: list[float], then: list[float], is_full: bool
) -> list[Figure]:
    """Return what was found; a small trial has too few texts to hold a percentile of theirs against a bar."""
    alone, beside = _p95(first), _p95(then)
    return [
        count("files that arrived whole", len(sides.arrived(_BIG)), must_be=2),
        Figure("both were there after", [seconds], "s"),
        Figure("the media process grew by", [growth], "MB", Bar.AT_MOST, _GROWTH),
        count("texts, alone", len(first)),
        Figure("their 95th percentile", [alone * 1000], "ms"),
        count("texts, beside the files", len(then)),
        Figure("their 95th percentile beside the files", [beside * 1000], "ms"),
        Figure("that is", [beside / alone], "x", Bar.AT_MOST if is_full else None, _RATIO),
    ]


def _seconds(found: Cluster, talk: _Talk, since: float, until: float) -> list[float]:
    """Return after how long texts were on their way to HubSpot that were written in this time, of those that were.

    How long HubSpot takes over them is the simulator's business, which reads a hundred megabytes meanwhile.
    """
    query = select(messages.c.service_id, func.min(attempts.c.started_at).label("at")).join_from(messages, attempts)
    with found.services.database.read() as connection:
        rows = connection.execute(query.group_by(messages.c.service_id)).all()
    called = {row.service_id: row.at for row in rows}
    written = [(text, at) for text, at in talk.written.items() if since <= at < until]
    return [called[text] - at for text, at in written if text in called]


def _p95(found: list[float]) -> float:
    return statistics.quantiles(found, n=20)[-1]


def _preparing(found: Cluster) -> int:
    """Return the process that prepares attachments: the child of the media worker's."""
    parent = found.pids()["media 1"]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return max(map(int, children), key=resident)


def _peak(process: int) -> int:
    """Return the most memory that a process ever had for itself, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


TRIAL: Final = Trial("media", "100 MB each way: the media process grows by less than 64 MB, others' texts go on", run)
