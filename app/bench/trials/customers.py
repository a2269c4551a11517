"""Customers of one Loopback account: what they write goes to the relay as signed webhooks, until it is taken."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

from app.bench.failure import BenchFailed
from app.bench.load import Side, Words
from app.bench.scene import Connected
from app.connectors.loopback import SIGNATURE_HEADER
from app.errors import RelayError
from app.http import Http

#: A webhook that was not taken comes again after this (seconds).
_AGAIN = 0.1
#: A web that was killed with the request in its hands does not answer: the service waits no longer (seconds).
_TIMEOUT = 5.0
#: Seconds until a webhook is given up.
_PATIENCE = 60.0
_OK = range(200, 300)


def said(conversation: str, number: int = 0) -> Words:
    """Return a customer's words."""
    return Words(conversation, Side.CUSTOMER, number)


def service_id(words: Words) -> str:
    """Return the service's id of a message."""
    return f"in-{words.conversation}-{words.number}"


class NotTaken(BenchFailed):
    """The relay did not take a webhook within a minute."""


class Customers:
    """Speak for everybody who writes to one account, from many threads at once."""

    def __init__(self, account: Connected, webs: Sequence[str]) -> None:
        """Remember where webhooks go: to each web in turn."""
        self._account = account
        self._webs = itertools.cycle(webs)
        self._born = datetime.now(UTC).timestamp()
        self._ticks = itertools.count()
        self._lock = threading.Lock()

    def say(self, words: Iterable[Words], *, in_flight: int = 32, together: int = 1) -> int:
        """Send each as a message of its own conversation; return how many webhooks had to be repeated.

        ``in_flight`` webhooks are on their way at once, each with so many messages ``together``. The messages' own
        times rise in the order given.

        Raises:
            NotTaken: one was not taken within a minute.
        """
        with closing(Http(call_timeout=_TIMEOUT)) as http, ThreadPoolExecutor(in_flight) as pool:
            bodies = _batches((self._event(one) for one in words), together)
            return sum(pool.map(lambda events: self._post(http, events), bodies))

    def _event(self, words: Words) -> dict[str, object]:
        moment = datetime.fromtimestamp(self._born + next(self._ticks) / 1000, UTC)
        return {
            "type": "message",
            "id": service_id(words),
            "conversation": words.conversation,
            "time": moment.isoformat(timespec="milliseconds"),
            "sender": {"id": f"u-{words.conversation}", "name": words.conversation},
            "text": str(words),
        }

    def _post(self, http: Http, events: Sequence[dict[str, object]]) -> int:
        """Send one webhook until it is taken; return how often it was repeated."""
        body = json.dumps({"id": str(uuid.uuid4()), "events": events}).encode()
        signed = hmac.new(self._account.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {SIGNATURE_HEADER: signed, "Content-Type": "application/json"}
        repeated, deadline = 0, time.monotonic() + _PATIENCE
        while why := _refused(http, self._address(), headers, body):
            if time.monotonic() > deadline:
                raise NotTaken(f"The relay did not take a webhook within a minute: {why}")
            time.sleep(_AGAIN)
            repeated += 1
        return repeated

    def _address(self) -> str:
        with self._lock:
            return self._account.webhook(next(self._webs))


def _refused(http: Http, url: str, headers: dict[str, str], body: bytes) -> str:
    """Send a webhook once. Returns why it was not taken, empty where it was."""
    try:
        answer = http.request("POST", url, headers=headers, content=body)
    except RelayError as error:
        return str(error)
    return "" if answer.status in _OK else f"{answer.status} {answer.text}"


def _batches(events: Iterator[dict[str, object]], size: int) -> Iterator[list[dict[str, object]]]:
    while batch := list(itertools.islice(events, size)):
        yield batch
