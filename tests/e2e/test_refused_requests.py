"""What forgers and clumsy people send to the real web process: refused with a page, and nothing stored."""

from __future__ import annotations

import html
import http.client
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from app.cli.roles import web_command
from app.relay import portals, tokens
from app.simulator import seed
from app.storage.tables import boots, heartbeats, metadata
from tests.app.relay.conftest import relay_simulator
from tests.app.relay.world import CLIENT_SECRET, RelayWorld, free_port, hubspot_headers, outgoing, relay_world
from tests.e2e.processes import eventually

__all__ = ["relay_simulator"]

REPOSITORY = Path(__file__).parents[2]
BOT, OTHER_BOT, STRANGER = (
    f"{number}:{letter * 35}" for number, letter in ((123456789, "A"), (555555555, "C"), (9, "B"))
)
OTHER_PORTAL = "4700002"
EVENT = json.dumps(outgoing()).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return html.unescape(found[1]) if found else ""

    @property
    def ticket(self) -> str:
        found = re.search(r'name="ticket" value="([^"]+)"', self.text)
        assert found is not None, self.heading or self.text
        return html.unescape(found[1])


class Site:
    """The web role in a process of its own, with HubSpot and Telegram simulated, and two portals installed."""

    def __init__(self, relay: RelayWorld) -> None:
        self.relay = relay
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        settings = self.relay.services.settings
        environment = {
            "PATH": os.environ["PATH"],
            "RELAY_ENVIRONMENT": "test",
            "RELAY_DATA_DIR": str(settings.data_dir),
            "RELAY_DATABASE_URL": settings.database_url,
            "RELAY_BROKER_URL": settings.broker_url,
            "RELAY_PUBLIC_URL": self.url,
            "RELAY_SECRET_KEYS": "a key of the tests",
            "RELAY_HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
            "RELAY_HUBSPOT_CLIENT_ID": seed.CLIENT_ID,
            "RELAY_HUBSPOT_APP_ID": seed.APP_ID,
            "RELAY_HUBSPOT_API_URL": self.relay.page,
            "RELAY_HUBSPOT_APP_URL": self.relay.page,
            "RELAY_TELEGRAM_API_URL": f"{self.relay.page}/telegram",
            "RELAY_CHANNEL_CONNECTORS": "telegram",
            "RELAY_BODY_LIMIT": "100000",
        }
        command = web_command(settings, f"127.0.0.1:{self.port}")
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)  # noqa: S603 - ours
        try:
            eventually(self.is_alive, within=60)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def is_alive(self) -> bool:
        try:
            return Browser(self).get("/livez").status == 200
        except OSError:
            return False

    def window(self, portal: str = seed.PORTAL_ID, **changes: str) -> dict[str, str]:
        """The parameters with which HubSpot opens the pop-up in a portal."""
        url = self.relay.call("POST", "/_sim/connect", {"portal": portal})["url"]
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | changes

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is stored, but for a process's own signs of life, and when this machine was seen to start."""
        tables = [one for one in metadata.sorted_tables if one not in {boots, heartbeats}]
        with self.relay.services.database.read() as connection:
            return {one.name: [tuple(row) for row in connection.execute(select(one))] for one in tables}


@dataclass
class Browser:
    """Somebody with cookies and without scripts, who says exactly what a test wants."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        cookie = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        try:
            connection.request(method, path, body=body, headers={**cookie, **(headers or {})})
            answer = connection.getresponse()
            for one in answer.headers.get_all("Set-Cookie", []):
                name, _, value = one.partition(";")[0].partition("=")
                self.cookies[name] = value
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path, headers=headers)

    def post(self, form: Mapping[str, str], path: str = "/connect") -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(form).encode(), headers)

    def opens(self, **changes: str) -> str:
        """Open the pop-up's form. Returns its ticket."""
        return self.get("/connect", self.site.window(**changes)).ticket

    def connects(self, window: Mapping[str, str], token: str = BOT) -> Answer:
        return self.post({"ticket": self.get("/connect", window).ticket, "c-token": token})

    def consents(self) -> dict[str, str]:
        """Go to HubSpot's consent page and allow. Returns what HubSpot sends back in the address."""
        page = self.get("/oauth/install").text
        address = html.unescape(page.partition('class="button" href="')[2].partition('"')[0])
        answer = self.site.relay.http.request("GET", f"{address}&decision=allow&portal={seed.PORTAL_ID}")
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as environment:
        database = f"sqlite:///{folder / 'relay.db'}"
        with relay_world(folder, environment, database) as relay:
            for token, name in ((BOT, "shop_bot"), (OTHER_BOT, "other_bot")):
                relay.call("POST", "/_sim/telegram/bots", {"token": token, "username": name, "name": name})
            relay.call("POST", "/_sim/portals", {"id": OTHER_PORTAL})
            portals.add(relay.services, int(OTHER_PORTAL), f"sim-refresh-{OTHER_PORTAL}")
            tokens.TokenSource(relay.services, int(seed.PORTAL_ID))(None)  # else the first question would store one
            found = Site(relay)
            with found.running():
                yield found


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


