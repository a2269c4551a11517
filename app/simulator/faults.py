"""Faults on demand: what real APIs do on a bad day, switched on by rule.

A rule says which calls are hit (API, verb, path, how many to spare first, how often, with what probability) and what
happens to them. Request kinds are applied by `guard` around a blueprint; effect kinds are drawn by the handler that has
the effect, webhook kinds by the delivery.
"""

from __future__ import annotations

import os
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ConfigDict, Field, field_validator

# SO_LINGER on with zero seconds: closing sends a reset instead of an orderly end.
LINGER_RESET = struct.pack("ii", 1, 0)

HTML_PAGE = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


class Api(StrEnum):
    """The simulated APIs."""

    HUBSPOT = "hubspot"
    TELEGRAM = "telegram"
    LOOPBACK = "loopback"


class FaultKind(StrEnum):
    """What happens to a call; the second group to what a call left behind, the last to webhooks of the simulator."""

    SLOW = "slow"
    STATUS = "status"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    DRIP = "drip"

    FORGET = "forget"

    DUPLICATE = "duplicate"
    DELAY = "delay"
    DROP = "drop"
    REORDER = "reorder"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - the name of a fault
    STALE_TIMESTAMP = "stale_timestamp"
    FUTURE_TIMESTAMP = "future_timestamp"
    NO_SIGNATURE = "no_signature"
    REENCODED_BODY = "reencoded_body"


ROUTE_KINDS = frozenset({FaultKind.DUPLICATE, FaultKind.DELAY, FaultKind.DROP, FaultKind.REORDER})
SIGNATURE_KINDS = frozenset(
    {
        FaultKind.WRONG_SECRET,
        FaultKind.STALE_TIMESTAMP,
        FaultKind.FUTURE_TIMESTAMP,
        FaultKind.NO_SIGNATURE,
        FaultKind.REENCODED_BODY,
    }
)
EFFECT_KINDS = frozenset({FaultKind.FORGET})
REQUEST_KINDS = frozenset(FaultKind) - EFFECT_KINDS - ROUTE_KINDS - SIGNATURE_KINDS


class Fault(BaseModel):
    """One kind of trouble.

    `seconds` is the pause of `slow` and `delay` and the time between two bytes of `drip`; `slow` adds a random share of
    `spread`. `retry_after` becomes the header of that name; `status` and `body` are what `status` and `html` answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    status: int = Field(500, ge=400, le=599)
    retry_after: int | None = Field(None, ge=0)
    seconds: float = Field(0.5, ge=0)
    spread: float = Field(0, ge=0)
    body: str | None = None


class FaultRule(BaseModel):
    """Which calls a fault hits: the first `skip` matching ones are spared, then `times` are hit (None: all).

    `containing`: only calls whose body holds this text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ""
    api: Api
    method: str = ""
    path: str = ""
    containing: str = ""
    skip: int = Field(0, ge=0)
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, gt=0, le=1)
    fault: Fault

    @field_validator("path")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from error
        return value

    def matches(self, method: str, path: str) -> bool:
        """Whether the call is one that this rule speaks of; the pattern may match anywhere in the path."""
        return self.method.upper() in {"", method.upper()} and re.search(self.path, path) is not None


@dataclass
class _Active:
    rule: FaultRule
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.hits >= self.rule.times


