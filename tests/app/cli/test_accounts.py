from __future__ import annotations

from pathlib import Path

import pytest

from app.simulator import seed
from app.storage import accounts, breakers, envelopes
from app.storage.breakers import Key, Scope
from tests.app.cli.conftest import Terminal
from tests.app.relay.world import LOOPBACK_TOKEN, RelayWorld, eventually

NEW = ("--portal", seed.PORTAL_ID, "--channel", seed.CHANNEL_ID, "--account", "2099", "--name", "Shop")


@pytest.fixture(autouse=True)
def _another_account_at_hubspot(relay: RelayWorld) -> None:
    """HubSpot has an account that is not connected here yet."""
    new = {"id": "2099", "channel": seed.CHANNEL_ID, "portal": seed.PORTAL_ID, "inbox": seed.INBOX_ID, "name": "Shop"}
    relay.call("POST", "/_sim/channel-accounts", new)


def test_lists_accounts_with_their_addresses(relay: RelayWorld, terminal: Terminal) -> None:
    [line] = terminal.json("accounts", "list")
    base = relay.services.settings.public_url
    assert line["webhook_url"] == f"{base}/webhooks/loopback/{relay.account.key}"
    assert (line["connector"], line["state"], line["hubspot_account"]) == ("loopback", "running", "2001")
    assert LOOPBACK_TOKEN not in str(line)
    assert line["webhook_url"] in terminal.out("accounts", "list")


def test_lists_which_side_fails(relay: RelayWorld, terminal: Terminal) -> None:
    with relay.services.database.write() as connection:
        fresh = breakers.make(connection, Key(Scope.SERVICE, relay.account.id))
        breakers.store(connection, fresh.opened("Loopback is down.", probe_in=9.0))
    [line] = terminal.json("accounts", "list")
    assert (line["state"], line["failing"], line["hint"]) == ("service side fails", ["service"], "Loopback is down.")


def test_the_policy_behind_dead_letters_is_changed(relay: RelayWorld, terminal: Terminal) -> None:
    assert "wait behind a dead letter" in terminal.out("accounts", "change", "1", "--dead-letters", "hold")
    assert relay.account_now().dead_letters == "hold"
    assert "go on behind" in terminal.out("accounts", "change", "1", "--dead-letters", "skip")
    assert relay.account_now().dead_letters == "skip"


def test_add_tests_stores_registers_and_prints_the_address(relay: RelayWorld, terminal: Terminal) -> None:
    added = terminal.json("accounts", "add", "loopback", *NEW, "--set", f"token={LOOPBACK_TOKEN}")
    assert (added["tested"], added["identifier"], added["registered"], added["warning"]) == (True, "demo", True, "")
    with relay.services.database.read() as connection:
        row = accounts.get(connection, added["id"])
    assert row is not None
    assert added["webhook_url"].endswith(f"/webhooks/loopback/{row.key}")
    assert row.identifier.value == "demo"
    assert LOOPBACK_TOKEN not in row.credentials


