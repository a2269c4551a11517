"""Checks of ``send`` against a real server that gives every answer there may be."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.conformance.report import Check, Failed, Skipped, expect
from app.conformance.samples import Subject
from app.conformance.server import Script, Scripted, ScriptedServer, Seen
from app.domain.part import Sent
from app.errors import OutcomeUnknown, RateLimited, Rejected, RelayError, Transient, Unauthorized
from app.http import Http

#: The longest that one answered call may take, in seconds: a connector that sleeps or tries again takes longer.
_PATIENCE = 3.0
_RETRY_AFTER = 60
_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}
_PAGE = b"<html><body>Bad gateway</body></html>"
_SHORTEST_HINT = 12


@dataclass(frozen=True)
class _Row:
    """An answer and the errors that it may become."""

    label: str
    script: Script | Scripted
    errors: tuple[type[RelayError], ...]
    only_once: bool = False


def _echo(status: int) -> Script:
    """Answer with everything that was sent, in the fields where services put their words."""

    def script(request: Seen) -> Scripted:
        said = f"{request.path} {dict(request.headers)} {request.body.decode('utf-8', 'replace')}"
        fields = ("description", "error", "message", "title", "detail", "errcode")
        return Scripted(status, json.dumps({"ok": False, **dict.fromkeys(fields, said)}).encode(), _JSON)

    return script


def _status(status: int, *errors: type[RelayError], page: bool = False, once: bool = False) -> _Row:
    body, headers = (_PAGE, _HTML) if page else (b"{}", _JSON)
    return _Row(f"status {status}{' with a page' if page else ''}", Scripted(status, body, headers), errors, once)


ROWS: tuple[_Row, ...] = (
    _status(400, Rejected),
    _status(401, Unauthorized),
    _status(403, Rejected, Unauthorized),
    _status(404, Rejected, Unauthorized),
    _status(408, Transient, OutcomeUnknown),
    _status(413, Rejected),
    _status(418, Rejected),
    _Row(
        "status 429",
        Scripted(429, b"{}", {**_JSON, "Retry-After": str(_RETRY_AFTER)}),
        (RateLimited,),
        only_once=True,
    ),
    _Row(
        "status 429 with a date", Scripted(429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), (RateLimited,)
    ),
    _status(500, Transient, once=True),
    _status(502, Transient, page=True, once=True),
    _status(503, Transient, once=True),
    _status(504, Transient, page=True, once=True),
    _Row("a redirect", Scripted(302, b"", {"Location": "/elsewhere"}), (RelayError,)),
    _Row("a refusal that repeats the request", _echo(400), (Rejected,)),
    _Row("a 401 that repeats the request", _echo(401), (Unauthorized,)),
    _Row("a failure that repeats the request", _echo(500), (Transient,)),
)

#: Answers that mean yes but say nothing: it may have arrived. A repeated call does no harm to idempotent services.
UNREADABLE: dict[str, Scripted] = {
    "a page": Scripted(200, _PAGE, _HTML),
    "nothing": Scripted(200, b"", _JSON),
    "a list": Scripted(200, b"[]", _JSON),
    "half an object": Scripted(200, b'{"ok": tr', _JSON),
    "no content": Scripted(204),
    "an empty object": Scripted(200, b"{}", _JSON),
}


def checks(subject: Subject) -> list[Check]:
    """Return the checks of ``send``."""
    rows = [Check(f"send: {row.label}", partial(_check_row, subject, row)) for row in ROWS]
    unreadable = [
        Check(f"send: yes with {label}", partial(_check_unreadable, subject, answer))
        for label, answer in UNREADABLE.items()
    ]
    named: dict[str, Callable[[Subject], None]] = {
        "send returns the ids": _sends,
        "send: connection cut after the request": _reset,
        "send: nobody listens": _refused,
    }
    return [Check(name, partial(check, subject)) for name, check in named.items()] + rows + unreadable


def _sends(subject: Subject) -> None:
    samples = subject.needed()
    script = Scripted(samples.accepted_status, samples.accepted, _JSON)
    with ScriptedServer(script) as server:
        sent = _send(subject, server.url)
    expect(sent.ids, "send returned no id")
    expect(all(type(one) is str and one for one in sent.ids), "an id is no text or empty")


def _check_row(subject: Subject, row: _Row) -> None:
    with ScriptedServer(row.script) as server:
        error = _refusal(subject, server.url, row.errors)
        calls = len(server.seen)
    expect(calls, "send made no call")
    expect(not row.only_once or calls == 1, f"send made {calls} calls: trying again is not its business")
    wait = error.retry_after if isinstance(error, RateLimited) else None
    expect(wait is None or 0 <= wait <= _RETRY_AFTER, f"retry_after is {wait} instead of {_RETRY_AFTER}")


def _check_unreadable(subject: Subject, answer: Scripted) -> None:
    if not subject.connector.capabilities.idempotent:
        allowed: tuple[type[RelayError], ...] = (OutcomeUnknown,)
    else:
        allowed = (OutcomeUnknown, Transient)
    with ScriptedServer(answer) as server:
        _refusal(subject, server.url, allowed)


def _reset(subject: Subject) -> None:
    with ScriptedServer(Scripted(reset=True)) as server:
        _refusal(subject, server.url, (OutcomeUnknown,))


def _refused(subject: Subject) -> None:
    with ScriptedServer(Scripted()) as server:
        url = server.url
    _refusal(subject, url, (Transient,))


def _send(subject: Subject, url: str) -> Sent:
    if not subject.connector.api_url:
        raise Skipped("the connector calls no address of its own")
    # The suite's servers speak plain HTTP: reading the authorities' certificates for each call would take longer.
    http = Http(call_timeout=_PATIENCE, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    try:
        return subject.connector.send(subject.part(), subject.account(url), http)
    finally:
        http.close()


def _refusal(subject: Subject, url: str, allowed: tuple[type[RelayError], ...]) -> RelayError:
    """Send, and return the error.

    Raises:
        Failed: there is none, it is of another class, takes too long, shows a secret or helps nobody.
    """
    started = time.monotonic()
    try:
        _send(subject, url)
    except RelayError as error:
        took = time.monotonic() - started
        names = " or ".join(kind.__name__ for kind in allowed)
        expect(isinstance(error, allowed), f"{type(error).__name__} instead of {names}: {error.hint}")
        expect(took < _PATIENCE, f"it took {took:.1f} s: send waits for nothing")
        _check_words(subject, error)
        return error
    raise Failed("send returned as if the message had been sent")


def _check_words(subject: Subject, error: RelayError) -> None:
    hint = error.hint.strip()
    sentence = len(hint) >= _SHORTEST_HINT and " " in hint and hint.endswith((".", "!", "?"))
    expect(sentence, f"the hint is no sentence: {hint!r}")
    shown = f"{error!r} {error} {error.hint} {error.detail}"
    expect(not any(secret in shown for secret in subject.secrets()), "a secret can be read in the error")
