from __future__ import annotations

from pathlib import Path

import pytest

from app.hubspot.popup import PARAMETERS, Popup, PopupInvalid, Wrong, leads_to_hubspot, read_popup
from app.settings import Settings
from tests.app.relay.world import basic_settings

GOOD = {
    "accountToken": "0b7f3c1e-7c38-4a62-9c0b-5a2f6f0d9a11",
    "channelId": "1001",
    "inboxId": "501",
    "portalId": "4700001",
    "redirectUrl": "https://app.hubspot.com/live-messages-settings/4700001?x=%20y#z",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return basic_settings(tmp_path, hubspot_app_url="http://127.0.0.1:8100")


def test_the_five_parameters(settings: Settings) -> None:
    popup = read_popup({**GOOD, "further": "one"}, settings)
    assert popup == Popup(GOOD["accountToken"], "1001", "501", 4700001, GOOD["redirectUrl"])
    assert GOOD["accountToken"] not in repr(popup)


@pytest.mark.parametrize("name", PARAMETERS.values())
def test_each_is_needed(settings: Settings, name: str) -> None:
    for given in ({key: value for key, value in GOOD.items() if key != name}, {**GOOD, name: ""}):
        with pytest.raises(PopupInvalid) as caught:
            read_popup(given, settings)
        assert (caught.value.wrong, caught.value.parameter) == (Wrong.INCOMPLETE, name)


@pytest.mark.parametrize("name", ["channelId", "inboxId", "portalId"])
@pytest.mark.parametrize("value", ["0", "-1", "01", "1.0", "1e3", "٣", "1\n", " 1", "x", "9" * 19, "1,2"])
def test_ids_are_numbers(settings: Settings, name: str, value: str) -> None:
    with pytest.raises(PopupInvalid) as caught:
        read_popup({**GOOD, name: value}, settings)
    assert caught.value.wrong is Wrong.MALFORMED
    assert value not in str(caught.value) or len(value) < 3


@pytest.mark.parametrize("value", ["a b", "é", "a\0", "a\n", "x" * 513, "<b>", "a?b", "a%2Fb"])
def test_a_token_is_plain(settings: Settings, value: str) -> None:
    with pytest.raises(PopupInvalid) as caught:
        read_popup({**GOOD, "accountToken": value}, settings)
    assert caught.value.wrong is Wrong.MALFORMED


@pytest.mark.parametrize(
    "url",
    [
        "https://app.hubspot.com",
        "https://app.hubspot.com/",
        "https://app-eu1.hubspot.com/x?y=https://evil.example/&z=@",
        "https://app.hubspot.com?x",
        "https://app.hubspot.com#x",
        "https://local.app.hubspot.com/x",
        "http://127.0.0.1:8100/_sim/connected/1",
    ],
)
def test_hubspots_own_addresses(settings: Settings, url: str) -> None:
    assert leads_to_hubspot(url, settings)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "//app.hubspot.com/",
        "http://app.hubspot.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https:app.hubspot.com",
        "https:/app.hubspot.com",
        "https:///app.hubspot.com",
        "https://hubspot.com.evil.example/",
        "https://app.hubspot.com.evil.example/",
        "https://apphubspot.com/",
        "https://evil-hubspot.com/",
        "https://hubspot.com/",
        "https://.hubspot.com/",
        "https://app..hubspot.com/",
        "https://-.hubspot.com/",
        "https://app.hubspot.co/",
        "https://app.hubspot.community/",
        "https://app.hubspot.com@evil.example/",
        "https://user@app.hubspot.com/",
        "https://user:app.hubspot.com@evil.example/",
        "https://evil.example/app.hubspot.com/",
        "https://evil.example?app.hubspot.com/",
        "https://evil.example#.hubspot.com/",
        "https://evil.example\\.hubspot.com/",
        "https://app.hubspot.com\\@evil.example/",
        "https://app.hubspot.com\\.evil.example/",
        "https://app.hubspot.com:443/",
        "https://app.hubspot.com:8443/",
        "https://app.hubspot.com:80@evil.example/",
        "https://app.hubspot.com./",
        "https://app.hubspot.com%2eevil.example/",
        "https://app.hubspot.com%00.evil.example/",
        "https://аpp.hubspot.com/",  # noqa: RUF001 - a Cyrillic letter, which is the point
        "https://app.hubspot。com/",
        "https://APP.HUBSPOT.COM.EVIL.EXAMPLE/",
        "https://app.hubspot.com /",
        " https://app.hubspot.com/",
        "https://app.hubspot.com/\nSet-Cookie: x",
        "https://app.hubspot.com/\r\n\r\n",
        "https://app.hubspot.com/\t",
        "https://app.hubspot.com/\0",
        "https://app.hubspot.com/" + "x" * 2_000,
        "https://[::1]/",
        "https://[app.hubspot.com/",
        "http://127.0.0.1:8101/",
        "http://127.0.0.1/",
        "https://127.0.0.1:8100/",
        "http://user@127.0.0.1:8100/",
        "http://127.0.0.1:8100@evil.example/",
        "http://127.0.0.1:8100.evil.example/",
    ],
)
def test_addresses_that_lead_elsewhere(settings: Settings, url: str) -> None:
    assert not leads_to_hubspot(url, settings)
    with pytest.raises(PopupInvalid):
        read_popup({**GOOD, "redirectUrl": url}, settings)


def test_without_an_application_address_only_hubspots_hosts_count(tmp_path: Path) -> None:
    settings = basic_settings(tmp_path, hubspot_app_url="")
    assert leads_to_hubspot("https://app.hubspot.com/", settings)
    assert not leads_to_hubspot("http://127.0.0.1:8100/", settings)