@pytest.mark.usefixtures("relay")
def test_a_secret_may_stand_in_a_file(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{LOOPBACK_TOKEN}\n")
    assert terminal.json("accounts", "add", "loopback", *NEW, "--set", f"token=@{tmp_path / 'token'}")["tested"]


@pytest.mark.usefixtures("relay")
def test_a_file_that_is_not_there_is_wrong_usage(terminal: Terminal) -> None:
    words = terminal.refusal("accounts", "add", "loopback", *NEW, "--set", "token=@nowhere", status=2)
    assert "nowhere cannot be read" in words


@pytest.mark.usefixtures("relay")
def test_a_missing_credential_is_told_with_all_fields(terminal: Terminal) -> None:
    words = terminal.refusal("accounts", "add", "loopback", *NEW, status=2)
    assert "token is missing: give it a value" in words
    assert "secret (optional): Signs the webhooks" in words


@pytest.mark.usefixtures("relay")
def test_an_unknown_credential_is_told_without_its_value(terminal: Terminal) -> None:
    given = ("--set", f"token={LOOPBACK_TOKEN}", "--set", "pin=81723")
    words = terminal.refusal("accounts", "add", "loopback", *NEW, *given, status=2)
    assert "pin" in words
    assert "81723" not in words


@pytest.mark.usefixtures("relay")
def test_refused_credentials_store_nothing(terminal: Terminal) -> None:
    words = terminal.refusal("accounts", "add", "loopback", *NEW, "--set", "token=wrong-token")
    assert "refuses the token" in words
    assert len(terminal.json("accounts", "list")) == 1


@pytest.mark.usefixtures("relay")
def test_untested_and_unregistered_the_identifier_is_made_up(terminal: Terminal) -> None:
    given = ("--set", "token=wrong-token", "--no-test", "--no-register")
    added = terminal.json("accounts", "add", "loopback", *NEW, *given)
    assert (added["tested"], added["registered"]) == (False, False)
    assert terminal.json("accounts", "list")[1]["identifier"] == "loopback:Shop"


@pytest.mark.usefixtures("relay")
def test_a_refused_registration_leaves_the_account(terminal: Terminal) -> None:
    result = terminal.run("accounts", "add", "loopback", *NEW, "--set", "token=wrong-token", "--no-test")
    assert "relay accounts register 2" in result.stderr
    assert len(terminal.json("accounts", "list")) == 2


@pytest.mark.usefixtures("relay")
def test_matrix_gets_its_registration_file(terminal: Terminal) -> None:
    server = ("--set", "homeserver_url=http://127.0.0.1:9", "--set", "server_name=example.org")
    text = terminal.out("accounts", "add", "matrix", *NEW, *server, "--no-test")
    assert f'url: "{terminal.json("accounts", "list")[1]["webhook_url"]}"' in text
    assert "as_token:" in text


def test_what_waited_for_the_account_is_opened(relay: RelayWorld, terminal: Terminal) -> None:
    relay.say("Hello")
    with relay.working():
        relay_thread = _eventually_thread(relay)
    with relay.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET hubspot_id = 'elsewhere'")
    relay.reply(relay_thread, "Nobody knows this account yet")
    _eventually_waiting(relay)
    given = ("--portal", seed.PORTAL_ID, "--channel", seed.CHANNEL_ID, "--name", "Again")
    words = ("--account", seed.LOOPBACK_ACCOUNT_ID, "--set", f"token={LOOPBACK_TOKEN}")
    assert terminal.json("accounts", "add", "loopback", *given, *words)["opened_messages"] == 1


def _eventually_thread(relay: RelayWorld) -> str:
    return str(eventually(relay.threads)[0]["id"])


def _eventually_waiting(relay: RelayWorld) -> None:
    def waiting() -> int:
        with relay.services.database.read() as connection:
            return envelopes.count_unopened(connection)

    eventually(waiting)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("carrier-pigeon", *NEW), "no connector 'carrier-pigeon'"),
        (("loopback", "--portal", 5, *NEW[2:], "--set", "token=t"), "relay portals add 5"),
        (("loopback", *NEW[:4], "--account", "2001", *NEW[6:], "--set", "token=t"), "relay accounts change 1"),
    ],
)
@pytest.mark.usefixtures("relay")
def test_what_cannot_be_added_is_told(terminal: Terminal, words: tuple[object, ...], sentence: str) -> None:
    assert sentence in terminal.refusal("accounts", "add", *words)


