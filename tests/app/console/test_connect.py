from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from app.console.connect import LIFE
from app.domain.account import RunState
from app.relay import accounts as account_use
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage import accounts, portals
from app.storage.accounts import AccountRow
from app.storage.tables import accounts as account_table
from tests.app.console.visitor import BOT, STRANGER, Visitor, ticket, title
from tests.app.relay.world import RelayWorld


def rows(relay: RelayWorld) -> list[AccountRow]:
    """The accounts besides the one that every world has."""
    with relay.services.database.read() as connection:
        return [row for row in accounts.every(connection) if row.id != relay.account.id]


def test_from_the_window_to_an_account_that_relays(relay: RelayWorld, visitor: Visitor) -> None:
    made = visitor.back_at_hubspot(visitor.connect())
    (row,) = rows(relay)
    assert (row.connector, row.name, row.hubspot_id) == ("telegram", "Shop (@shop_bot)", made["id"])
    assert made["deliveryIdentifier"] == {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "123456789"}
    assert row.hubspot_state is RunState.RUNNING
    person = {"id": 77, "first_name": "Dana"}
    relay.call("POST", "/_sim/telegram/chats", {"bot": BOT, "chat_id": 77, "type": "private", "user": person})
    relay.call("POST", "/_sim/telegram/say", {"bot": BOT, "chat_id": 77, "text": "Hello by Telegram"})
    relay.settle()
    assert relay.texts() == ["Hello by Telegram"]


def test_the_account_gets_the_name_that_was_entered(relay: RelayWorld, visitor: Visitor) -> None:
    made = visitor.back_at_hubspot(visitor.connect(**{"account-name": "  Küche <b>&  Co. "}))
    assert made["name"] == rows(relay)[0].name == "Küche <b>& Co."


