from __future__ import annotations

from app.bench import blast
from app.bench.noop import NoOpServer
from app.bench.wire import request


def test_it_answers_whatever_is_posted() -> None:
    with NoOpServer(processes=1, threads=2) as server:
        outcome = blast.send([request("POST", f"/webhooks/any/{one}", b"{}") for one in range(6)], server.port)
    assert outcome.statuses == {204: 6}
