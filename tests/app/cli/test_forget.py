from __future__ import annotations

from tests.app.cli.conftest import Terminal
from tests.app.relay.world import RelayWorld


def test_a_persons_conversation_is_erased(relay: RelayWorld, terminal: Terminal) -> None:
    relay.answered()
    thread = relay.rows()[0].thread_id
    planned = terminal.json("forget", "u-c1", "--dry-run", "--json")
    assert planned == {"threads": [thread], "dry_run": True}
    assert relay.rows()[0].content["text"] == "Hello?"
    done = terminal.json("forget", "u-c1", "--json")
    assert (done["threads"], done["messages"], done["requests"]) == ([thread], 2, 2)
    assert {row.content["text"] for row in (*relay.rows(), *relay.rows("outbound"))} == {""}
    assert "its content was erased" in terminal.out("trace", "c1")


def test_nobody_is_found_by_a_wrong_id(relay: RelayWorld, terminal: Terminal) -> None:
    relay.conversation()
    assert "no person this address" in terminal.run("forget", "u-c2", status=1).stderr
    terminal.run("forget", "c1", "--account", 99, status=1)
    assert relay.rows()[0].content["text"] == "Hello?"
