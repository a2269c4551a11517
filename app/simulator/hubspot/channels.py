"""Registration of channels, with the developer key."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.simulator.hubspot import capabilities
from app.simulator.hubspot.auth import wrong_key
from app.simulator.hubspot.bodies import Body, build, malformed, read_object
from app.simulator.hubspot.errors import ApiError, channel_missing, empty_update
from app.simulator.hubspot.paging import page
from app.simulator.hubspot.routing import CHANNELS, Auth, Call, Router, created, no_content
from app.simulator.hubspot.state import Channel
from app.simulator.hubspot.views import channel_view
from app.simulator.world import World

# Updatable JSON keys -> our attribute.
FIELDS = {
    "name": "name",
    "webhookUrl": "webhook_url",
    "channelAccountConnectionRedirectUrl": "redirect_url",
    "channelDescription": "description",
    "channelLogoUrl": "logo_url",
}


class ChannelRegistration(Body):
    """[D] name and capabilities are required."""

    name: str
    capabilities: dict[str, Any]
    webhookUrl: str | None = None  # noqa: N815 - HubSpot's word
    channelAccountConnectionRedirectUrl: str | None = None  # noqa: N815 - likewise
    channelDescription: str | None = None  # noqa: N815 - likewise
    channelLogoUrl: str | None = None  # noqa: N815 - likewise


def register(router: Router) -> None:
    """Add the endpoints."""
    for method, suffix, handler in (
        ("GET", "", list_channels),
        ("POST", "", create_channel),
        ("GET", "/<channel_id>", get_channel),
        ("PATCH", "/<channel_id>", update_channel),
        ("DELETE", "/<channel_id>", archive_channel),
    ):
        router.add(method, CHANNELS, suffix, handler, auth=Auth.DEVELOPER_KEY)


def list_channels(call: Call) -> dict[str, Any]:
    """The app's channels."""
    own = [channel for channel in call.state.channels.values() if channel.app_id == call.app_id]
    return page([channel_view(channel, call.world.clock) for channel in own if is_visible(call.world, channel)])


def create_channel(call: Call) -> Response:
    """Register a channel."""
    body = build(ChannelRegistration, _registration_json(call.world))
    capabilities.check(body.capabilities, call.world.switches)
    channel = Channel(
        id=call.world.ids.number(),
        app_id=call.app_id,
        name=body.name,
        capabilities=capabilities.filled(body.capabilities),
        webhook_url=body.webhookUrl,
        redirect_url=body.channelAccountConnectionRedirectUrl,
        description=body.channelDescription,
        logo_url=body.channelLogoUrl,
        created_at=call.world.clock.now(),
    )
    call.state.channels[channel.id] = channel
    return created(channel_view(channel, call.world.clock), f"{request.path.rstrip('/')}/{channel.id}")


def get_channel(call: Call, channel_id: str) -> dict[str, Any]:
    """One channel."""
    return channel_view(_own(call, channel_id), call.world.clock)


def update_channel(call: Call, channel_id: str) -> dict[str, Any]:
    """[D] Partial; null clears. [C] A body without a known field is refused. [U] capabilities merge or replace."""
    channel = _own(call, channel_id)
    body = read_object()
    if not body.keys() & {*FIELDS, "capabilities"}:
        raise empty_update()
    given = FIELDS.keys() & body.keys()
    for key in given:
        if body[key] is not None and not isinstance(body[key], str):
            raise malformed(f"Cannot construct instance of String: {key}")
    if "capabilities" in body:
        channel.capabilities = _patched(call.world, channel, body["capabilities"])
    for key in given:
        setattr(channel, FIELDS[key], body[key])
    return channel_view(channel, call.world.clock)


def archive_channel(call: Call, channel_id: str) -> Response:
    """Remove a channel; later calls find nothing."""
    del call.state.channels[_own(call, channel_id).id]
    return no_content()


def is_visible(world: World, channel: Channel) -> bool:
    """[C] A new channel may take a while to be seen."""
    return world.clock.now() >= channel.created_at + world.switches.channel_visibility_delay


def find(call: Call, channel_id: str) -> Channel:
    """The channel for a bearer call.

    Raises:
        ApiError: 404 CHANNEL_DOES_NOT_EXIST, [C] also when the channel belongs to another app.
    """
    channel = call.state.channels.get(channel_id)
    if channel is None or channel.app_id != call.app_id or not is_visible(call.world, channel):
        raise channel_missing(channel_id)
    return channel


def _own(call: Call, channel_id: str) -> Channel:
    channel = call.state.channels.get(channel_id)
    if channel is None or channel.app_id != call.app_id:
        raise channel_missing(channel_id)
    return channel


def _registration_json(world: World) -> dict[str, Any]:
    try:
        return read_object()
    except ApiError as error:
        # [C] Malformed JSON was once answered as if the key were wrong.
        raise wrong_key() if world.switches.misleading_json_error else error from error


def _patched(world: World, channel: Channel, patch: Any) -> dict[str, Any]:
    if not isinstance(patch, dict):
        raise malformed("Cannot construct instance of Map: capabilities")
    capabilities.check(patch, world.switches)
    if world.switches.capabilities_patch == "merge":
        return {**channel.capabilities, **patch}
    return capabilities.filled(patch)