@contextmanager
def nothing_stored(site: Site) -> Iterator[None]:
    before = site.dump()
    yield
    assert site.dump() == before


def is_page(answer: Answer, status: int, heading: str) -> None:
    """A refusal is a page for people, with this heading."""
    assert (answer.status, answer.heading) == (status, heading)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("changes", "status", "heading"),
    [
        ({"portalId": "4799999"}, 404, "The app is not installed in this HubSpot account"),
        ({"portalId": "0"}, 400, "This address cannot be right"),
        ({"portalId": f"{seed.PORTAL_ID} OR 1=1"}, 400, "This address cannot be right"),
        ({"channelId": "1999"}, 404, "HubSpot does not show us this channel"),
        ({"redirectUrl": "https://evil.example/"}, 400, "This address leads away from HubSpot"),
        ({"redirectUrl": "https://app.hubspot.com.evil.example/"}, 400, "This address leads away from HubSpot"),
        ({"redirectUrl": "https://app.hubspot.com@evil.example/"}, 400, "This address leads away from HubSpot"),
        ({"redirectUrl": "//evil.example/"}, 400, "This address leads away from HubSpot"),
        ({"redirectUrl": "javascript:alert(1)"}, 400, "This address leads away from HubSpot"),
        ({"redirectUrl": "http://app.hubspot.com/"}, 400, "This address leads away from HubSpot"),
    ],
)
def test_a_window_that_hubspot_did_not_open(
    site: Site, browser: Browser, changes: dict[str, str], status: int, heading: str
) -> None:
    window = site.window(**changes)
    with nothing_stored(site):
        answer = browser.get("/connect", window)
        is_page(answer, status, heading)
        assert "evil" not in answer.text
        assert "Location" not in answer.headers


def test_another_portals_window(site: Site, browser: Browser) -> None:
    """The other portal is installed here, too; but HubSpot does not know the window's token there."""
    window = site.window() | {"portalId": OTHER_PORTAL}
    with nothing_stored(site):
        is_page(browser.connects(window, OTHER_BOT), 410, "This window is too old, or was used already")


def test_a_form_of_another_site_comes_without_the_browsers_cookie(site: Site, browser: Browser) -> None:
    form = {"ticket": browser.opens(), "c-token": BOT}
    with nothing_stored(site):
        is_page(Browser(site).post(form), 403, "This form belongs to another browser")
        victim = Browser(site)
        victim.opens()
        is_page(victim.post(form), 403, "This form belongs to another browser")


@pytest.mark.parametrize("place", [0, 14, 40, -2])
def test_a_ticket_in_which_one_letter_was_changed(site: Site, browser: Browser, place: int) -> None:
    ticket = list(browser.opens())
    ticket[place] = "A" if ticket[place] != "A" else "B"
    with nothing_stored(site):
        is_page(browser.post({"ticket": "".join(ticket), "c-token": BOT}), 403, "This form is not the relay's")


def test_tickets_of_other_purposes(site: Site, browser: Browser) -> None:
    browser.opens()
    browser.get("/oauth/install")
    sealed = [*browser.cookies.values(), site.relay.account.credentials, ""]
    with nothing_stored(site):
        for one in sealed:
            is_page(browser.post({"ticket": one, "c-token": BOT}), 403, "This form is not the relay's")


def test_fields_that_a_form_does_not_have_change_nothing(site: Site, browser: Browser) -> None:
    hidden = site.window(OTHER_PORTAL, redirectUrl="https://evil.example/") | {"connector": "loopback", "draft": "{}"}
    ticket = browser.opens()
    with nothing_stored(site):
        answer = browser.post({**hidden, "ticket": ticket, "c-token": STRANGER, "c-api_url": "https://evil.example"})
        is_page(answer, 422, "Connect Telegram")
        assert "evil" not in answer.text


def test_a_window_that_was_used_already(site: Site, browser: Browser) -> None:
    window = site.window()
    done = browser.connects(window)
    assert done.status == 303
    site.relay.call("GET", done.headers["Location"].removeprefix(site.relay.page))
    site.relay.wait_for_webhooks()
    with nothing_stored(site):
        is_page(browser.connects(window, OTHER_BOT), 410, "This window is too old, or was used already")


def test_answers_of_an_installation_that_this_browser_did_not_begin(site: Site, browser: Browser) -> None:
    theirs = Browser(site).consents()
    browser.get("/oauth/install")
    with nothing_stored(site):
        for back in (theirs, theirs | {"state": "made-up"}, {"code": theirs["code"]}, {"state": theirs["state"]}, {}):
            for one in (browser, Browser(site)):
                is_page(one.get("/oauth/callback", back), 403, "This installation was not begun here")


