"""The settings page of HubSpot's inbox, as far as channels go: what is connected, and the pop-up to connect more."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.simulator.hubspot import agent
from app.simulator.hubspot.errors import not_found
from app.simulator.hubspot.state import Account, Channel, Inbox
from app.simulator.world import World


@dataclass(frozen=True)
class Shown:
    """One portal: its rooms, the channels of apps that are installed there, and the accounts in its rooms."""

    id: str
    rooms: list[Inbox]
    channels: list[Channel]
    accounts: list[tuple[Account, str]]


def register(blueprint: Blueprint, world: World) -> None:
    """Add the page and its buttons."""
    for method, path, view in (
        ("GET", "/settings", lambda: show(world)),
        ("POST", "/settings/connect", lambda: connect(world)),
        ("POST", "/settings/accounts/<account_id>", lambda account_id: change(world, account_id)),
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
        return redirect(agent.start_connection(world, channel, portal.id, inbox_id=inbox), 303)


def change(world: World, account_id: str) -> AnyResponse:
    """Switch an account on or off, or remove it."""
    with world.lock:
        account = world.hubspot.accounts.get(account_id)
        if account is None or account.archived_at is not None:
            raise not_found("The channel account does not exist.")
        wish = request.form.get("wish")
        if wish == "remove":
            agent.purge(world, account)
        else:
            agent.set_active(world, account, active=wish == "on")
    return redirect(url_for("hubspot.settings GET /settings"), 303)


def _shown(world: World, portal_id: str) -> Shown:
    portal = world.hubspot.portals[portal_id]
    held = world.hubspot.refresh_tokens.values()
    apps = {one.app_id for one in held if one.portal_id == portal_id and not one.revoked}
    return Shown(
        id=portal_id,
        rooms=list(portal.inboxes.values()),
        channels=[one for one in world.hubspot.channels.values() if one.app_id in apps],
        accounts=[
            (one, portal.inboxes[one.inbox_id].name if one.inbox_id in portal.inboxes else one.inbox_id)
            for one in world.hubspot.accounts.values()
            if one.portal_id == portal_id and one.archived_at is None
        ],
    )
