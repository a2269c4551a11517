from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.account import RunState
from app.hubspot.oauth import SCOPES
from app.simulator import seed
from app.simulator.faults import Api, FaultKind
from app.storage import portals
from app.storage.portals import Portal
from app.storage.tables import portals as portal_table
from tests.app.console.visitor import Visitor, title
from tests.app.relay.world import RelayWorld


def portal(relay: RelayWorld, portal_id: str = seed.PORTAL_ID) -> Portal | None:
    with relay.services.database.read() as connection:
        return portals.get(connection, int(portal_id))


def consent(relay: RelayWorld, page: TestResponse, **decision: str) -> dict[str, str]:
    """Click through to HubSpot's consent page and decide there. Returns what it sends back in the address."""
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    asked = "&".join([address, *(f"{name}={value}" for name, value in decision.items())])
    answer = relay.http.request("GET", asked)
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{relay.services.settings.public_url}/oauth/callback"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def allowed(relay: RelayWorld, visitor: Visitor, portal_id: str = seed.PORTAL_ID) -> dict[str, str]:
    return consent(relay, visitor.get("/oauth/install"), decision="allow", portal=portal_id)


def test_an_installation(relay: RelayWorld, visitor: Visitor) -> None:
    seed.add_portal(relay.world, "4700007")
    answer = visitor.get("/oauth/callback", allowed(relay, visitor, "4700007"))
    assert (answer.status_code, title(answer)) == (200, "The app is installed")
    assert "4700007" in answer.text
    stored = portal(relay, "4700007")
    assert stored is not None
    assert stored.refresh_token.startswith("v1:")
    assert stored.expires_in > 1_700


def test_the_page_asks_for_what_the_relay_needs(relay: RelayWorld, visitor: Visitor) -> None:
    page = visitor.get("/oauth/install")
    address = page.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{relay.page}/oauth/authorize?")
    assert asked["scope"] == [" ".join(SCOPES)]
    assert asked["optional_scope"] == ["crm.objects.contacts.read crm.objects.contacts.write"]
    assert "%20" in address
    assert asked["redirect_uri"] == [f"{relay.services.settings.public_url}/oauth/callback"]
    assert len(asked["state"][0]) >= 32
    cookie = page.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/oauth"} <= set(cookie)
    assert asked["state"][0] not in page.headers["Set-Cookie"]


def test_installing_again_keeps_everything_and_lifts_the_pause(relay: RelayWorld, visitor: Visitor) -> None:
    relay.world.hubspot.refresh_tokens[seed.REFRESH_TOKEN].revoked = True
    relay.world.hubspot.access_tokens.clear()
    relay.say("While the app was away")
    relay.settle()
    before = portal(relay)
    assert before is not None
    assert before.state is RunState.PAUSED
    assert "install the app again" in before.hint
    answer = visitor.get("/oauth/callback", allowed(relay, visitor))
    assert "Its channel accounts (1)" in answer.text
    relay.settle()
    assert relay.texts() == ["While the app was away"]


def test_a_replayed_answer(relay: RelayWorld, visitor: Visitor) -> None:
    back = allowed(relay, visitor)
    assert visitor.get("/oauth/callback", back).status_code == 200
    answer = visitor.get("/oauth/callback", back)
    assert (answer.status_code, title(answer)) == (403, "This answer was used already")


@pytest.mark.parametrize("state", ["", "made-up", "\0", "é", "x" * 3_000])
def test_a_state_that_is_not_ours(relay: RelayWorld, visitor: Visitor, state: str) -> None:
    answer = visitor.get("/oauth/callback", {**allowed(relay, visitor), "state": state})
    assert (answer.status_code, title(answer)) == (403, "This installation was not begun here")
    assert relay.world.hubspot.codes
    assert not any(code.used for code in relay.world.hubspot.codes.values())


def test_an_answer_in_another_browser(relay: RelayWorld, visitor: Visitor) -> None:
    back = allowed(relay, visitor)
    other = Visitor(relay)
    assert title(other.get("/oauth/callback", back)) == "This installation was not begun here"
    other.get("/oauth/install")
    assert title(other.get("/oauth/callback", back)) == "This installation was not begun here"


