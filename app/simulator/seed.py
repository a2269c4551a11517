"""The demo's world: one app, one portal, one channel, an account for each demo messenger."""

from __future__ import annotations

from app.settings import Settings
from app.simulator.hubspot import capabilities, oauth
from app.simulator.hubspot.state import Account, Actor, App, Channel, Identifier, Inbox, Portal
from app.simulator.world import World

PORTAL_ID = "4700001"
REFRESH_TOKEN = "sim-refresh-4700001"  # noqa: S105 - opens nothing but the simulator
INBOX_ID = "501"
HELP_DESK_ID = "502"
AGENT_ID = "A-101"
AGENT_NAME = "Sam Agent"
COLLEAGUE_ID = "A-102"
COLLEAGUE_NAME = "Kim Colleague"
TEAM_ID = "601"
TEAM_NAME = "Support"
CHANNEL_ID = "1001"
LOOPBACK_ACCOUNT_ID = "2001"
TELEGRAM_ACCOUNT_ID = "2002"

# Stand in for settings that are not set.
APP_ID = "3001"
CLIENT_ID = "sim-client-id"
CLIENT_SECRET = "sim-client-secret"  # noqa: S105 - likewise
DEVELOPER_KEY = "sim-developer-key"

SCOPES = frozenset(
    {
        "oauth",
        "conversations.custom_channels.read",
        "conversations.custom_channels.write",
        "conversations.read",
        "conversations.write",
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "files",
    }
)

MEGABYTE = 1024 * 1024
CAPABILITIES = {
    "deliveryIdentifierTypes": ["CHANNEL_SPECIFIC_OPAQUE_ID"],
    "richText": ["BOLD", "ITALIC", "UNDERLINE", "HYPERLINK", "LISTS", "BLOCKQUOTE"],
    "threadingModel": capabilities.THREAD_BY_INTEGRATION,
    "allowInlineImages": True,
    "allowOutgoingMessages": True,
    "outgoingAttachmentTypes": ["FILE", "QUICK_REPLIES"],
    "allowedFileAttachmentMimeTypes": ["image/*", "audio/*", "video/*", "text/plain", "application/pdf"],
    "maxFileAttachmentCount": 10,
    "maxFileAttachmentSizeBytes": 20 * MEGABYTE,
    "maxTotalFileAttachmentSizeBytes": 50 * MEGABYTE,
}


def seed(world: World, settings: Settings, relay_url: str) -> dict[str, str]:
    """Put the demo's objects into the world, in place of those with the same ids, and return their ids."""
    with world.lock:
        app = add_app(world, settings, relay_url)
        add_portal(world, PORTAL_ID)
        oauth.install(world, app.id, PORTAL_ID, scopes=SCOPES, value=REFRESH_TOKEN)
        world.hubspot.channels[CHANNEL_ID] = _channel(world, app, relay_url)
        _add_account(world, LOOPBACK_ACCOUNT_ID, "Loopback", "loopback-demo")
        _add_account(world, TELEGRAM_ACCOUNT_ID, "Telegram", "telegram-demo")
    world.events.publish("seeded", {"portal": PORTAL_ID})
    return {
        "portal": PORTAL_ID,
        "refreshToken": REFRESH_TOKEN,
        "app": app.id,
        "channel": CHANNEL_ID,
        "loopbackAccount": LOOPBACK_ACCOUNT_ID,
        "telegramAccount": TELEGRAM_ACCOUNT_ID,
    }


def add_app(world: World, settings: Settings, relay_url: str) -> App:
    """The app with the relay's own credentials."""
    app = App(
        id=settings.hubspot_app_id or APP_ID,
        client_id=settings.hubspot_client_id or CLIENT_ID,
        client_secret=settings.hubspot_client_secret.get_secret_value() or CLIENT_SECRET,
        developer_key=settings.hubspot_developer_api_key.get_secret_value() or DEVELOPER_KEY,
        events_url=f"{relay_url}/webhooks/hubspot/events",
    )
    world.hubspot.apps[app.id] = app
    return app


def add_portal(world: World, portal_id: str, inboxes: list[Inbox] | None = None) -> Portal:
    """A portal with two agents in one team, an inbox and a help desk, or the inboxes given."""
    rooms = inboxes or [Inbox(INBOX_ID, "Inbox"), Inbox(HELP_DESK_ID, "Help desk", "HELP_DESK")]
    portal = Portal(
        portal_id,
        inboxes={room.id: room for room in rooms},
        actors={
            AGENT_ID: Actor(AGENT_ID, "AGENT", AGENT_NAME, "sam.agent@example.com"),
            COLLEAGUE_ID: Actor(COLLEAGUE_ID, "AGENT", COLLEAGUE_NAME, "kim.colleague@example.com"),
        },
        teams={TEAM_ID: TEAM_NAME},
    )
    world.hubspot.portals[portal_id] = portal
    return portal


def _channel(world: World, app: App, relay_url: str) -> Channel:
    return Channel(
        id=CHANNEL_ID,
        app_id=app.id,
        name="Relay",
        capabilities=capabilities.filled(CAPABILITIES),
        webhook_url=f"{relay_url}/webhooks/hubspot",
        redirect_url=f"{relay_url}/connect",
        description="Customers' messages from every messenger",
        logo_url=None,
        created_at=world.clock.now(),
    )


def _add_account(world: World, account_id: str, name: str, identifier: str) -> None:
    world.hubspot.accounts[account_id] = Account(
        id=account_id,
        channel_id=CHANNEL_ID,
        portal_id=PORTAL_ID,
        inbox_id=INBOX_ID,
        name=name,
        identifier=Identifier("CHANNEL_SPECIFIC_OPAQUE_ID", identifier),
        created_at=world.clock.now(),
    )