def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(visitor: Visitor) -> None:
    for answer in (
        visitor.get("/connect", visitor.window()),
        visitor.get("/connect"),
        visitor.post({}),
        visitor.connect(STRANGER),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "Cross-Origin-Opener-Policy" not in answer.headers
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_the_cookie_is_for_no_script_and_no_other_site(relay: RelayWorld, visitor: Visitor) -> None:
    cookie = visitor.get("/connect", {**visitor.window(), "connector": "telegram"}).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/connect"} <= set(cookie.split("; "))
    assert relay.services.settings.public_url.startswith("http://")
    assert "Secure" not in cookie


@pytest.mark.parametrize(
    ("changes", "status", "heading"),
    [
        ({"accountToken": ""}, 400, "Open this page from HubSpot"),
        ({"channelId": ""}, 400, "Open this page from HubSpot"),
        ({"inboxId": ""}, 400, "Open this page from HubSpot"),
        ({"portalId": ""}, 400, "Open this page from HubSpot"),
        ({"redirectUrl": ""}, 400, "Open this page from HubSpot"),
        ({"portalId": "4700001x"}, 400, "This address cannot be right"),
        ({"portalId": "9" * 400}, 400, "This address cannot be right"),
        ({"channelId": "../1"}, 400, "This address cannot be right"),
        ({"accountToken": "a b"}, 400, "This address cannot be right"),
        ({"accountToken": "x" * 3000}, 400, "This address cannot be right"),
        ({"accountToken": "\0"}, 400, "This address cannot be right"),
        ({"redirectUrl": "https://app.hubspot.com.evil.example/"}, 400, "This address leads away from HubSpot"),
        ({"portalId": "4700002"}, 404, "The app is not installed in this HubSpot account"),
        ({"channelId": "1002"}, 404, "HubSpot does not show us this channel"),
    ],
)
def test_a_window_that_hubspot_did_not_open(
    visitor: Visitor, changes: dict[str, str], status: int, heading: str
) -> None:
    answer = visitor.get("/connect", visitor.window(**changes))
    assert (answer.status_code, title(answer)) == (status, heading)
    assert "evil" not in answer.text


def test_what_hubspot_may_add_later_is_passed_over(visitor: Visitor) -> None:
    assert visitor.get("/connect", {**visitor.window(), "hublet": "eu1", "<b>": "&"}).status_code == 200


def test_a_channel_that_nobody_here_has_used_is_asked_about(relay: RelayWorld, visitor: Visitor) -> None:
    relay.execute(update(account_table).values(channel_id="1999"))
    assert visitor.get("/connect", visitor.window()).status_code == 200
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/channel-accounts", times=None, status=503)
    assert title(visitor.get("/connect", visitor.window())) == "HubSpot does not answer"


@pytest.mark.parametrize(("status", "said"), [(404, "HubSpot does not show us this channel"), (503, "does not answer")])
def test_what_may_be_mended_in_a_minute_needs_one_click(
    relay: RelayWorld, visitor: Visitor, status: int, said: str
) -> None:
    relay.execute(update(account_table).values(channel_id="1999"))
    if status == 404:
        relay.world.switch(channel_visibility_delay=60)
    else:
        relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/channel-accounts", times=1, status=status)
    answer = visitor.get("/connect", visitor.window())
    assert said in title(answer)
    relay.world.clock.advance(61)
    again = re.search(r'class="button" href="(/connect[^"]+)"', answer.text)
    assert again is not None
    assert title(visitor.get(html.unescape(again[1]))) == "Which messenger do you want to connect?"


def test_a_forged_portal_with_a_token_of_another(relay: RelayWorld, visitor: Visitor) -> None:
    relay.call("POST", "/_sim/portals", {"id": "4700009"})
    with relay.services.database.write() as connection:
        sealed = relay.services.vault.seal("sim-refresh-4700009")
        portals.add(connection, 4700009, name="Other", refresh_token=sealed)
    answer = visitor.post({"ticket": visitor.form(portalId="4700009"), "c-token": BOT})
    assert title(answer) == "This window is too old, or was used already"
    assert rows(relay) == []


def test_a_paused_portal_leads_to_the_install_page(relay: RelayWorld, visitor: Visitor) -> None:
    with relay.services.database.write() as connection:
        portals.pause(connection, int(seed.PORTAL_ID), hint="The app was removed from this portal.")
    answer = visitor.get("/connect", visitor.window())
    assert title(answer) == "HubSpot does not let the relay in"
    assert 'href="/oauth/install"' in answer.text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sealed: sealed[:-9] + ("A" if sealed[-9] != "A" else "B") + sealed[-8:],
        lambda _: "",
        lambda _: "v1:00000000:gAAAA",
        lambda _: "ticket" * 9_000,
        lambda sealed: sealed.replace("v1:", "v2:"),
    ],
    ids=["one letter", "none", "made up", "very long", "another version"],
)
def test_a_tampered_form(relay: RelayWorld, visitor: Visitor, spoil: Callable[[str], str]) -> None:
    answer = visitor.post({"ticket": spoil(visitor.form()), "c-token": BOT})
    assert (answer.status_code, title(answer)) == (403, "This form is not the relay's")
    assert rows(relay) == []


def test_sealed_credentials_are_no_ticket(relay: RelayWorld, visitor: Visitor) -> None:
    visitor.form()
    assert visitor.post({"ticket": relay.account.credentials, "c-token": BOT}).status_code == 403


def test_another_browsers_form(relay: RelayWorld, visitor: Visitor) -> None:
    theirs, other = visitor.form(), Visitor(relay)
    assert title(other.post({"ticket": theirs, "c-token": BOT})) == "This form belongs to another browser"
    other.form()
    assert other.post({"ticket": theirs, "c-token": BOT}).status_code == 403
    assert rows(relay) == []


def test_two_windows_of_one_browser_do_not_end_one_another(relay: RelayWorld, visitor: Visitor) -> None:
    first, _second = visitor.form(), visitor.form()
    visitor.back_at_hubspot(visitor.post({"ticket": first, "c-token": BOT}))
    assert len(rows(relay)) == 1


