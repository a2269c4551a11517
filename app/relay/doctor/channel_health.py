"""Checks of the channel at HubSpot: whether it is there, is as it should be, and is seen by every portal.

Where it does not appear in HubSpot's list, one of the known causes is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.account import RunState
from app.errors import ConfigurationError, RelayError, Transient, Unauthorized
from app.hubspot.answers import Channel
from app.hubspot.channel import CONNECT_URL, WEBHOOK_URL, Difference, WantedChannel, compare
from app.relay import channel as use
from app.relay import channel_note, tokens
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.storage import portals

_CHECK = "channel"

#: Differences without which nothing works, the others are a matter of comfort.
_GRAVE = frozenset({WEBHOOK_URL, "capabilities.allowOutgoingMessages", "capabilities.deliveryIdentifierTypes"})

_APPLY = "`relay channel diff` shows it, `relay channel apply` changes it."

#: Why a portal does not see the channel, by the error's code, with what to do.
_UNSEEN = {
    "channel_unknown": (
        "its token is of another app than the one that owns the channel (HubSpot then lists it nowhere)",
        "Install the app of RELAY_HUBSPOT_APP_ID in the portal, not another one and no private app.",
    ),
    "missing_scopes": (
        "HubSpot forbids its calls, for want of scopes or of the plan",
        "The portal's own lines say which. `relay channel app` writes all scopes; then install the app anew.",
    ),
    "reinstall": ("the app was removed from it", "Install the app in the portal again."),
    "token_refused": ("HubSpot refuses its token", "Install the app in the portal again."),
}


def channel(services: Services) -> Iterator[Finding]:
    """Look for the relay's channel."""
    settings = services.settings
    if not (settings.hubspot_app_id and settings.hubspot_developer_api_key.get_secret_value()):
        fix = "Set RELAY_HUBSPOT_APP_ID and RELAY_HUBSPOT_DEVELOPER_API_KEY (Development > Keys)."
        yield Finding(_CHECK, Level.WARN, "The channel cannot be looked at without the developer key.", fix)
        return
    if not settings.public_url:
        return
    wanted = use.build(settings)
    try:
        channels = services.hubspot.channels()
        there = use.choose(channels, wanted)
    except (RelayError, ConfigurationError) as error:
        fix = "Three keys are easily mixed up: this one is the developer API key, with the app's id beside it."
        is_key = isinstance(error, Unauthorized)
        yield Finding(_CHECK, Level.FAIL, str(error), fix if is_key else "`relay channel show` lists the channels.")
        return
    if there is None:
        yield _missing(services, wanted, channels)
        return
    yield from _compared(wanted, there)
    yield from _seen(services, there)


def _missing(services: Services, wanted: WantedChannel, channels: Sequence[Channel]) -> Finding:
    """Tell a channel that is late from one that was never registered."""
    note = channel_note.trouble(services.settings, services.hubspot, wanted.name)
    if note:
        fix = "Wait: HubSpot shows a new channel after a minute or so. Then `relay channel show`."
        return Finding(_CHECK, Level.WARN, note, fix)
    others = ", ".join(f"{one.id} ({one.name})" for one in channels) or "none"
    sentence = f"The app has no channel {wanted.name!r}, and none with this relay's webhook address. It has: {others}."
    fix = "`relay channel register`; or correct RELAY_CHANNEL_NAME, or RELAY_HUBSPOT_APP_ID where another app owns it."
    return Finding(_CHECK, Level.FAIL, sentence, fix)


def _compared(wanted: WantedChannel, there: Channel) -> Iterator[Finding]:
    differences = compare(wanted, there)
    if not differences:
        yield Finding(_CHECK, Level.OK, f"Channel {there.id} is as the settings and connectors make it.")
    grave = [one for one in differences if one.field in _GRAVE]
    for one in grave:
        yield Finding(_CHECK, Level.FAIL, f"Channel {there.id}: {use.sentence(one)}", _APPLY)
    rest = [one for one in differences if one not in grave]
    if rest:
        yield Finding(_CHECK, Level.WARN, _drift(there, rest), _APPLY)


def _drift(there: Channel, differences: Sequence[Difference]) -> str:
    fields = ", ".join(one.field for one in differences)
    connect = [use.sentence(one) for one in differences if one.field == CONNECT_URL]
    return " ".join([f"Channel {there.id} differs from the settings and connectors: {fields}.", *connect])


def _seen(services: Services, there: Channel) -> Iterator[Finding]:
    """Ask with every portal's token: HubSpot lists the channel where the app that owns it is installed."""
    with services.database.read() as connection:
        running = [one.id for one in portals.every(connection) if one.state is RunState.RUNNING]
    if not running:
        fix = "Install the app. The portal needs Sales Hub or Service Hub Professional, else HubSpot's page refuses it."
        yield Finding("channel_seen", Level.WARN, "No portal has the app, so no inbox lists the channel.", fix)
    for portal_id in running:
        try:
            tokens.client(services, portal_id).accounts(there.id)
        except Transient as error:
            sentence = f"Portal {portal_id} cannot be asked whether it sees the channel: {error}"
            yield Finding("channel_seen", Level.WARN, sentence, "Run `relay doctor` again in a moment.")
        except RelayError as error:
            cause, fix = _UNSEEN.get(error.reason, (str(error), f"`relay portals list` says more of {portal_id}."))
            yield Finding("channel_seen", Level.FAIL, f"Portal {portal_id} does not see the channel: {cause}.", fix)
        except ConfigurationError:
            continue  # the line of the vault says which key is missing
