from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.bench import scene
from app.bench.chaos import ledger
from app.bench.chaos.ledger import Told
from app.bench.load import Line, Side, Words
from app.domain.message import Content
from app.http import Http
from app.storage import attempts
from app.storage.attempts import Outcome
from app.storage.database import Database
from tests.app.bench.people import LOOPBACK, loaded, opened_thread, running_page
from tests.app.storage.rows import Rows

ANSWER = Words("hot-1", Side.AGENT, 1)
HELLO = Words("tele-1", Side.CUSTOMER, 1)


@pytest.fixture
def database(migrated_sqlite_url: str) -> Iterator[Database]:
    with closing(Database(migrated_sqlite_url)) as opened:
        yield opened


def sends(http: Http, page: str, text: str, key: str) -> None:
    """Send an answer to the customer, as the relay would."""
    headers = {"Authorization": f"Bearer {LOOPBACK.token}", "Idempotency-Key": key}
    http.request("POST", f"{page}/loopback/v1/messages", headers=headers, json={"conversation": "hot-1", "text": text})


def test_both_sides_are_read_as_they_stand(database: Database) -> None:
    with running_page() as page, closing(Http(call_timeout=5.0)) as http:
        load = loaded(page)
        load.threads["hot-1"] = opened_thread(page, "hot-1", "hot-1 customer 1 apple")
        scene.ask(http, "POST", f"{page}/_sim/loopback/conversations", {"account": "shop", "conversation": "hot-1"})
        load.write([Line(0.0, ANSWER, f"{ANSWER} birch"), Line(0.0, HELLO, f"{HELLO} cloud")])
        for key in ("one", "two"):
            sends(http, page, f"{ANSWER} birch", key)
        found = ledger.take(load, database)
    assert found.written == {ANSWER, HELLO}
    assert found.arrived["hot-1", Side.CUSTOMER] == [Words("hot-1", Side.CUSTOMER, 1)]
    assert found.arrived["hot-1", Side.AGENT] == [ANSWER, ANSWER]
    assert found.arrived["tele-1", Side.AGENT] == []
    assert found.told == {ANSWER: Told("SENT", [], "")}
    assert found.idempotent == {"hot-1", "hot-2"}
    assert found.threads == {"hot-1": 1}
    first, second = (span for span in found.spans if span.lane == "hot-1 agent")
    assert first.began <= first.ended <= second.began <= second.ended


@pytest.mark.parametrize(("seconds", "counts"), [(1.0, True), (2.5, False)])
def test_a_status_that_was_given_up_is_no_call_in_flight(seconds: float, *, counts: bool) -> None:
    call = {"method": "PATCH", "path": "/x/messages/m1", "text": "", "began": 5.0, "ended": 5.0 + seconds}
    span = ledger.read_span(call, {"m1": ANSWER})
    assert (span is not None) is counts
    assert ledger.read_span({**call, "path": "/x/messages/other", "ended": 5.1}, {"m1": ANSWER}) is None


def test_the_relays_rows_tell_calls_that_nobody_heard_of_apart_from_dead_workers(database: Database) -> None:
    rows = Rows(database)
    lane = rows.claimed()
    message = rows.message(lane.id, content=Content(text=f"{ANSWER} birch"), late=True)
    rows.finish(message, rows.begun(lane, message), Outcome.UNKNOWN, part_state="pending")
    rows.begun(lane, message)
    rows.write(attempts.give_up, rows.head(message), part_state="pending")
    rows.message(lane.id, content=Content(text="somebody else's"))
    ((words, row),) = ledger.read_rows(database).items()
    assert (words, row.id, row.status) == (ANSWER, message, "pending")
    assert (row.unknown, row.crashes, row.late) == (1, 1, True)
    assert row.begun is not None
    assert row.begun >= row.accepted