def test_an_answer_that_was_used_already(site: Site, browser: Browser) -> None:
    back = browser.consents()
    assert browser.get("/oauth/callback", back).status == 200
    with nothing_stored(site):
        is_page(browser.get("/oauth/callback", back), 403, "This answer was used already")


def test_a_made_up_code_in_an_installation_that_was_begun(site: Site, browser: Browser) -> None:
    back = browser.consents() | {"code": "made-up"}
    with nothing_stored(site):
        is_page(browser.get("/oauth/callback", back), 502, "HubSpot's answer does not hold any more")


def test_a_form_of_more_than_the_limit(site: Site, browser: Browser) -> None:
    form = {"ticket": browser.opens(), "c-token": "x" * 120_000}
    with nothing_stored(site):
        is_page(browser.post(form), 413, "That was too much")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/webhooks/hubspot", "/webhooks/telegram/x"])
def test_a_webhook_of_more_than_the_limit(site: Site, browser: Browser, path: str, *, chunked: bool) -> None:
    body: Any = iter([b"x" * 60_000, b"x" * 60_000]) if chunked else b"x" * 120_000
    with nothing_stored(site):
        assert browser.ask("POST", path, body).status == 413


def test_a_form_of_a_length_that_nobody_tells_is_cut(site: Site, browser: Browser) -> None:
    """Browsers tell it. What is read of the others ends at the limit, before the ticket."""
    body = iter([b"c-token=" + b"x" * 120_000, urlencode({"ticket": browser.opens()}).encode()])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with nothing_stored(site):
        is_page(browser.ask("POST", "/connect", body, headers), 403, "This form is not the relay's")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks/hubspot"),
        ("DELETE", "/webhooks/hubspot"),
        ("PUT", "/connect"),
        ("POST", "/oauth/install"),
        ("POST", "/oauth/callback"),
        ("TRACE", "/connect"),
    ],
)
def test_another_method(site: Site, browser: Browser, method: str, path: str) -> None:
    with nothing_stored(site):
        answer = browser.ask(method, path)
    assert answer.status == 405
    assert method not in answer.headers["Allow"].split(", ")
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (dict, "X-HubSpot-Signature-v3"),
        (lambda: hubspot_headers("http://127.0.0.1/webhooks/hubspot", EVENT, secret="stranger"), "does not match"),
        (lambda: {"X-HubSpot-Signature": "0" * 64, "X-HubSpot-Signature-Version": "v1"}, "version 1 or 2"),
        (lambda: {"X-HubSpot-Signature-v3": "", "X-HubSpot-Request-Timestamp": ""}, "X-HubSpot-Signature-v3"),
    ],
)
def test_an_event_that_hubspot_did_not_sign(
    site: Site, browser: Browser, headers: Callable[[], dict[str, str]], code: str
) -> None:
    with nothing_stored(site):
        answer = browser.ask("POST", "/webhooks/hubspot", EVENT, headers())
    assert answer.status == 401
    assert code in json.loads(answer.text)["error"]


def test_an_event_of_hubspots_that_was_kept_and_sent_again(site: Site, browser: Browser) -> None:
    headers = hubspot_headers(f"{site.url}/webhooks/hubspot", EVENT, age=301)
    with nothing_stored(site):
        answer = browser.ask("POST", "/webhooks/hubspot", EVENT, headers)
    assert (answer.status, "stale" in answer.text) == (401, True)


def test_headers_that_pretend_to_come_from_a_proxy(site: Site, browser: Browser) -> None:
    """Signed for another host, and every header says that this is the other host."""
    signed = hubspot_headers("https://evil.example/webhooks/hubspot", EVENT)
    pretended = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    with nothing_stored(site):
        assert browser.ask("POST", "/webhooks/hubspot", EVENT, signed | pretended).status == 401
        page = browser.get("/oauth/install", None, **pretended)
        assert page.status == 200
        assert "evil" not in page.text


@pytest.mark.parametrize(
    "path",
    ["/webhooks/loopback/made-up", "/webhooks/nobody/x", "/webhooks/telegram/..%2f..%2fetc", "/webhooks/loopback/%00"],
)
def test_an_address_without_an_account(site: Site, browser: Browser, path: str) -> None:
    with nothing_stored(site):
        answer = browser.ask("POST", path, b"{}")
    assert (answer.status, json.loads(answer.text)) == (404, {"error": "There is no such account."})


def test_a_services_request_with_a_wrong_signature(site: Site, browser: Browser) -> None:
    with nothing_stored(site):
        answer = browser.ask("POST", site.relay.webhook, b"{}", {"X-Loopback-Signature": "0" * 64})
    assert answer.status == 401
