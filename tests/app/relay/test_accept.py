from __future__ import annotations

import copy
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.connectors.loopback import LoopbackConnector
from app.domain.message import Event
from app.domain.person import Identifier
from app.domain.webhook import RawRequest
from app.doorbell import Doorbell
from app.relay.accept import open_again, ring
from app.relay.deposit import Accepted, store_service_events
from app.relay.services import seal_credentials
from app.simulator import seed
from app.storage import accounts, envelopes
from app.storage.accounts import AccountRow, NewAccount
from app.storage.tables import envelopes as envelope_table
from app.storage.tables import lanes, messages, portals, unopened
from tests.app.connectors import matrix_samples
from tests.app.relay.world import RelayWorld, eventually, free_port, incoming, outgoing, relay_world
from tests.servers.postgres_server import PostgresServer

NEW_ACCOUNT = "2077"


def add_account(relay: RelayWorld, *, connector: str = "loopback", hubspot_id: str = NEW_ACCOUNT) -> AccountRow:
    """Connect another account."""
    sealed = relay.account.credentials
    if connector == "matrix":
        sealed = seal_credentials(relay.services.vault, matrix_samples.CREDENTIALS)
    new = NewAccount(
        connector=connector,
        portal_id=int(seed.PORTAL_ID),
        channel_id=seed.CHANNEL_ID,
        hubspot_id=hubspot_id,
        name="Another",
        identifier=Identifier(value="another"),
        credentials=sealed,
    )
    with relay.services.database.write() as connection:
        return accounts.add(connection, new)


def contents(relay: RelayWorld) -> list[str]:
    with relay.services.database.read() as connection:
        query = select(messages.c.content).where(messages.c.kind == "message").order_by(messages.c.id)
        return [one["text"] for one in connection.execute(query).scalars()]


def test_an_event_for_an_account_that_is_not_known_waits_for_it(relay: RelayWorld) -> None:
    assert relay.from_hubspot(outgoing("early", channelAccountId=NEW_ACCOUNT)) == 204
    with relay.services.database.read() as connection:
        [envelope] = envelopes.waiting_for(connection, f"{seed.PORTAL_ID}/{seed.CHANNEL_ID}/{NEW_ACCOUNT}")
    add_account(relay)
    opened = open_again(relay.services, envelope)
    assert opened is not None
    assert len(opened.messages) == 1
    assert (contents(relay), relay.count(unopened)) == (["early"], 0)


def test_opening_again_what_was_understood_changes_nothing(relay: RelayWorld) -> None:
    relay.from_loopback({"id": "d1", "events": [incoming("once"), {"type": "dance"}]})
    for _ in range(2):
        opened = open_again(relay.services, 1)
        assert opened is not None
        assert (opened.messages, opened.unopened) == ([], 1)
    assert (relay.count(messages), relay.count(unopened)) == (1, 1)


def test_there_is_nothing_to_open_where_there_is_no_envelope(light_relay: RelayWorld) -> None:
    assert open_again(light_relay.services, 4711) is None