def test_a_form_that_was_open_too_long(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = visitor.form()
    monkeypatch.setattr("app.console.connect.LIFE", -1)
    answer = visitor.post({"ticket": sealed, "c-token": BOT})
    assert LIFE == 3600
    assert (answer.status_code, title(answer)) == (410, "This form is too old")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(visitor: Visitor, method: str) -> None:
    assert visitor.client.open("/connect", method=method).status_code == 405


def test_a_body_that_is_too_large(relay: RelayWorld, visitor: Visitor) -> None:
    answer = visitor.post({"ticket": visitor.form(), "c-token": "x" * (relay.services.settings.body_limit + 1)})
    assert (answer.status_code, title(answer)) == (413, "That was too much")


@pytest.mark.parametrize("value", ["", "abc", "x" * 5_000, "12\0:3", "'; DROP TABLE accounts;--", "<script>1</script>"])
def test_an_entry_that_cannot_be(relay: RelayWorld, visitor: Visitor, value: str) -> None:
    answer = visitor.connect(value)
    assert answer.status_code == 422
    assert 'href="#c-token"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "script" not in answer.text
    assert rows(relay) == []


def test_what_was_entered_stays_in_the_form_but_for_secrets(visitor: Visitor) -> None:
    answer = visitor.connect(STRANGER, **{"account-name": "My shop"})
    assert answer.status_code == 422
    assert title(answer) == "Connect Telegram"
    assert "The messenger refuses these credentials" in answer.text
    assert 'value="My shop"' in answer.text
    assert STRANGER not in answer.text
    again = visitor.post({"ticket": ticket(answer), "c-token": BOT})
    visitor.back_at_hubspot(again)


def test_a_service_that_is_away_needs_one_click_afterwards(relay: RelayWorld, visitor: Visitor) -> None:
    relay.fault(Api.TELEGRAM, FaultKind.STATUS, path="getMe", status=503)
    answer = visitor.connect()
    assert (answer.status_code, title(answer)) == (503, "The messenger does not answer")
    assert BOT not in answer.text
    assert rows(relay) == []
    visitor.back_at_hubspot(visitor.post({"ticket": ticket(answer)}))
    assert len(rows(relay)) == 1


def test_hubspot_away_needs_one_click_afterwards(relay: RelayWorld, visitor: Visitor) -> None:
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="staging-tokens", status=503)
    answer = visitor.connect()
    assert (answer.status_code, title(answer)) == (503, "HubSpot does not answer")
    assert rows(relay) == []
    visitor.back_at_hubspot(visitor.post({"ticket": ticket(answer)}))


def test_an_address_that_the_service_refuses_needs_one_click(relay: RelayWorld, visitor: Visitor) -> None:
    relay.fault(Api.TELEGRAM, FaultKind.STATUS, path="setWebhook", status=500)
    answer = visitor.connect()
    assert title(answer) == "Almost done"
    visitor.back_at_hubspot(visitor.post({"ticket": ticket(answer)}))
    assert len(rows(relay)) == 1


def test_the_same_bot_twice(relay: RelayWorld, visitor: Visitor) -> None:
    visitor.back_at_hubspot(visitor.connect())
    answer = visitor.connect()
    assert (answer.status_code, title(answer)) == (409, "This account is connected already")
    assert "Shop (@shop_bot)" in answer.text
    with relay.services.database.write() as connection:
        portals.add(connection, 5, name="Other", refresh_token="x")
    relay.execute(update(account_table).where(account_table.c.connector == "telegram").values(portal_id=5))
    answer = visitor.connect()
    assert (answer.status_code, title(answer)) == (409, "This account is connected elsewhere")
    assert "Shop" not in answer.text


def test_a_reused_window(relay: RelayWorld, visitor: Visitor) -> None:
    window = visitor.window()
    first = ticket(visitor.get("/connect", {**window, "connector": "telegram"}))
    visitor.back_at_hubspot(visitor.post({"ticket": first, "c-token": BOT}))
    other = "555555555:" + "C" * 35
    relay.call("POST", "/_sim/telegram/bots", {"token": other, "username": "other_bot", "name": "Other"})
    again = ticket(visitor.get("/connect", {**window, "connector": "telegram"}))
    answer = visitor.post({"ticket": again, "c-token": other})
    assert (answer.status_code, title(answer)) == (410, "This window is too old, or was used already")
    assert len(rows(relay)) == 1


def test_an_expired_window(relay: RelayWorld, visitor: Visitor) -> None:
    sealed = visitor.form()
    relay.world.advance(3_600)
    with relay.services.database.write() as connection:
        portals.add(
            connection, int(seed.PORTAL_ID), name="", refresh_token=relay.services.vault.seal(seed.REFRESH_TOKEN)
        )
    assert visitor.post({"ticket": sealed, "c-token": BOT}).status_code == 410
    assert rows(relay) == []


