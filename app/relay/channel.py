"""The channel at HubSpot as an operator handles it: made from the settings, compared, changed, registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app import logs
from app.connectors import registry
from app.domain.capability import Capabilities, RichTextDialect
from app.domain.message import AttachmentKind
from app.errors import ConfigurationError, RateLimited, Rejected, Unauthorized
from app.hubspot.answers import Channel
from app.hubspot.channel import (
    CONNECT_URL,
    WEBHOOK_URL,
    ChannelCapabilities,
    Difference,
    RichText,
    ThreadingModel,
    WantedChannel,
    compare,
)
from app.hubspot.client import HubSpot
from app.relay import channel_note
from app.settings import Settings

#: Shows how connectors are written; nobody has customers there.
_EXAMPLES = frozenset({"loopback"})

#: No connector counts files; an agent's message may have so many.
MOST_FILES: Final = 10

#: An app was reported to take about so many channels.
MOST_CHANNELS: Final = 10

#: What the composer offers where a service reads the dialect. Others have no formatting.
_SIGNS: Final = frozenset(RichText) - {RichText.UNDERLINE}
_BUTTONS: Final = {
    RichTextDialect.TELEGRAM: frozenset(RichText),
    RichTextDialect.MATRIX: frozenset(RichText),
    RichTextDialect.SLACK: _SIGNS,
    RichTextDialect.WHATSAPP: _SIGNS,
    RichTextDialect.VIBER: _SIGNS,
}

_THREADING: Final = {
    "thread_id": ThreadingModel.INTEGRATION_THREAD_ID,
    "identifier": ThreadingModel.DELIVERY_IDENTIFIER,
}

#: HubSpot's words for kinds of attachment; wildcards are taken.
_MIMES: Final = {
    AttachmentKind.IMAGE: ("image/*",),
    AttachmentKind.VIDEO: ("video/*",),
    AttachmentKind.AUDIO: ("audio/*",),
    AttachmentKind.VOICE: ("audio/*",),
    AttachmentKind.STICKER: ("image/webp",),
    AttachmentKind.FILE: ("application/*", "text/*"),
}

#: Seconds between looks for a change, and for a new channel, which HubSpot may list a minute late.
_READ_BACK = (0.0, 1.0, 2.0, 4.0)
_VISIBLE = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)

Wait = Callable[[float], None]
Tell = Callable[[str], None]

log = logs.get_logger(__name__)


class AlreadyRegistered(ConfigurationError):
    """There is, or may be, a channel of this name. Nothing was registered."""


@dataclass(frozen=True)
class Registered:
    """A new channel. ``visible``: HubSpot lists it; ``differences``: what HubSpot made of it."""

    id: str
    visible: bool
    differences: Sequence[Difference]


def build(settings: Settings) -> WantedChannel:
    """Make the channel: capabilities are what all its connectors have, identifier types what any has.

    Raises:
        ConfigurationError: the public address is missing, or a connector is not known.
    """
    if not settings.public_url:
        raise ConfigurationError("RELAY_PUBLIC_URL is missing: the address to which HubSpot sends webhooks.")
    names = settings.channel_connectors or [one for one in registry.names() if one not in _EXAMPLES]
    return WantedChannel(
        name=settings.channel_name,
        description=settings.channel_description,
        logo_url=settings.channel_logo_url,
        webhook_url=f"{settings.public_url}/webhooks/hubspot",
        connect_url=f"{settings.public_url}/connect",
        capabilities=combine([registry.get(name).capabilities for name in names], settings),
    )


def combine(declared: Sequence[Capabilities], settings: Settings) -> ChannelCapabilities:
    """Return what a channel can promise for all its connectors: the smallest limits, and only what each of them has."""
    kinds = set.intersection(*(set(one.attachments) for one in declared))
    size = (
        min([settings.media_limit, *(one.attachments[kind].size for one in declared for kind in kinds)]) if kinds else 0
    )
    buttons = [_BUTTONS.get(one.rich_text, frozenset[RichText]()) for one in declared]
    return ChannelCapabilities(
        identifiers=frozenset().union(*(one.identifiers for one in declared)),
        rich_text=frozenset.intersection(*buttons),
        threading=_THREADING[settings.channel_threading],
        conversation_start=settings.channel_conversation_start,
        # A picture within the text comes as a public file, which is sent as what it is.
        inline_images=AttachmentKind.IMAGE in kinds,
        mimes=tuple(sorted({mime for kind in kinds for mime in _MIMES.get(kind, ())})),
        most_files=MOST_FILES if kinds else 0,
        file_size=size,
        total_size=size * MOST_FILES,
    )


def find(hubspot: HubSpot, wanted: WantedChannel, channel_id: str | None = None) -> Channel | None:
    """Return the relay's channel: the one of this id, else of the wanted name, else with the relay's webhook address.

    Raises:
        ConfigurationError: several could be meant.
        RelayError: HubSpot refuses the developer key, has no channel of this id, or cannot be asked.
    """
    return hubspot.channel(channel_id) if channel_id else choose(hubspot.channels(), wanted)


def choose(channels: Iterable[Channel], wanted: WantedChannel) -> Channel | None:
    """Return the relay's channel among the app's, None where none is it. Raises as ``find``."""
    listed = list(channels)
    found = [one for one in listed if _same_name(one, wanted)]
    found = found or [one for one in listed if one.webhook_url == wanted.webhook_url]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise ConfigurationError(f"The channels {ids} could all be this relay's: name one with --channel.")
    return found[0] if found else None


def sentence(one: Difference) -> str:
    """Say what a difference means."""
    if one.field == WEBHOOK_URL:
        return f"The webhook address is stale: HubSpot sends agents' messages to {one.there or 'nowhere'}, not here."
    if one.field == CONNECT_URL:
        return f"The connect address is stale: connecting an account opens {one.there or 'nothing'}, not this relay."
    if one.field == "capabilities.allowOutgoingMessages":
        return "Agents cannot answer: the channel takes no messages from them."
    return f"{one.field} differs."


def apply(hubspot: HubSpot, wanted: WantedChannel, there: Channel, *, wait: Wait = time.sleep) -> Sequence[Difference]:
    """Change what differs, and see that it is changed. Returns what it was; nothing differs: nothing is sent.

    Raises:
        ConfigurationError: HubSpot took the change and still shows something else.
        RelayError: HubSpot refuses it, or cannot be asked.
    """
    changes = compare(wanted, there)
    if not changes:
        return []
    hubspot.update_channel(there.id, wanted.write_changes(changes))
    left = changes
    for pause in _READ_BACK:
        wait(pause)
        left = compare(wanted, hubspot.channel(there.id))
        if not left:
            log.info("channel_changed", channel=there.id, fields=[one.field for one in changes])
            return changes
    fields = ", ".join(one.field for one in left)
    raise ConfigurationError(f"HubSpot took the change of channel {there.id}, but shows other values still: {fields}.")


def register(
    settings: Settings,
    hubspot: HubSpot,
    wanted: WantedChannel,
    *,
    force: bool = False,
    tell: Tell = lambda _: None,
    wait: Wait = time.sleep,
) -> Registered:
    """Register the channel, and wait until HubSpot lists it. ``force``: also when there is one of this name.

    Raises:
        AlreadyRegistered: see there.
        OutcomeUnknown, HubSpotUnavailable: HubSpot's answer was lost or no answer. For a while the next try is refused.
        RelayError: HubSpot refuses the channel or the key; nothing was registered.
    """
    there = hubspot.channels()
    if not force:
        _check_new(settings, hubspot, wanted, there)
    if len(there) >= MOST_CHANNELS:
        tell(f"The app has {len(there)} channels, and HubSpot allows about {MOST_CHANNELS}: archive old ones.")
    note = channel_note.begin(settings, wanted.name)
    try:
        made = hubspot.register_channel(wanted.write())
    except (Rejected, Unauthorized, RateLimited):
        channel_note.forget(settings)
        raise
    channel_note.finish(settings, note, made.id)
    log.info("channel_registered", channel=made.id)
    tell(f"HubSpot registered channel {made.id}.")
    listed = _wait_until_listed(hubspot, made.id, tell, wait)
    return Registered(made.id, listed is not None, compare(wanted, listed or made))


def _check_new(settings: Settings, hubspot: HubSpot, wanted: WantedChannel, there: Iterable[Channel]) -> None:
    """Refuse a second channel of the same name, also where the first is not listed yet."""
    same = [one.id for one in there if _same_name(one, wanted)]
    if same:
        raise AlreadyRegistered(
            f"The app has channel {', '.join(same)} of the name {wanted.name!r} already: `relay channel apply` changes "
            "it, --force registers another one."
        )
    trouble = channel_note.trouble(settings, hubspot, wanted.name)
    if trouble:
        raise AlreadyRegistered(f"{trouble} Wait and look with `relay channel show`; --force registers another one.")


def _wait_until_listed(hubspot: HubSpot, channel_id: str, tell: Tell, wait: Wait) -> Channel | None:
    waited = 0.0
    for pause in _VISIBLE:
        if pause:
            tell(f"Waiting until HubSpot lists it: {waited:.0f} s so far, next look in {pause:.0f} s.")
            wait(pause)
            waited += pause
        listed = next((one for one in hubspot.channels() if one.id == channel_id), None)
        if listed is not None:
            return listed
    return None


def _same_name(one: Channel, wanted: WantedChannel) -> bool:
    return one.name.strip().casefold() == wanted.name.strip().casefold()