def test_an_answer_after_ten_minutes(relay: RelayWorld, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    back = allowed(relay, visitor)
    monkeypatch.setattr("app.console.install.LIFE", -1)
    answer = visitor.get("/oauth/callback", back)
    assert (answer.status_code, title(answer)) == (410, "That took too long")


def test_two_pages_of_one_browser_do_not_end_one_another(relay: RelayWorld, visitor: Visitor) -> None:
    first = allowed(relay, visitor)
    visitor.get("/oauth/install")
    assert visitor.get("/oauth/callback", first).status_code == 200


@pytest.mark.parametrize(
    ("word", "description", "heading"),
    [
        ("access_denied", "The user refused", "The installation was cancelled"),
        ("invalid_scope", "", "Your HubSpot account lacks what the app needs"),
        ("error", "the account has no access to the scopes", "Your HubSpot account lacks what the app needs"),
        ("<b>server_error</b>", "<script>1</script>", "HubSpot did not finish the installation"),
    ],
)
def test_what_the_consent_page_refuses(
    relay: RelayWorld, visitor: Visitor, word: str, description: str, heading: str
) -> None:
    state = allowed(relay, visitor)["state"]
    answer = visitor.get("/oauth/callback", {"state": state, "error": word, "error_description": description})
    assert title(answer) == heading
    assert "script" not in answer.text
    assert "server_error" not in answer.text


def test_somebody_presses_cancel(relay: RelayWorld, visitor: Visitor) -> None:
    back = consent(relay, visitor.get("/oauth/install"), decision="refuse")
    assert title(visitor.get("/oauth/callback", back)) == "The installation was cancelled"


def test_an_answer_without_a_code(relay: RelayWorld, visitor: Visitor) -> None:
    state = allowed(relay, visitor)["state"]
    assert title(visitor.get("/oauth/callback", {"state": state})) == "Open this page by installing the app"


@pytest.mark.parametrize(
    ("body", "heading"),
    [
        ({"status": "BAD_AUTH_CODE"}, "HubSpot's answer does not hold any more"),
        ({"error": "invalid_grant"}, "HubSpot's answer does not hold any more"),
        ({"status": "BAD_CODE_VERIFIER"}, "HubSpot's answer does not hold any more"),
        ({"status": "BAD_CLIENT_ID"}, "The relay is not set up for this yet"),
        ({"status": "BAD_CLIENT_SECRET", "error": "invalid_client"}, "The relay is not set up for this yet"),
        ({"status": "BAD_CLIENT_SECRET", "error": "invalid_grant"}, "The relay is not set up for this yet"),
        ({"error": "invalid_client"}, "The relay is not set up for this yet"),
        ({"status": "BAD_GRANT_TYPE"}, "The relay is not set up for this yet"),
        ({"status": "BAD_REDIRECT_URI", "error": "invalid_grant"}, "The app does not know this relay's address"),
        ({"status": "BAD_SCOPES"}, "The app does not offer what the relay needs"),
        ({"status": "BAD_HUB", "error": "access_denied"}, "HubSpot does not know this account any more"),
        ({"status": "BAD_REFRESH_TOKEN", "error": "invalid_grant"}, "HubSpot does not know this account any more"),
    ],
)
def test_what_the_token_endpoint_refuses(
    relay: RelayWorld, visitor: Visitor, body: dict[str, str], heading: str
) -> None:
    back, before = allowed(relay, visitor), portal(relay)
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/token", status=400, body=json.dumps(body))
    answer = visitor.get("/oauth/callback", back)
    assert (answer.status_code, title(answer)) == (502, heading)
    assert 'href="/oauth/install"' in answer.text
    assert back["code"] not in answer.text
    assert before is not None
    assert portal(relay).refresh_token == before.refresh_token  # type: ignore[union-attr]


def test_a_code_that_is_too_old(relay: RelayWorld, visitor: Visitor) -> None:
    back = allowed(relay, visitor)
    relay.world.advance(61)
    assert title(visitor.get("/oauth/callback", back)) == "HubSpot's answer does not hold any more"


def test_hubspot_is_away(relay: RelayWorld, visitor: Visitor) -> None:
    back = allowed(relay, visitor)
    relay.fault(Api.HUBSPOT, FaultKind.STATUS, path="/token", times=None, status=503)
    answer = visitor.get("/oauth/callback", back)
    assert (answer.status_code, title(answer)) == (503, "HubSpot does not answer")


def test_a_relay_without_settings_says_so(relay: RelayWorld) -> None:
    answer = Visitor(relay, hubspot_client_id="").get("/oauth/install")
    assert (answer.status_code, title(answer)) == (503, "The relay is not set up for this yet")
    assert "RELAY_HUBSPOT_CLIENT_ID" in answer.text


def test_no_token_is_in_a_page_a_log_or_the_clear(
    relay: RelayWorld, visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = visitor.get("/oauth/callback", allowed(relay, visitor))
    said = capfd.readouterr()
    with relay.services.database.read() as connection:
        stored = str(list(connection.execute(select(portal_table))))
    issued = [*relay.world.hubspot.refresh_tokens, *relay.world.hubspot.access_tokens]
    assert len(issued) >= 3
    for secret in issued:
        for text in (answer.text, str(answer.headers), said.out, said.err, stored):
            assert secret not in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_installation_in_portuguese(relay: RelayWorld) -> None:
    visitor = Visitor(relay, "pt")
    assert title(visitor.get("/oauth/install")) == "Ligar o relay ao HubSpot"
    assert title(visitor.get("/oauth/callback", allowed(relay, visitor))) == "O aplicativo está instalado"
