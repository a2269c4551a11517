"""The connection pop-up: what HubSpot appends to our address, and where the browser may be sent afterwards.

Nothing of it is signed: anybody can open the page with parameters of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from app.settings import Settings

#: Names of the five parameters, by our words; further ones may come and are ignored.
PARAMETERS: Final = {
    "account_token": "accountToken",
    "channel_id": "channelId",
    "inbox_id": "inboxId",
    "portal_id": "portalId",
    "redirect_url": "redirectUrl",
}

#: Ids are numbers of at most 64 bits.
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_TOKEN = re.compile(r"[A-Za-z0-9._~:+/=-]{1,512}")

#: https on HubSpot's own host names (app.hubspot.com, app-eu1.hubspot.com, other data centres), and nothing that two
#: readers of addresses could understand in two ways: no user, no port, no backslash, no blank, no letter beyond ASCII.
_HOSTS = re.compile(r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+hubspot\.com(?=[/?#]|\Z)")
_PLAIN = re.compile(r"[!-\[\]-~]{1,2000}")


class Wrong(StrEnum):
    """What is wrong with the pop-up's address."""

    INCOMPLETE = "incomplete"
    MALFORMED = "malformed"
    FOREIGN_REDIRECT = "foreign_redirect"


class PopupInvalid(Exception):
    """The address was not made by HubSpot."""

    def __init__(self, wrong: Wrong, parameter: str) -> None:
        """Keep what is wrong with which parameter; never its value."""
        super().__init__(f"{parameter}: {wrong.value}")
        self.wrong = wrong
        self.parameter = parameter


@dataclass(frozen=True)
class Popup:
    """Where an account shall be connected, and where the browser goes at the end. The token is good for one account."""

    account_token: str = field(repr=False)
    channel_id: str
    inbox_id: str
    portal_id: int
    redirect_url: str


def read_popup(query: Mapping[str, str], settings: Settings) -> Popup:
    """Read and check the pop-up's parameters.

    Raises:
        PopupInvalid: one is missing, malformed, or leads away from HubSpot.
    """
    values = {ours: query.get(theirs, "") for ours, theirs in PARAMETERS.items()}
    for ours, theirs in PARAMETERS.items():
        if not values[ours]:
            raise PopupInvalid(Wrong.INCOMPLETE, theirs)
    for ours in ("channel_id", "inbox_id", "portal_id"):
        _match(_NUMBER, values[ours], PARAMETERS[ours])
    _match(_TOKEN, values["account_token"], PARAMETERS["account_token"])
    if not leads_to_hubspot(values["redirect_url"], settings):
        raise PopupInvalid(Wrong.FOREIGN_REDIRECT, PARAMETERS["redirect_url"])
    return Popup(
        account_token=values["account_token"],
        channel_id=values["channel_id"],
        inbox_id=values["inbox_id"],
        portal_id=int(values["portal_id"]),
        redirect_url=values["redirect_url"],
    )


def leads_to_hubspot(url: str, settings: Settings) -> bool:
    """Tell whether an address is HubSpot's own: a documented host, or the one that RELAY_HUBSPOT_APP_URL names."""
    if not _PLAIN.fullmatch(url):
        return False
    return _HOSTS.match(url) is not None or _is_below(url, settings.hubspot_app_url)


def _match(pattern: re.Pattern[str], value: str, parameter: str) -> None:
    if not pattern.fullmatch(value):
        raise PopupInvalid(Wrong.MALFORMED, parameter)


def _is_below(url: str, base: str) -> bool:
    """Tell whether an address has the very scheme, host and port of another one."""
    if not base:
        return False
    try:
        given, wanted = urlsplit(url), urlsplit(base)
    except ValueError:
        return False
    return (given.scheme, given.netloc) == (wanted.scheme, wanted.netloc) and "@" not in given.netloc