def test_a_form_that_is_sent_again_after_all_went_well(relay: RelayWorld, visitor: Visitor) -> None:
    sealed = visitor.form()
    visitor.back_at_hubspot(visitor.post({"ticket": sealed, "c-token": BOT}))
    assert title(visitor.post({"ticket": sealed, "c-token": BOT})) == "The account is connected"
    assert len(rows(relay)) == 1


def test_a_service_whose_administrator_installs_a_file_first(relay: RelayWorld, visitor: Visitor) -> None:
    fields = {"c-homeserver_url": "http://127.0.0.1:9", "c-server_name": "example.org"}
    answer = visitor.post({"ticket": visitor.form("matrix"), **fields})
    assert (answer.status_code, title(answer)) == (200, "One step at your server")
    assert f"{relay.services.settings.public_url}/webhooks/matrix/" in answer.text
    answer = visitor.post({"ticket": ticket(answer)})
    assert title(answer) == "The messenger does not answer"
    assert rows(relay) == []


def test_addresses_that_strangers_enter_lead_to_no_private_host(relay: RelayWorld) -> None:
    visitor = Visitor(relay, allowed_private_hosts=())
    private = {"c-homeserver_url": relay.page, "c-server_name": "example.org"}
    answer = visitor.post({"ticket": ticket(visitor.post({"ticket": visitor.form("matrix"), **private}))})
    assert answer.status_code == 422
    assert "RELAY_ALLOWED_PRIVATE_HOSTS" in answer.text


def test_the_choice_offers_what_the_channel_serves(relay: RelayWorld, visitor: Visitor) -> None:
    answer = visitor.get("/connect", visitor.window())
    assert title(answer) == "Which messenger do you want to connect?"
    assert "Loopback" not in answer.text
    for title_ in ("Matrix", "Telegram"):
        assert f"<span>{title_}</span>" in answer.text
    alone = Visitor(relay, channel_connectors=("telegram",))
    assert title(alone.get("/connect", alone.window())) == "Connect Telegram"
    assert title(alone.get("/connect", {**alone.window(), "connector": "loopback"})) == "Connect Telegram"


def test_the_window_in_portuguese(relay: RelayWorld) -> None:
    visitor = Visitor(relay, "pt-BR,pt;q=0.9,en;q=0.5")
    answer = visitor.connect("abc")
    assert '<html lang="pt">' in answer.text
    assert answer.headers["Content-Language"] == "pt"
    assert title(answer) == "Conectar Telegram"
    assert "Não é o token de um bot" in answer.text
    assert title(Visitor(relay, "ja").get("/connect")) == "Open this page from HubSpot"


def test_a_database_that_is_away_is_a_page(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    window = visitor.window()

    def away(*_: Any) -> None:
        from sqlalchemy.exc import OperationalError  # noqa: PLC0415 - only here

        raise OperationalError("", {}, Exception())

    monkeypatch.setattr("app.storage.portals.get", away)
    answer = visitor.get("/connect", window)
    assert (answer.status_code, title(answer)) == (503, "The relay cannot store anything at the moment")


def test_no_secret_is_in_a_page_a_cookie_or_a_log(
    relay: RelayWorld, visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    relay.fault(Api.TELEGRAM, FaultKind.STATUS, path="setWebhook", status=500)
    sealed = visitor.form()
    answer = visitor.post({"ticket": sealed, "c-token": BOT})
    visitor.back_at_hubspot(visitor.post({"ticket": ticket(answer)}))
    said = capfd.readouterr()
    with relay.services.database.read() as connection:
        stored = json.dumps([[str(one) for one in row] for row in connection.exec_driver_sql("SELECT * FROM accounts")])
    for text in (answer.text, str(answer.headers), sealed, said.out, said.err, stored):
        assert BOT not in text
        assert BOT.partition(":")[2] not in text


def test_an_operator_can_go_on_with_it(relay: RelayWorld, visitor: Visitor) -> None:
    visitor.back_at_hubspot(visitor.connect())
    found = account_use.test(relay.services, rows(relay)[0].id)
    assert found is not None
    assert found.identifier.value == "123456789"
