from __future__ import annotations

import pytest
import time_machine

from app.console.tickets import Purpose, TicketExpired, TicketInvalid, Tickets, same
from app.vault import Vault

TICKETS = Tickets(Vault(["key"]))


def test_a_ticket_comes_back_as_it_went() -> None:
    assert TICKETS.read(Purpose.CONNECT, TICKETS.issue(Purpose.CONNECT, {"a": ["ü"]})) == {"a": ["ü"]}


def test_a_ticket_can_not_be_read() -> None:
    assert "secret-word" not in TICKETS.issue(Purpose.CONNECT, {"a": "secret-word"})


def test_each_purpose_has_its_own() -> None:
    with pytest.raises(TicketInvalid):
        TICKETS.read(Purpose.INSTALL, TICKETS.issue(Purpose.CONNECT, {}))


@pytest.mark.parametrize(
    "ticket",
    ["", "x", "v1:a:b", Vault(["key"]).seal("[]"), Vault(["key"]).seal('{"for": 1}')],
    ids=["nothing", "a letter", "three words", "a sealed list", "a sealed object"],
)
def test_what_is_none(ticket: str) -> None:
    with pytest.raises(TicketInvalid):
        TICKETS.read(Purpose.CONNECT, ticket)


def test_another_relays_ticket_is_none() -> None:
    with pytest.raises(TicketInvalid):
        TICKETS.read(Purpose.CONNECT, Tickets(Vault(["other"])).issue(Purpose.CONNECT, {}))


def test_keys_may_be_rotated_meanwhile() -> None:
    assert Tickets(Vault(["new", "key"])).read(Purpose.CONNECT, TICKETS.issue(Purpose.CONNECT, {})) == {}


def test_a_ticket_grows_old() -> None:
    with time_machine.travel(1_000_000, tick=False) as clock:
        ticket = TICKETS.issue(Purpose.CONNECT, {})
        clock.shift(60)
        assert TICKETS.read(Purpose.CONNECT, ticket, life=60) == {}
        clock.shift(1)
        with pytest.raises(TicketExpired):
            TICKETS.read(Purpose.CONNECT, ticket, life=60)
        assert TICKETS.read(Purpose.CONNECT, ticket) == {}


def test_nothing_is_like_nothing() -> None:
    assert same("é", "é")
    assert not same("", "")
    assert not same("a", "b")