@pytest.mark.usefixtures("relay")
def test_without_a_public_address_nothing_is_registered(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PUBLIC_URL", "")
    words = terminal.refusal("accounts", "add", "loopback", *NEW, "--set", f"token={LOOPBACK_TOKEN}")
    assert "RELAY_PUBLIC_URL is missing" in words


@pytest.mark.usefixtures("relay")
def test_pairs_need_a_value(terminal: Terminal) -> None:
    assert "token=value" in terminal.refusal("accounts", "add", "loopback", *NEW, "--set", "token", status=2)


@pytest.mark.usefixtures("relay")
def test_the_stored_credentials_are_tested(terminal: Terminal) -> None:
    assert terminal.json("accounts", "test", 1) == {"id": 1, "tested": True, "identifier": "demo"}
    assert "The credentials work" in terminal.out("accounts", "test", 1)
    assert "no account 7" in terminal.refusal("accounts", "test", 7)


@pytest.mark.usefixtures("relay")
def test_new_credentials_replace_some_of_the_old(terminal: Terminal) -> None:
    assert "refuses the token" in terminal.refusal("accounts", "change", 1, "--set", "token=wrong-token")
    terminal.run("accounts", "change", 1, "--set", "token=other-token", "--no-test")
    assert "refuses the token" in terminal.refusal("accounts", "test", 1)
    terminal.run("accounts", "change", 1, "--set", f"token={LOOPBACK_TOKEN}")
    assert terminal.json("accounts", "test", 1)["tested"]
    assert "Nothing to change" in terminal.refusal("accounts", "change", 1, status=2)


def test_the_webhook_is_registered_again(relay: RelayWorld, terminal: Terminal) -> None:
    assert relay.account.key in terminal.out("accounts", "register", 1)


@pytest.mark.usefixtures("relay")
def test_pause_and_resume(terminal: Terminal) -> None:
    terminal.run("accounts", "pause", 1)
    assert terminal.json("accounts", "list")[0]["state"] == "paused"
    terminal.run("accounts", "resume", 1)
    assert terminal.json("accounts", "list")[0]["state"] == "running"


def test_resume_lifts_the_pauses_of_both_sides(relay: RelayWorld, terminal: Terminal) -> None:
    with relay.services.database.write() as connection:
        for side in accounts.Side:
            accounts.pause_side(connection, 1, side, hint=f"{side} is tired.")
    [line] = terminal.json("accounts", "list")
    assert line["state"] == "service side paused, HubSpot side paused"
    assert "service is tired. hubspot is tired." in line["hint"]
    terminal.run("accounts", "resume", 1)
    assert terminal.json("accounts", "list")[0]["state"] == "running"


@pytest.mark.usefixtures("relay")
def test_what_is_done_with_contacts_and_names_is_chosen(terminal: Terminal) -> None:
    def chosen() -> tuple[str, bool]:
        [line] = terminal.json("accounts", "list")
        return line["contacts"], line["agent_names"]

    assert chosen() == ("off", False)
    for policy in ("find", "create"):
        assert "account 1" in terminal.out("accounts", "contacts", 1, policy)
        assert chosen() == (policy, False)
    assert "do not see" not in terminal.out("accounts", "names", 1, "on")
    assert chosen() == ("create", True)
    terminal.run("accounts", "contacts", 1, "off")
    assert "do not see" in terminal.out("accounts", "names", 1, "off")
    assert chosen() == ("off", False)
    for words in (("contacts", 7, "find"), ("names", 7, "on")):
        assert "no account 7" in terminal.refusal("accounts", *words)


@pytest.mark.usefixtures("relay")
def test_options_are_switched_and_shown(terminal: Terminal) -> None:
    def options() -> dict[str, bool]:
        return dict(terminal.json("accounts", "show", 1)["options"])

    usual = {"edits": True, "deletions": True, "reactions": True, "speakers": False, "typing": False}
    assert options() == {**usual, "read_marks": False}
    said = terminal.out("accounts", "set", 1, "edits=off", "read-marks=ON")
    assert said.splitlines() == ["edits is off for account 1.", "read_marks is on for account 1."]
    assert options() == {**usual, "edits": False, "read_marks": True}
    terminal.run("accounts", "set", 1, "edits=on")
    assert options() == {**usual, "read_marks": True}
    assert terminal.json("accounts", "list")[0]["options"] == options()
    assert "read marks" in terminal.out("accounts", "show", 1)
    assert "no account 7" in terminal.refusal("accounts", "set", 7, "edits=on")
    assert "There are: edits" in terminal.refusal("accounts", "set", 1, "wishes=on", status=2)
    assert "edits=on or edits=off" in terminal.refusal("accounts", "set", 1, "edits=yes", status=2)


@pytest.mark.usefixtures("relay")
def test_lists_where_an_account_is(terminal: Terminal) -> None:
    added = terminal.json("accounts", "add", "loopback", *NEW, "--set", f"token={LOOPBACK_TOKEN}")
    [line] = [one for one in terminal.json("accounts", "list") if one["id"] == added["id"]]
    assert (line["inbox"], line["inbox_id"], line["authorized"]) == (seed.INBOX_ID, seed.INBOX_ID, True)


@pytest.mark.usefixtures("relay")
def test_an_account_that_hubspot_does_not_have_is_told(terminal: Terminal) -> None:
    words = (*NEW[:4], "--account", "2098", *NEW[6:], "--set", f"token={LOOPBACK_TOKEN}")
    assert "HubSpot has no account 2098 of channel 1001" in terminal.refusal("accounts", "add", "loopback", *words)
    assert terminal.json("accounts", "add", "loopback", *words, "--no-test", "--no-register")["id"] == 2


def test_a_removed_account_is_gone_from_the_roads_and_stays_in_the_list(relay: RelayWorld, terminal: Terminal) -> None:
    assert "Account 1 is removed" in terminal.out("accounts", "remove", 1)
    [line] = terminal.json("accounts", "list")
    assert line["state"] == "purged"
    assert "connect it anew" in line["hint"]
    assert "is removed already" in terminal.refusal("accounts", "remove", 1)
    for command in ("test", "resume", "register"):
        assert "connect it anew" in terminal.refusal("accounts", command, 1)
    assert not relay.world.hubspot.accounts[seed.LOOPBACK_ACCOUNT_ID].authorized
