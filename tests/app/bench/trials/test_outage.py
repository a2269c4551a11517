from __future__ import annotations

from app.bench.chaos.ledger import Ledger, Row, Told
from app.bench.load import Side, Words
from app.bench.trials.outage import counts, spread

FIRST, SECOND = Words("c-1", Side.AGENT, 1), Words("c-1", Side.AGENT, 2)
SENT = Told("SENT", ["SENT"], "")


def ledger(*arrived: Words) -> Ledger:
    """Two messages of an agent's, and what the customer has of them."""
    row = Row(1, "sent", "", accepted=1.0, begun=2.0, late=False, crashes=0, unknown=0, order=1)
    return Ledger(
        written=frozenset({FIRST, SECOND}),
        arrived={("c-1", Side.AGENT): arrived},
        rows={FIRST: row, SECOND: row},
        told={FIRST: SENT, SECOND: SENT},
        spans=[],
        idempotent=frozenset({"c-1"}),
        threads={"c-1": 1},
    )


def broken(found: Ledger) -> dict[str, float]:
    """The figures that are a breach."""
    return {one.name: one.median for one in counts(found)[0] if one.is_breach}


def test_everybody_writes_in_turn_and_evenly() -> None:
    lines = spread(["c-1", "c-2"], Side.AGENT, rounds=2, seconds=8, first=5)
    assert [str(one.words) for one in lines] == ["c-1 agent 5", "c-2 agent 5", "c-1 agent 6", "c-2 agent 6"]
    assert [one.at for one in lines] == [0, 2, 4, 6]
    assert [one.text for one in lines] == [str(one.words) for one in lines]
    assert spread([], Side.AGENT, rounds=2, seconds=8) == []


def test_what_must_never_be_is_counted_and_told() -> None:
    assert broken(ledger(FIRST, SECOND)) == {}
    assert broken(ledger(FIRST)) == {"lost": 1}
    assert broken(ledger(SECOND, FIRST)) == {"out of order in a lane": 1}
    assert broken(ledger(FIRST, FIRST, SECOND)) == {"duplicates at services with idempotency": 1}
    assert counts(ledger(FIRST))[1] == ["c-1 agent 2: it did not arrive; the relay calls it sent"]
