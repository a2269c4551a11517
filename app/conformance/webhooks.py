"""Checks of ``verify``, ``parse``, ``answer`` and ``dedupe_key``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pydantic import JsonValue, SecretStr

from app.conformance.report import Check, Failed, Skipped, expect
from app.conformance.samples import Subject
from app.domain.account import Credentials
from app.domain.message import Event, Kind, Message, Notice, Receipt, Unopened
from app.domain.webhook import Answer, RawRequest
from app.errors import SignatureInvalid

#: Bodies that no service sends, but that somebody may.
HOSTILE_BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"<html>hello</html>",
    "not UTF-8": b"\xff\xfe\x00",
    "cut JSON": b'{"a": [1, 2',
    "null": b"null",
    "a number": b"1e999",
    "not a number": b"NaN",
    "a very long number": b"9" * 10_000,
    "a text": b'"text"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a list of nulls": b"[null, null]",
    "only unknown fields": b'{"future": {"a": 1}, "events": null, "update_id": null}',
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"a":' * 400 + b"1" + b"}" * 400,
    "five megabytes": b'{"text": "' + b"a" * 5_000_000 + b'"}',
    "a form": b"a=1&b=%ff&a=2",
}
#: What takes the place of every value of a good payload, one after the other.
MUTATIONS: tuple[JsonValue, ...] = (None, -1, 2**70, 1.5, True, "", "x\0\ud800", [], {}, [None], {"a": [{}]})
_MOST_MUTATIONS = 300
#: Events of a kind or shape that do not exist, to stand among good ones.
ODD_EVENTS: tuple[JsonValue, ...] = (None, 5, "text", [], {}, {"type": "future"}, {"type": None, "id": {}}, [[[]]])
_NEIGHBOURS = 99
_LONGEST_KEY = 255
_INTEGER_RANGE = range(-(2**63), 2**63)


def checks(subject: Subject) -> list[Check]:
    """Return the checks of everything that happens to a webhook request."""
    named: dict[str, Callable[[Subject], None]] = {
        "verify refuses unsigned requests": _refuses_unsigned,
        "verify refuses garbage for a signature": _refuses_garbage,
        "verify refuses another secret": _refuses_other_secret,
        "verify refuses a changed body": _refuses_changed_body,
        "verify accepts the service's own requests": _accepts,
        "parse understands the samples": _understands,
        "parse gives complete events": _complete,
        "parse survives hostile bodies": _survives_bodies,
        "parse survives samples with odd values": _survives_mutations,
        "parse keeps the neighbours of an odd event": _keeps_neighbours,
        "the same delivery has the same key": _key,
    }
    return [Check(name, partial(check, subject)) for name, check in named.items()]


def _refuse(subject: Subject, raw: RawRequest, why: str) -> None:
    try:
        subject.connector.verify(raw, subject.account().credentials)
    except SignatureInvalid as error:
        expect(_is_sentence(error.hint), f"the hint is no sentence: {error.hint!r}")
        return
    raise Failed(f"it accepted {why}")


def _is_sentence(hint: str) -> bool:
    return bool(hint[:1].isupper() and hint.rstrip().endswith((".", "!", "?")))


def _refuses_unsigned(subject: Subject) -> None:
    for body in (b"", b"{}"):
        _refuse(subject, RawRequest(method="POST", url="https://relay.example/webhooks/sample/key", body=body), "it")


def _refuses_garbage(subject: Subject) -> None:
    for body in subject.needed().payloads.values():
        good = subject.request(body)
        for garbage in ("", " ", "x" * 10_000, "é\ud800", "Bearer ", "sha256=", "v1=,v0=", "0"):
            spoiled = {name: garbage for name in good.headers if name not in {"content-type", "host"}}
            _refuse(subject, replace(good, headers=spoiled, url=good.url.partition("?")[0], query=""), repr(garbage))


def _refuses_other_secret(subject: Subject) -> None:
    samples = subject.needed()
    for body in samples.payloads.values():
        _refuse(subject, samples.sign(body, _other(samples.credentials)), "another secret")


def _other(credentials: Credentials) -> Credentials:
    """Return the credentials with every secret changed in its last character."""
    secrets = {
        name: value.get_secret_value() for name, value in vars(credentials).items() if isinstance(value, SecretStr)
    }
    changed = {name: SecretStr(value[:-1] + ("b" if value[-1:] == "a" else "a")) for name, value in secrets.items()}
    return credentials.model_copy(update=changed)


def _refuses_changed_body(subject: Subject) -> None:
    if not subject.needed().signs_body:
        raise Skipped("the service repeats a fixed secret and signs no bodies")
    for body in subject.needed().payloads.values():
        _refuse(subject, replace(subject.request(body), body=body + b" "), "a body that is not the signed one")


def _accepts(subject: Subject) -> None:
    for body in subject.needed().payloads.values():
        subject.connector.verify(subject.request(body), subject.account().credentials)


def _understands(subject: Subject) -> None:
    for label, body in subject.needed().payloads.items():
        events = _parse(subject, body, label)
        expect(events, f"{label}: no event")
        odd = next((event for event in events if isinstance(event, Unopened)), None)
        expect(odd is None, f"{label}: {odd.reason if odd else ''}")


def _complete(subject: Subject) -> None:
    for label, body in subject.needed().payloads.items():
        for event in _parse(subject, body, label):
            _check_event(subject, event, label)


def _check_event(subject: Subject, event: Event, label: str) -> None:
    if isinstance(event, Message):
        expect(event.conversation and event.service_id, f"{label}: a message without conversation or id")
        expect(event.order in _INTEGER_RANGE, f"{label}: order does not fit into 64 bits")
        expect(event.sender.identifier.value, f"{label}: a sender without an identifier")
        known = event.sender.identifier.type in subject.connector.capabilities.identifiers
        expect(known, f"{label}: an identifier of a type that the capabilities do not name")
        said = event.content
        is_said = said.text or said.attachments or said.places or said.cards or event.kind is Kind.DELETION
        expect(is_said, f"{label}: a message without any content")
        expect(event.sent_at.utcoffset() == timedelta(0), f"{label}: sent_at is not in UTC")
    if isinstance(event, Receipt):
        expect(event.service_id, f"{label}: a receipt without a message's id")
        known = event.status in subject.connector.capabilities.receipts
        expect(known, f"{label}: a receipt that the capabilities do not name")
    if isinstance(event, Notice):
        expect(event.conversation, f"{label}: a notice without a conversation")


def _parse(subject: Subject, body: bytes, label: str) -> Sequence[Event]:
    """Parse twice.

    Raises:
        Failed: it raised, the results differ, or they cannot be stored.
    """
    raw, account, connector = subject.request(body), subject.account(), subject.connector
    try:
        events, again = connector.parse(raw, account), connector.parse(raw, account)
        answer, key = connector.answer(raw), connector.dedupe_key(raw, account)
    except Exception as error:
        raise Failed(f"{label}: raised {type(error).__name__}: {error}") from error
    expect(list(events) == list(again), f"{label}: two readings differ")
    expect(all(isinstance(event, Event) for event in events), f"{label}: something that is no event")
    expect(isinstance(answer, Answer), f"{label}: answer gave no Answer")
    expect(key is None or 0 < len(key) <= _LONGEST_KEY, f"{label}: a key that is empty or too long")
    expect(all(_is_storable(event) for event in events), f"{label}: an event that cannot be stored")
    return events


def _is_storable(event: Event) -> bool:
    """Whether a database and a UTF-8 body take it: no NUL, no half of a surrogate pair, no endless depth."""
    if isinstance(event, Unopened):
        event = event.model_copy(update={"raw": None})
    try:
        return "\\u0000" not in event.model_dump_json()
    except ValueError:
        return False


def _survives_bodies(subject: Subject) -> None:
    for label, body in HOSTILE_BODIES.items():
        _parse(subject, body, label)


def _survives_mutations(subject: Subject) -> None:
    for label, body in subject.needed().payloads.items():
        try:
            good: JsonValue = json.loads(body)
        except ValueError:
            _parse(subject, body[: len(body) // 2], f"half of {label}")
            continue
        mutated = list(_mutations(good))
        step = len(mutated) // _MOST_MUTATIONS + 1
        for place, odd in mutated[::step]:
            _parse(subject, json.dumps(odd).encode(), f"{label} with an odd value at {place}")


def _mutations(value: JsonValue, place: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Yield the value with each of its inner values replaced, one at a time, and with each of its fields removed."""
    for other in MUTATIONS:
        yield place or "the top", other
    if isinstance(value, dict):
        for name, inner in value.items():
            rest = {key: kept for key, kept in value.items() if key != name}
            yield f"{place}.{name}", rest
            for where, odd in _mutations(inner, f"{place}.{name}"):
                yield where, {**value, name: odd}
    if isinstance(value, list):
        for index, inner in enumerate(value):
            for where, odd in _mutations(inner, f"{place}[{index}]"):
                yield where, [*value[:index], odd, *value[index + 1 :]]


def _keeps_neighbours(subject: Subject) -> None:
    batch = subject.needed().batch
    if batch is None:
        raise Skipped("the service sends one event a request")
    good = [batch.event(number) for number in range(_NEIGHBOURS)]
    expected = list(_parse(subject, batch.body(good), "a batch"))
    expect(len(expected) >= _NEIGHBOURS, "a batch of good events loses some")
    for odd in ODD_EVENTS:
        middle = len(good) // 2
        events = _parse(subject, batch.body([*good[:middle], odd, *good[middle:]]), f"a batch with {odd!r}")
        kept = [event for event in events if not isinstance(event, Unopened)]
        expect(kept == expected, f"the odd event {odd!r} changes its neighbours")


def _key(subject: Subject) -> None:
    samples = subject.needed()
    account, connector = subject.account(), subject.connector
    for label, body in samples.payloads.items():
        keys = {connector.dedupe_key(subject.request(body), account) for _ in range(2)}
        expect(len(keys) == 1, f"{label}: a repeated delivery gets another key")
