"""The world that a benchmark's relay stands in: portals at the simulator, and accounts connected on both sides."""

from __future__ import annotations

import secrets
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from app.errors import RelayError
from app.http import Http
from app.relay import accounts as account_use
from app.relay.services import Services
from app.storage import portals

#: The simulated messengers, by the names of their connectors, and what their credentials call the signing secret.
_SECRETS = {"loopback": "secret", "telegram": "webhook_secret"}
MESSENGERS = tuple(_SECRETS)

#: The first portal and the channel of the simulator's own seed; further portals count on.
FIRST_PORTAL = 4_700_001
CHANNEL = "1001"
_INBOX = "501"
_OK, _REFUSED = 200, 400


@dataclass(frozen=True)
class Wanted:
    """How much shall stand there. ``accounts``: of each messenger in each portal."""

    portals: int = 1
    accounts: int = 1
    messengers: tuple[str, ...] = MESSENGERS


@dataclass(frozen=True)
class Connected:
    """A connected channel account.

    ``id`` is the relay's, ``hubspot_id`` HubSpot's, ``name`` the simulator's (Telegram: the bot's user name). ``key``
    stands in the webhook's address; ``token`` opens the service's API; ``secret`` signs webhooks.
    """

    id: int
    connector: str
    name: str
    portal_id: int
    hubspot_id: str
    key: str
    token: str
    secret: str

    def webhook(self, web: str) -> str:
        """Return the address at one web to which the service sends."""
        return f"{web}/webhooks/{self.connector}/{self.key}"


class SceneError(Exception):
    """Something did not start, or the simulator refused an order."""


def wait_for(*urls: str, within: float) -> None:
    """Wait until each address answers 200.

    Raises:
        SceneError: one did not within so many seconds.
    """
    deadline = time.monotonic() + within
    with closing(Http(call_timeout=5.0)) as http:
        for url in urls:
            while not _answers(http, url):
                if time.monotonic() > deadline:
                    raise SceneError(f"{url} did not answer within {within:.0f} s: see its log.")
                time.sleep(0.05)


def _answers(http: Http, url: str) -> bool:
    with suppress(RelayError):  # it does not listen yet
        return http.request("GET", url).status == _OK
    return False


def ask(http: Http, method: str, url: str, body: object = None) -> Any:
    """Give the simulator an order, return its answer.

    Raises:
        SceneError: it refused.
    """
    answer = http.request(method, url, json=body)
    if answer.status >= _REFUSED:
        raise SceneError(f"The simulator refused {url}: {answer.text}")
    return answer.json() if answer.body else None


def connect(services: Services, page: str, webs: list[str], wanted: Wanted) -> list[Connected]:
    """Make portals and connect their accounts; without a ``page`` only in the relay's own tables.

    Webhooks of the simulator go to each web in turn.
    """
    with closing(Http(call_timeout=10.0)) as http:
        if page:
            ask(http, "POST", f"{page}/_sim/seed", {"relayUrl": services.settings.public_url})
            ask(http, "PUT", f"{page}/_sim/routes", {_host(webs[0]): [_host(web) for web in webs]})
        found: list[Connected] = []
        for portal_id in range(FIRST_PORTAL, FIRST_PORTAL + wanted.portals):
            _open_portal(services, http, page, portal_id)
            for connector in wanted.messengers:
                for number in range(1, wanted.accounts + 1):
                    name = f"{connector}_{portal_id}_{number}_bot"
                    found.append(_connect(services, http, page, portal_id, connector=connector, name=name))
        return found


def _host(url: str) -> str:
    return url.partition("//")[2]


def _open_portal(services: Services, http: Http, page: str, portal_id: int) -> None:
    token = f"refresh-{portal_id}"
    if page:
        token = ask(http, "POST", f"{page}/_sim/portals", {"id": str(portal_id)})["refreshToken"]
    with services.database.write() as connection:
        portals.add(connection, portal_id, name=f"Portal {portal_id}", refresh_token=services.vault.seal(token))


def _connect(services: Services, http: Http, page: str, portal_id: int, *, connector: str, name: str) -> Connected:
    """Connect one account, as an administrator would."""
    token = f"{secrets.randbelow(10**9) + 10**9}:{secrets.token_hex(18)}"
    secret = secrets.token_urlsafe(24)
    opened = _open_account(http, page, portal_id, connector=connector, name=name, token=token) if page else ""
    wanted = account_use.Wanted(
        connector=connector,
        portal_id=portal_id,
        channel_id=CHANNEL,
        hubspot_id=opened or str(secrets.randbelow(10**12)),
        name=name,
        credentials={"token": token, _SECRETS[connector]: secret},
    )
    added = account_use.add(services, wanted, test=bool(page), register=bool(page))
    if added.warning:
        raise SceneError(added.warning)
    key = added.url.rpartition("/")[2]
    return Connected(added.id, connector, name, portal_id, wanted.hubspot_id, key, token, secret)


def _open_account(http: Http, page: str, portal_id: int, *, connector: str, name: str, token: str) -> str:
    """Make an account at the messenger and one at HubSpot; return HubSpot's id."""
    if connector == "telegram":
        ask(http, "POST", f"{page}/_sim/telegram/bots", {"token": token, "username": name, "name": name})
    else:
        ask(http, "POST", f"{page}/_sim/loopback/accounts", {"token": token, "id": name, "name": name})
    identifier = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": name}
    order = {"portal": str(portal_id), "channel": CHANNEL, "inbox": _INBOX, "name": name, "identifier": identifier}
    return str(ask(http, "POST", f"{page}/_sim/channel-accounts", order)["id"])
