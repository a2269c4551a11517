from __future__ import annotations

from typing import Any

import pytest

from app.domain.account import RunState
from app.domain.person import Identifier, IdentifierType
from app.storage import accounts, connections, portals
from app.storage.accounts import AccountRow
from app.storage.connections import NewConnection
from app.storage.database import Connection, Database


@pytest.fixture
def connection(migrated_database_url: str) -> Any:
    database = Database(migrated_database_url, pool=1)
    with database.write() as opened:
        for portal_id in (1, 2):
            portals.add(opened, portal_id, name="", refresh_token="x")
        yield opened
    database.close()


def new(token: str = "token-1", **changes: Any) -> NewConnection:
    values = {
        "key": f"key-{token}",
        "connector": "telegram",
        "portal_id": 1,
        "channel_id": "10",
        "hubspot_id": connections.staged_id(token),
        "name": "Shop",
        "identifier": Identifier(value="bot-1"),
        "credentials": "sealed",
    }
    return NewConnection(**{**values, **changes})


def adopted(connection: Connection, hubspot_id: str = "77", **changes: Any) -> AccountRow | None:
    given = {"portal_id": 1, "channel_id": "10", "identifier": Identifier(value="bot-1"), **changes}
    portal_id, channel_id = given.pop("portal_id"), given.pop("channel_id")
    return connections.adopt(connection, portal_id, channel_id, hubspot_id=hubspot_id, **given)


def test_an_id_of_our_own_hides_the_token() -> None:
    assert "token-1" not in connections.staged_id("token-1")
    assert connections.staged_id("token-1") == connections.staged_id("token-1") != connections.staged_id("token-2")


def test_a_new_account_waits_for_its_name(connection: Connection) -> None:
    row = connections.add(connection, new())
    assert connections.is_staged(row)
    assert row.hubspot_state is RunState.PAUSED
    assert connections.staged(connection) == [row]
    found = adopted(connection)
    assert found is not None
    assert (found.id, found.hubspot_id, found.hubspot_state) == (row.id, "77", RunState.RUNNING)
    assert connections.staged(connection) == []


def test_an_account_that_is_named_at_once_runs(connection: Connection) -> None:
    row = connections.add(connection, new(hubspot_id="77"))
    assert (row.hubspot_state, connections.is_staged(row)) == (RunState.RUNNING, False)


@pytest.mark.parametrize(
    "changes", [{"portal_id": 2}, {"channel_id": "11"}, {"identifier": Identifier(value="bot-2")}], ids=str
)
def test_only_its_own_event_names_it(connection: Connection, changes: dict[str, Any]) -> None:
    connections.add(connection, new())
    assert adopted(connection, **changes) is None


def test_an_identifier_may_lack_its_type(connection: Connection) -> None:
    connections.add(connection, new(identifier=Identifier(type=IdentifierType.PHONE, value="+41441234567")))
    assert adopted(connection, identifier=Identifier(value="+41441234567")) is not None


def test_without_an_identifier_two_are_not_told_apart(connection: Connection) -> None:
    connections.add(connection, new())
    other = connections.add(connection, new("token-2", identifier=Identifier(value="bot-2")))
    assert adopted(connection, identifier=None) is None
    connections.drop(connection, other.id)
    assert adopted(connection, identifier=None) is not None


def test_the_same_account_elsewhere_is_found_until_it_is_removed(connection: Connection) -> None:
    row = connections.add(connection, new())
    connections.add(connection, new("token-2", connector="loopback"))
    assert connections.same(connection, "telegram", Identifier(value="bot-1")) == [row]
    connections.drop(connection, row.id)
    assert connections.same(connection, "telegram", Identifier(value="bot-1")) == []
    dropped = accounts.get(connection, row.id)
    assert dropped is not None
    assert not connections.is_staged(dropped)


def test_a_connection_that_goes_on_has_what_was_given_last(connection: Connection) -> None:
    row = connections.add(connection, new())
    connections.lock_portal(connection, 1)
    again = connections.change(connection, row.id, new("token-2", name="Other\0", credentials="newer"))
    assert (again.id, again.name, again.key, again.credentials) == (row.id, "Other", "key-token-2", "newer")
    assert again.hubspot_id == connections.staged_id("token-2")
    assert again.credentials_version == row.credentials_version + 1


def test_nothing_waits_at_first(connection: Connection) -> None:
    assert connections.waiting(connection, 1, "10") == []
