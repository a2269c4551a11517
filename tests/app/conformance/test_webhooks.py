"""Connectors that break one promise of ``verify`` or ``parse`` each: the suite has to notice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from typing_extensions import override

from app.conformance import Check, Outcome, webhooks
from app.conformance.report import perform
from app.conformance.samples import Samples, Subject
from app.connectors.base import Connector
from app.connectors.loopback import LoopbackConnector
from app.domain.account import Account, Credentials
from app.domain.message import Event, Message, Unopened
from app.domain.webhook import RawRequest
from app.errors import SignatureInvalid
from tests.app.connectors.loopback_samples import SAMPLES

COUNTER = itertools.count()


class Trusts(LoopbackConnector):
    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None: ...


class TrustsSigned(LoopbackConnector):
    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        if len(raw.header("x-loopback-signature")) != 64:
            raise SignatureInvalid("The header is missing.")


class Distrusts(LoopbackConnector):
    @override
    def verify(self, raw: RawRequest, credentials: Credentials) -> None:
        raise SignatureInvalid("The header is missing.")


class Crashes(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        raw.json()
        return super().parse(raw, account)


class CrashesOnOddValues(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        events = super().parse(raw, account)
        return events if not events else [events[0], *(one for one in events[1:] if json.loads(raw.body)["id"].strip())]


class AllOrNothing(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        events = super().parse(raw, account)
        odd = any(isinstance(event, Unopened) for event in events)
        return [Unopened(reason="An odd event.")] if odd else events


class Counts(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        return [Unopened(reason=f"Number {next(COUNTER)}.")]


class KeepsNul(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        return [Unopened(reason="A NUL: \0.")]


class LocalTime(LoopbackConnector):
    @override
    def parse(self, raw: RawRequest, account: Account) -> Sequence[Event]:
        zone = timezone(timedelta(hours=7))
        events = super().parse(raw, account)
        return [
            event.model_copy(update={"sent_at": event.sent_at.astimezone(zone)})
            if isinstance(event, Message)
            else event
            for event in events
        ]


class NewKeys(LoopbackConnector):
    @override
    def dedupe_key(self, raw: RawRequest, account: Account) -> str | None:
        return str(next(COUNTER))


@pytest.mark.parametrize(
    ("connector", "check", "reason"),
    [
        (Trusts(), "verify refuses unsigned requests", "it accepted"),
        (Trusts(), "verify refuses garbage for a signature", "it accepted"),
        (TrustsSigned(), "verify refuses another secret", "it accepted another secret"),
        (TrustsSigned(), "verify refuses a changed body", "not the signed one"),
        (Distrusts(), "verify accepts the service's own requests", "raised SignatureInvalid"),
        (AllOrNothing(), "parse keeps the neighbours of an odd event", "changes its neighbours"),
        (Crashes(), "parse survives hostile bodies", "empty: raised JSONDecodeError"),
        (CrashesOnOddValues(), "parse survives samples with odd values", "raised"),
        (Counts(), "parse survives hostile bodies", "two readings differ"),
        (Counts(), "parse understands the samples", "two readings differ"),
        (KeepsNul(), "parse survives hostile bodies", "cannot be stored"),
        (LocalTime(), "parse gives complete events", "not in UTC"),
        (NewKeys(), "the same delivery has the same key", "another key"),
    ],
)
def test_a_broken_promise_is_noticed(connector: Connector, check: str, reason: str) -> None:
    result = perform(check_named(check, connector, SAMPLES))

    assert result.outcome is Outcome.FAILED
    assert reason in result.reason


def test_a_sample_that_is_not_understood_is_noticed() -> None:
    samples = replace(SAMPLES, payloads={"odd": b'{"events": [{"type": "future"}]}', "silent": b'{"events": []}'})

    result = perform(check_named("parse understands the samples", LoopbackConnector(), samples))

    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("odd: Not an event")


def check_named(name: str, connector: Connector, samples: Samples) -> Check:
    [found] = [one for one in webhooks.checks(Subject(connector, samples)) if one.name == name]
    return found
