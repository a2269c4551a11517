"""Connectors that break one promise of ``send`` each: the suite has to notice, and nothing else."""

from __future__ import annotations

import time

import pytest
from typing_extensions import override

from app.conformance import Outcome, calls
from app.conformance.report import perform
from app.conformance.samples import Subject
from app.connectors.base import Connector
from app.connectors.loopback import LoopbackConnector, LoopbackCredentials
from app.domain.account import Account
from app.domain.part import Part, Sent
from app.errors import MessageInvalid, OutcomeUnknown, RelayError, ServiceUnavailable
from app.http import Http
from tests.app.connectors.loopback_samples import SAMPLES


class BelievesEverything(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except ServiceUnavailable:
            return Sent(ids=("m9",))


class TriesAgain(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except ServiceUnavailable:
            return super().send(part, account, http)


class Sleeps(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except RelayError:
            time.sleep(0.4)
            raise


class Crashes(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except MessageInvalid as error:
            raise KeyError("error") from error


class GivesUp(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except OutcomeUnknown as error:
            raise MessageInvalid("Loopback does not take this message.") from error


class Tells(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except MessageInvalid as error:
            assert isinstance(account.credentials, LoopbackCredentials)
            raise MessageInvalid(f"Refused with {account.credentials.token.get_secret_value()}.") from error


class Mumbles(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        try:
            return super().send(part, account, http)
        except MessageInvalid as error:
            raise MessageInvalid("err 413") from error


class ForgetsIds(LoopbackConnector):
    @override
    def send(self, part: Part, account: Account, http: Http) -> Sent:
        super().send(part, account, http)
        return Sent(ids=())


@pytest.mark.parametrize(
    ("connector", "check", "reason"),
    [
        (BelievesEverything(), "send: status 503", "as if the message had been sent"),
        (TriesAgain(), "send: status 503", "2 calls"),
        (Sleeps(), "send: status 429", "waits for nothing"),
        (Crashes(), "send: status 413", "raised KeyError"),
        (GivesUp(), "send: connection cut after the request", "MessageInvalid instead of OutcomeUnknown"),
        (GivesUp(), "send: yes with nothing", "MessageInvalid instead of"),
        (Tells(), "send: status 413", "a secret"),
        (Mumbles(), "send: status 413", "no sentence"),
        (ForgetsIds(), "send returns the ids", "no id"),
    ],
)
def test_a_broken_promise_is_noticed(
    connector: Connector, check: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_PATIENCE", 0.3 if isinstance(connector, Sleeps) else 3.0)
    [found] = [one for one in calls.checks(Subject(connector, SAMPLES)) if one.name == check]

    result = perform(found)

    assert result.outcome is Outcome.FAILED
    assert reason in result.reason