def test_a_connector_that_stumbles_over_a_request_keeps_it_for_later(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> list[Event]:
        raise KeyError("a customer's text")

    with monkeypatch.context() as broken:
        broken.setattr(LoopbackConnector, "parse", stumble)
        assert relay.from_loopback({"id": "d1", "events": [incoming("kept")]}) == 200
    with relay.services.database.read() as connection:
        [item] = envelopes.unopened_items(connection)
    assert "KeyError" in item.reason
    assert "customer" not in item.reason
    open_again(relay.services, item.envelope_id)
    assert (contents(relay), relay.count(unopened)) == (["kept"], 0)


def test_one_odd_event_among_a_hundred_stays_alone(relay: RelayWorld) -> None:
    account = add_account(relay, connector="matrix")
    body = matrix_samples.payload("text")
    [real] = body["events"]
    body["events"] = [{**copy.deepcopy(real), "event_id": f"$event-{number}"} for number in range(100)]
    body["events"][42]["content"] = "no object"
    raw = matrix_samples.request(body)
    path = f"/webhooks/matrix/{account.key}{raw.path}"
    for _ in range(2):
        status, _, answer = relay.ask("PUT", path, raw.body, raw.headers)
        assert (status, answer) == (200, "{}")
    assert (relay.count(messages), relay.count(unopened), relay.count(envelope_table)) == (99, 1, 1)


@pytest.mark.parametrize("transaction", ["%00", "%ff", "t" * 3_000, "..%2f..", "%F0%9F%98%80"])
def test_an_odd_name_of_a_transaction_hurts_nobody(relay: RelayWorld, transaction: str) -> None:
    account = add_account(relay, connector="matrix")
    raw = matrix_samples.request(matrix_samples.payload("text"))
    path = f"/webhooks/matrix/{account.key}/_matrix/app/v1/transactions/{transaction}"
    status, _, _ = relay.ask("PUT", path, raw.body, raw.headers)
    assert status in {200, 404}
    assert relay.count(messages) == (1 if status == 200 else 0)


def test_an_envelope_with_many_conversations_locks_its_lanes_in_one_order(relay: RelayWorld) -> None:
    events = [incoming(message_id=f"m-{number}", conversation=f"c{number % 7}") for number in range(50)]
    assert relay.from_loopback({"id": "d1", "events": events}) == 200
    assert (relay.count(messages), relay.count(lanes)) == (50, 7)


def test_an_answer_finds_its_thread_by_hubspots_ids_and_by_the_address(relay: RelayWorld) -> None:
    thread = relay.conversation()
    relay.from_hubspot(outgoing("by thread", "o-1", conversationsThreadId=thread, recipients=[]))
    relay.from_hubspot(outgoing("by address", "o-2", conversationsThreadId="0"))
    relay.settle()
    assert sorted(relay.heard()) == ["by address", "by thread"]
    assert len({row.thread_id for row in relay.rows("outbound")}) == 1


def test_what_came_before_its_time_is_kept_in_the_order_of_its_own_clock(relay: RelayWorld) -> None:
    later, earlier = "2026-09-14T08:15:31Z", "2026-09-14T08:15:30Z"
    relay.from_loopback({"id": "d1", "events": [incoming("second", "m-2", time=later)]})
    relay.from_loopback({"id": "d2", "events": [incoming("first", "m-1", time=earlier)]})
    relay.settle()
    assert relay.texts() == ["first", "second"]


@pytest.mark.postgresql
def test_without_its_database_the_relay_takes_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: PostgresServer, migrated_postgresql_url: str
) -> None:
    with relay_world(tmp_path, monkeypatch, migrated_postgresql_url) as relay:
        assert relay.from_hubspot(outgoing(message_id="before")) == 204
        postgresql.stop()
        assert relay.from_hubspot(outgoing(message_id="during")) == 503
        assert relay.from_loopback({"id": "d1", "events": [incoming()]}) == 503
        assert relay.ask("GET", "/readyz")[0] == 503
        assert relay.ask("GET", "/livez")[0] == 200
        postgresql.start()
        eventually(lambda: relay.from_hubspot(outgoing(message_id="during")) == 204)
        assert relay.count(messages) == 2


def test_a_database_file_that_is_away_is_said_so(light_relay: RelayWorld) -> None:
    relay = light_relay
    file = Path(relay.services.database.url.database or "")
    relay.services.database.close()
    hidden = file.rename(file.with_suffix(".hidden"))
    file.mkdir()
    assert relay.from_hubspot(outgoing()) == 503
    assert relay.from_loopback({"id": "d1", "events": [incoming()]}) == 503
    file.rmdir()
    for leftover in file.parent.glob("relay.db-*"):
        leftover.unlink()
    hidden.rename(file)
    assert relay.from_hubspot(outgoing()) == 204
    assert relay.count(messages) == 1


def test_a_dead_broker_delays_no_answer(light_relay: RelayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Doorbell(f"redis://127.0.0.1:{free_port()}/0")
    dead.ring(0)  # what is loaded at the first ring is not what is measured
    monkeypatch.setattr(dead, "_quiet_until", 0.0)
    accepted = Accepted(None, ring=list(range(20)), media=[1, 2, 3])
    started = time.monotonic()
    ring(replace(light_relay.services, doorbell=dead), accepted)
    assert time.monotonic() - started < 0.3
    dead.close()


def test_a_full_portal_is_left_to_the_scheduler(light_relay: RelayWorld) -> None:
    light_relay.execute(update(portals).values(full=True))
    envelope = envelopes.Stored(None, time.time())
    for full, rung in ((True, 0), (False, 1)):
        light_relay.execute(update(portals).values(full=full))
        account = light_relay.account_now()
        body = json.dumps({"events": [incoming(message_id=f"m-{rung}", conversation=f"c{rung}")]}).encode()
        raw = RawRequest("POST", "https://relay.example/", body=body)
        events = light_relay.services.connector(account).parse(raw, light_relay.services.opened(account))
        with light_relay.services.database.write() as connection:
            assert len(store_service_events(connection, account, events, envelope).ring) == rung


def test_a_secret_with_which_a_service_proves_itself_is_not_stored(light_relay: RelayWorld) -> None:
    row = add_account(light_relay, connector="matrix")
    secret = matrix_samples.CREDENTIALS.hs_token.get_secret_value()
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    path = f"/webhooks/matrix/{row.key}/_matrix/app/v1/transactions/1?access_token={secret}"
    assert light_relay.ask("PUT", path, matrix_samples.payload_bytes("text"), headers)[0] == 200
    with light_relay.services.database.read() as connection:
        stored = connection.execute(select(envelope_table)).one()
    assert secret not in str(tuple(stored))
    assert stored.headers["content-type"] == "application/json"
    assert stored.headers["authorization"] == "Bearer [redacted]"
