"""One webhook post: where it goes, when it is tried again, what came of it."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from app.simulator.faults import Api

# More of an answer is not read.
LONGEST_ANSWER = 65536

Headers = Callable[[int], Mapping[str, str]]


@dataclass(frozen=True)
class RetryPolicy:
    """When to give up on an answer and when to try again.

    `delays` are the seconds before the second, third, ... attempt; the last one repeats while `endless` is set.
    Each is spread by `jitter` (a share) and multiplied by the delivery's time scale. `timeout` is real seconds.
    """

    name: str
    delays: tuple[float, ...]
    timeout: float = 5.0
    jitter: float = 0.2
    endless: bool = False

    def delay_after(self, attempt: int) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 1) failed; None: give up."""
        if attempt <= len(self.delays):
            return self.delays[attempt - 1]
        return self.delays[-1] if self.endless and self.delays else None


# [D] for HubSpot's general webhooks: 5 s, at most 10 retries over 24 h, randomly spread. [U] for custom channels.
HUBSPOT_POLICY = RetryPolicy("hubspot", (10, 30, 60, 180, 600, 1800, 3600, 10800, 25200, 39600))
NO_RETRY = RetryPolicy("none", ())


@dataclass(frozen=True)
class WebhookTarget:
    """Where a webhook goes. Webhooks of one non-empty `order_key` are sent one after the other, in order."""

    url: str
    api: Api
    order_key: str = ""
    policy: RetryPolicy = HUBSPOT_POLICY


@dataclass(frozen=True)
class Attempt:
    """One try. `status` is None when no answer came; `outcome` is done, retry, failed or dropped.

    `answer` is the body that came back, for services that read it.
    """

    delivery: str
    api: str
    url: str
    label: str
    number: int
    at: float
    seconds: float
    status: int | None
    error: str
    outcome: str
    order_key: str = ""
    answer: bytes = b""

    def as_json(self) -> dict[str, Any]:
        """The attempt as a JSON object, without what was answered."""
        return {name: value for name, value in asdict(self).items() if name != "answer"}


class Routes:
    """Where hosts really are: each post to a host goes to the next of its addresses. Thread-safe."""

    def __init__(self) -> None:
        """Every host is where its name says."""
        self._turns: dict[str, itertools.cycle[str]] = {}

    def set(self, routes: Mapping[str, Sequence[str]]) -> None:
        """Send what goes to these hosts (`name:port`) to these addresses (`name:port`), in turn."""
        self._turns = {host: itertools.cycle(addresses) for host, addresses in routes.items() if addresses}

    def next(self, host: str) -> str:
        """The address that has its turn."""
        turn = self._turns.get(host)
        return host if turn is None else next(turn)


def send(
    target: WebhookTarget, body: bytes, headers: Mapping[str, str], *, method: str, routes: Routes | None = None
) -> tuple[int | None, str, bytes]:
    """Post once on a connection of its own; an answer's status, or None and what went wrong, and its body."""
    try:
        address = urlsplit(target.url)
        at = urlsplit(f"//{routes.next(address.netloc) if routes else address.netloc}")
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        with closing(kind(at.hostname or "", at.port, timeout=target.policy.timeout)) as connection:
            sent = {"Content-Type": "application/json", "Host": address.netloc, **headers, "Connection": "close"}
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return response.status, "", response.read(LONGEST_ANSWER)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, type(error).__name__, b""
