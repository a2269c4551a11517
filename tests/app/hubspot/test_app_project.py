from __future__ import annotations

from typing import Any

import pytest

from app.errors import ConfigurationError
from app.hubspot.app_project import SUBSCRIPTIONS, project
from app.hubspot.oauth import SCOPES
from app.settings import Settings


def settings(url: str) -> Settings:
    return Settings(environment="test", public_url=url, channel_name="Shop", channel_description="Write us")


def config(path: str, url: str = "https://relay.example.com") -> Any:
    return project(settings(url))[path]["config"]


def test_the_app_has_the_redirect_address_and_the_scopes_that_the_install_page_asks_for() -> None:
    app = config("src/app/app-hsmeta.json")
    assert (app["name"], app["description"]) == ("Shop", "Write us")
    assert app["auth"]["type"] == "oauth"
    assert app["auth"]["redirectUrls"] == ["https://relay.example.com/oauth/callback"]
    assert app["auth"]["requiredScopes"] == list(SCOPES)
    assert {"conversations.custom_channels.read", "conversations.custom_channels.write"} <= set(SCOPES)


def test_the_subscriptions_go_to_an_address_of_their_own() -> None:
    webhooks = config("src/app/webhooks/webhooks-hsmeta.json")
    assert webhooks["settings"]["targetUrl"] == "https://relay.example.com/webhooks/hubspot/events"
    events = webhooks["subscriptions"]["hubEvents"]
    assert [(one["subscriptionType"], one.get("propertyName")) for one in events] == list(SUBSCRIPTIONS)
    assert {"conversation.privacyDeletion", "conversation.deletion"} < {one["subscriptionType"] for one in events}


def test_the_source_folder_holds_the_components() -> None:
    files = project(settings("http://localhost:8000"))
    top = files["hsproject.json"]
    assert (top["srcDir"], top["platformVersion"]) == ("src", "2026.09")
    assert all(path.startswith("src/app/") for path in files if path != "hsproject.json")


@pytest.mark.parametrize("url", ["", "http://relay.example.com"])
def test_an_address_that_hubspot_refuses_for_redirects_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RELAY_PUBLIC_URL"):
        project(settings(url))
