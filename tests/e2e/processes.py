"""The demo's real processes, as tests drive them: every role is a process of its own that may be killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.bench.servers.process import ServerProcess
from app.cli import playground
from app.http import Http
from tests.servers.children import children

__all__ = ["Combination", "People", "eventually", "running_demo"]


def eventually(check: Callable[[], Any], *, within: float = 30.0, what: str = "it") -> Any:
    """Return the first true value of ``check``; fail when none comes in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {within} s")


@dataclass(frozen=True)
class Combination:
    """What a demo stands on: the kind of its database, its settings, and its broker if that is not the embedded one."""

    database: str
    settings: Mapping[str, str] = field(default_factory=dict)
    broker: ServerProcess | None = None


class People:
    """The customer and the agent of the demo's page, and who pulls plugs."""

    def __init__(self, found: playground.Demo) -> None:
        self.demo = found
        self.page = found.page
        self.http = Http(call_timeout=10.0)

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, self.page + path, json=body)
        assert answer.status < 400, answer.text
        return answer.json() if answer.body else None

    def say(self, text: str, conversation: str = "dana") -> None:
        body = {"account": "demo", "conversation": conversation, "name": conversation, "text": text}
        self.call("POST", "/_sim/loopback/say", body)

    def customer_sees(self, conversation: str = "dana") -> list[str]:
        seen = self.call("GET", f"/_sim/loopback/conversations/{conversation}/messages?account=demo")
        return [one["text"] for one in seen if not one["mine"]]

    def threads(self) -> dict[str, str]:
        """Thread ids by the customer's name."""
        return {one["contactName"]: one["id"] for one in self.call("GET", "/_sim/threads")}

    def agent_sees(self, thread: str) -> list[Any]:
        return list(self.call("GET", f"/_sim/threads/{thread}/messages"))

    def arrived_in(self, thread: str) -> list[str]:
        """What customers wrote, in the order in which HubSpot got it."""
        found = [one for one in self.agent_sees(thread) if one["direction"] == "INCOMING"]
        return [one["text"] for one in sorted(found, key=lambda one: one["receivedAt"])]

    def inbox(self, direction: str = "INCOMING") -> list[Any]:
        """Every message of every thread, as they came."""
        found = [one for thread in self.threads().values() for one in self.agent_sees(thread)]
        return sorted((one for one in found if one["direction"] == direction), key=lambda one: one["receivedAt"])

    def reply(self, thread: str, text: str) -> str:
        return str(self.call("POST", f"/_sim/threads/{thread}/reply", {"text": text})["id"])

    def wait_for_webhooks(self) -> None:
        """Wait until the relay has taken what HubSpot tells: two webhooks at once may overtake each other."""
        eventually(lambda: self.call("GET", "/_sim/deliveries?api=hubspot")["pending"] == 0, what="HubSpot's webhooks")

    def fault(self, api: str, fault: dict[str, Any], **more: object) -> None:
        self.call("POST", "/_sim/faults", {"api": api, "fault": fault, **more})

    def kill(self, role: str) -> int:
        """Send kill -9 to a role and its children. Returns the process id that it had."""
        found = next(one for one in self.demo.machine.supervisor.roles if one.name == role)
        pid = found.pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        return pid

    def kill_embedded_broker(self) -> None:
        """Send kill -9 to the broker that the demo brought along; its supervisor starts it again."""
        port = str(urlsplit(self.demo.machine.settings.broker_url).port)
        broker = next(pid for pid in children() if port in Path(f"/proc/{pid}/cmdline").read_text())
        os.kill(broker, signal.SIGKILL)


@contextmanager
def running_demo(environment: pytest.MonkeyPatch, **settings: str) -> Iterator[People]:
    """Run the demo with these settings, restarting what dies."""
    for name, value in settings.items():
        environment.setenv(f"RELAY_{name.upper()}", value)
    before = dict(os.environ)
    try:
        with playground.running(anywhere=True) as found:
            stop = threading.Event()

            def look_after() -> None:
                while not stop.wait(0.1):
                    found.machine.supervisor.look_after()

            supervisor = threading.Thread(target=look_after)
            supervisor.start()
            people = People(found)
            try:
                yield people
            finally:
                stop.set()
                supervisor.join()
                people.http.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
