"""HubSpot's settings of inboxes, as far as channels go: what is connected, and the pop-up to connect more."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.simulator.hubspot import agent, windows
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.state import Account, Channel, Inbox
from app.simulator.hubspot.windows import Window
from app.simulator.world import World

HOME = "hubspot.settings GET /settings"


@dataclass(frozen=True)
class Shown:
    """One portal: its rooms, the channels of apps that are installed there, its accounts and open windows."""

    id: str
    rooms: list[Inbox]
    channels: list[Channel]
    accounts: list[Account]
    windows: list[Window]

    def room(self, inbox_id: str) -> str:
        """The name of an inbox."""
        return next((one.name for one in self.rooms if one.id == inbox_id), inbox_id)


def register(blueprint: Blueprint, world: World) -> None:
    """Add the page and its buttons."""
    for method, path, view in (
        ("GET", "/settings", lambda: show(world)),
        ("POST", "/settings/connect", lambda: connect(world)),
        ("GET", "/settings/connected/<account_id>", lambda account_id: connected(world, account_id)),
        ("POST", "/settings/accounts/<account_id>", lambda account_id: change(world, account_id)),
        ("POST", "/settings/windows/<token>", lambda token: end_window(world, token)),
    ):
        blueprint.add_url_rule(
            path, endpoint=f"settings {method} {path}".replace(".", "_"), view_func=view, methods=[method]
        )


def show(world: World) -> Response:
    """The page."""
    with world.lock:
        portals = [_shown(world, portal_id) for portal_id in world.hubspot.portals]
        return Response(render_template("settings.html", portals=portals), mimetype="text/html")


def connect(world: World) -> AnyResponse:
    """Open the pop-up: the browser is sent to the channel's address with HubSpot's five parameters."""
    with world.lock:
        channel = world.hubspot.channels.get(request.form.get("channel", ""))
        portal = world.hubspot.portals.get(request.form.get("portal", ""))
        inbox = request.form.get("inbox", "")
        if channel is None or portal is None or inbox not in portal.inboxes:
            raise not_found("The portal, its inbox or the channel does not exist.")
        address = agent.start_connection(world, channel, portal.id, inbox_id=inbox)
    world.events.publish("settings_changed", {"portal": portal.id})
    return redirect(address, 303)


def connected(world: World, account_id: str) -> Response:
    """The last page of the pop-up: HubSpot has the account. A window that HubSpot opened closes by itself."""
    with world.lock:
        account = _live(world, account_id)
        room = world.hubspot.portals[account.portal_id].inboxes[account.inbox_id]
        return Response(render_template("connected.html", account=account, room=room), mimetype="text/html")


def change(world: World, account_id: str) -> AnyResponse:
    """Switch an account on or off, move it, or remove it."""
    with world.lock:
        account = _live(world, account_id)
        match request.form.get("wish"):
            case "remove":
                agent.purge(world, account)
            case "move":
                agent.move(world, account, _room(world, account, request.form.get("inbox", "")))
            case "on" | "off" as wish:
                agent.set_active(world, account, active=wish == "on")
            case _:
                raise ApiError(400, "wish is on, off, move or remove.")
    return redirect(url_for(HOME), 303)


def end_window(world: World, token: str) -> AnyResponse:
    """The admin closes the pop-up half way, or leaves it open for too long."""
    with world.lock:
        match request.form.get("wish"):
            case "close":
                windows.close(world, token)
            case "expire":
                windows.expire(world, token)
            case _:
                raise ApiError(400, "wish is close or expire.")
    return redirect(url_for(HOME), 303)


def _live(world: World, account_id: str) -> Account:
    account = world.hubspot.accounts.get(account_id)
    if account is None or account.archived_at is not None:
        raise not_found("The channel account does not exist.")
    return account


def _room(world: World, account: Account, inbox_id: str) -> Inbox:
    found = world.hubspot.portals[account.portal_id].inboxes.get(inbox_id)
    if found is None:
        raise not_found("The inbox does not exist.")
    return found


def _shown(world: World, portal_id: str) -> Shown:
    portal = world.hubspot.portals[portal_id]
    held = world.hubspot.refresh_tokens.values()
    apps = {one.app_id for one in held if one.portal_id == portal_id and not one.revoked}
    return Shown(
        id=portal_id,
        rooms=list(portal.inboxes.values()),
        channels=[one for one in world.hubspot.channels.values() if one.app_id in apps],
        accounts=[
            one for one in world.hubspot.accounts.values() if one.portal_id == portal_id and one.archived_at is None
        ],
        windows=windows.of_portal(world, portal_id),
    )