class Faults:
    """The rules in force. Thread-safe; a rule that is used up removes itself."""

    def __init__(self, *, seed: int | None = None, changed: Callable[[], None] = lambda: None) -> None:
        """`seed` makes probabilities repeatable; `changed` is called after every change, without the lock."""
        self._lock = threading.Lock()
        self._active: dict[str, _Active] = {}
        self._next = 1
        self._random = random.Random(seed)
        self._changed = changed
        #: How many worlds have ended: a slow call knows by it that its own has.
        self.worlds = 0

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force and return it with its id; an id that is in use is replaced."""
        with self._lock:
            stored = rule if rule.id else rule.model_copy(update={"id": f"fault-{self._next}"})
            self._next += 1
            self._active[stored.id] = _Active(stored)
        self._changed()
        return stored

    def remove(self, rule_id: str) -> bool:
        """Take a rule out; False when there is none of that id."""
        with self._lock:
            found = self._active.pop(rule_id, None) is not None
        self._changed()
        return found

    def clear(self) -> None:
        """Take all rules out."""
        with self._lock:
            self._active.clear()
        self._changed()

    def reset(self) -> None:
        """Take all rules out of a world that was emptied; calls that are slow meanwhile come to nothing in the next."""
        self.worlds += 1
        self.clear()

    def list(self) -> list[dict[str, Any]]:
        """The rules in force as JSON objects, each with `hits` and `remaining` (None: until removed)."""
        with self._lock:
            return [
                {
                    **active.rule.model_dump(mode="json"),
                    "hits": active.hits,
                    "remaining": None if active.rule.times is None else active.rule.times - active.hits,
                }
                for active in self._active.values()
            ]

    def draw(
        self,
        api: Api,
        method: str,
        path: str,
        *,
        kinds: frozenset[FaultKind] = REQUEST_KINDS,
        body: Callable[[], bytes] = bytes,
    ) -> tuple[Fault, ...]:
        """The faults that hit this call, in the order of the rules; counts them. `body` reads the call's body."""
        with self._lock:
            rules = [active for active in self._active.values() if active.rule.api is api]
        read = body() if any(active.rule.containing for active in rules) else b""
        with self._lock:
            drawn = tuple(self._draw(method, path, kinds=kinds, body=read, among=rules))
        if drawn:
            self._changed()
        return drawn

    def _draw(
        self, method: str, path: str, *, kinds: frozenset[FaultKind], body: bytes, among: Iterable[_Active]
    ) -> Iterator[Fault]:
        for active in among:
            rule = active.rule
            if self._active.get(rule.id) is not active or rule.fault.kind not in kinds:
                continue
            if not rule.matches(method, path) or rule.containing.encode() not in body:
                continue
            active.seen += 1
            if active.seen <= rule.skip or self._random.random() >= rule.probability:
                continue
            active.hits += 1
            if active.spent:
                del self._active[rule.id]
            yield rule.fault


def guard(blueprint: Blueprint, api: Api, faults: Faults, error: Callable[[Fault], Response]) -> None:
    """Let the rules for `api` strike every request of the blueprint.

    `error` answers a `status` fault in the API's own shape; the `Retry-After` header is added here.
    """

    def before() -> Response | None:
        world = faults.worlds
        drawn = faults.draw(api, request.method, request.path, body=request.get_data)
        g.fault_after = None
        _wait(drawn)
        if faults.worlds != world:  # emptied meanwhile: the call is none of the next one's
            drop_connection(request.environ)
            return _unheard()
        for fault in drawn:
            if fault.kind in _BEFORE:
                return _strike(fault, error)
            if fault.kind in _AFTER:
                g.fault_after = fault
        return None

    def after(response: Response) -> Response:
        fault: Fault | None = g.pop("fault_after", None)
        return response if fault is None else _AFTER[fault.kind](response, fault)

    blueprint.before_request(before)
    blueprint.after_request(after)


def _wait(drawn: Iterable[Fault]) -> None:
    """Be as slow as was drawn."""
    for fault in drawn:
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds + random.uniform(0, fault.spread))


def drop_connection(environ: dict[str, Any]) -> None:
    """Reset the client's TCP connection; what the handler still writes goes nowhere.

    The descriptor is replaced in one step by an end of a closed pipe, because closing it would let another thread's
    new connection take the same number while the server still writes to it.
    """
    connection: socket.socket | None = environ.get("werkzeug.socket") or environ.get("gunicorn.socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    near, far = socket.socketpair()
    os.dup2(near.fileno(), connection.fileno())
    near.close()
    far.close()


def _strike(fault: Fault, error: Callable[[Fault], Response]) -> Response:
    if fault.kind is FaultKind.RESET_BEFORE:
        drop_connection(request.environ)
        return _unheard()
    if fault.kind is FaultKind.HTML:
        response = Response(fault.body or HTML_PAGE, status=fault.status, content_type="text/html;charset=utf-8")
    else:
        response = error(fault)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _unheard() -> Response:
    response = Response(b"", status=500)
    response.headers["Connection"] = "close"
    return response


def _reset(_response: Response, _fault: Fault) -> Response:
    drop_connection(request.environ)
    return _unheard()


def _empty(response: Response, _fault: Fault) -> Response:
    response.set_data(b"")
    return response


def _truncate(response: Response, _fault: Fault) -> Response:
    data = response.get_data()
    response.set_data(data[: len(data) // 2])
    return response


def _drip(response: Response, fault: Fault) -> Response:
    data = response.get_data()
    length = len(data)

    def bytewise() -> Iterator[bytes]:
        for index in range(length):
            time.sleep(fault.seconds)
            yield data[index : index + 1]

    response.response = bytewise()
    response.headers["Content-Length"] = str(length)
    return response


_BEFORE = frozenset({FaultKind.STATUS, FaultKind.HTML, FaultKind.RESET_BEFORE})
_AFTER: dict[FaultKind, Callable[[Response, Fault], Response]] = {
    FaultKind.RESET_AFTER: _reset,
    FaultKind.EMPTY: _empty,
    FaultKind.TRUNCATED: _truncate,
    FaultKind.DRIP: _drip,
}
