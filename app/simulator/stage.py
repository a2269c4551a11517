"""Setting the scene and playing the people of HubSpot: the part of /_sim that touches portals, accounts, threads."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.simulator import seed
from app.simulator.hubspot import agent, capabilities, oauth, threads, webhooks
from app.simulator.hubspot.bodies import read_json
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.state import Account, App, Channel, Contact, Identifier, Inbox
from app.simulator.hubspot.views import account_view, channel_view, message_view
from app.simulator.stage_desk import find_thread
from app.simulator.stage_given import (
    AccountGiven,
    AppGiven,
    ChannelGiven,
    NewContactGiven,
    PortalGiven,
    RepliesGiven,
    ReplyGiven,
    arguments,
    locked,
)
from app.simulator.stage_views import scene, thread_card, thread_messages
from app.simulator.world import World


def add_routes(controls: Blueprint, world: World) -> None:
    """Add the controls; each runs under the world's lock."""
    for method, path, handler in (
        ("GET", "/state", scene),
        ("POST", "/apps", add_app),
        ("POST", "/portals", add_portal),
        ("POST", "/tokens", issue_token),
        ("POST", "/contacts", add_contact),
        ("DELETE", "/contacts/<contact_id>", delete_contact),
        ("POST", "/channels", add_channel),
        ("POST", "/channel-accounts", add_account),
        ("POST", "/channel-accounts/<account_id>/active", set_active),
        ("POST", "/channel-accounts/<account_id>/purge", purge),
        ("POST", "/connect", connect),
        ("GET", "/connected/<token>", connected),
        ("GET", "/threads", list_threads),
        ("GET", "/threads/<thread_id>/messages", list_messages),
        ("POST", "/threads/<thread_id>/reply", reply),
        ("POST", "/replies", reply_all),
        ("POST", "/threads/<thread_id>/comment", comment),
        ("POST", "/threads/<thread_id>/close", close),
        ("POST", "/threads/<thread_id>/reopen", reopen),
        ("POST", "/threads/<thread_id>/merge", merge),
        ("POST", "/threads/<thread_id>/contact", link_contact),
        ("POST", "/events/inject", inject),
    ):
        controls.add_url_rule(path, endpoint=f"{method} {path}", view_func=locked(world, handler), methods=[method])


def add_app(world: World) -> dict[str, Any]:
    """Register an app."""
    given = AppGiven.model_validate(arguments())
    world.hubspot.apps[given.id] = App(
        given.id, given.clientId, given.clientSecret, given.developerKey, events_url=given.eventsUrl
    )
    return {"id": given.id}


def add_portal(world: World) -> dict[str, Any]:
    """Open a portal and install the app there; returns the refresh token."""
    given = PortalGiven.model_validate(arguments())
    inboxes = [Inbox(inbox.id, inbox.name, inbox.type) for inbox in given.inboxes]
    portal = seed.add_portal(world, given.id, inboxes or None)
    portal.teams.update(given.teams)
    for contact in given.contacts:
        portal.contacts[contact.id] = Contact(contact.id, contact.name, contact.email, contact.phone)
    app = _app(world, given.app)
    value = given.refreshToken or f"sim-refresh-{given.id}"
    held = oauth.install(world, app.id, given.id, scopes=frozenset(given.scopes), value=value)
    return {"id": given.id, "refreshToken": held.value}


def add_contact(world: World) -> dict[str, Any]:
    """Somebody makes a contact: {id, name, email, phone, portal}."""
    given = NewContactGiven.model_validate(arguments())
    portal = world.hubspot.portals.get(given.portal)
    if portal is None:
        raise not_found("The portal does not exist.")
    made_at = world.clock.now()
    portal.contacts[given.id] = Contact(given.id, given.name, given.email, given.phone, created_at=made_at)
    return {"id": given.id}


def delete_contact(world: World, contact_id: str) -> dict[str, Any]:
    """Somebody deletes a contact; what was linked to it is an unknown visitor again."""
    for portal in world.hubspot.portals.values():
        if portal.contacts.pop(contact_id, None):
            portal.links = {identifier: one for identifier, one in portal.links.items() if one != contact_id}
    return {"id": contact_id}


def issue_token(world: World) -> dict[str, Any]:
    """An access token of a portal without the OAuth round, for tests; not counted as a refresh."""
    portal_id = str(arguments().get("portal", seed.PORTAL_ID))
    for held in world.hubspot.refresh_tokens.values():
        if held.portal_id == portal_id and not held.revoked:
            return {"accessToken": oauth.issue(world, held).value}
    raise not_found("The app is not installed in this portal.")


def add_channel(world: World) -> dict[str, Any]:
    """Create a channel."""
    given = ChannelGiven.model_validate(arguments())
    capabilities.check(given.capabilities, world.switches)
    channel = Channel(
        id=given.id or world.ids.number(),
        app_id=_app(world, given.app).id,
        name=given.name,
        capabilities=capabilities.filled(given.capabilities),
        webhook_url=given.webhookUrl,
        redirect_url=given.redirectUrl,
        description=None,
        logo_url=None,
        created_at=world.clock.now(),
    )
    world.hubspot.channels[channel.id] = channel
    return channel_view(channel, world.clock)


def add_account(world: World) -> dict[str, Any]:
    """Create a channel account."""
    given = AccountGiven.model_validate(arguments())
    portal = world.hubspot.portals.get(given.portal)
    if portal is None or given.inbox not in portal.inboxes or given.channel not in world.hubspot.channels:
        raise not_found("The portal, its inbox or the channel does not exist.")
    account = Account(
        id=given.id or world.ids.number(),
        channel_id=given.channel,
        portal_id=given.portal,
        inbox_id=given.inbox,
        name=given.name,
        identifier=Identifier(**given.identifier) if given.identifier else None,
        created_at=world.clock.now(),
        active=given.active,
        authorized=given.authorized,
    )
    world.hubspot.accounts[account.id] = account
    return account_view(account, world.clock)


def set_active(world: World, account_id: str) -> dict[str, Any]:
    """Turn the user's switch; {active}."""
    account = _account(world, account_id)
    agent.set_active(world, account, active=bool(arguments().get("active", True)))
    return account_view(account, world.clock)


def purge(world: World, account_id: str) -> dict[str, Any]:
    """Remove the account from its inbox."""
    account = _account(world, account_id)
    agent.purge(world, account)
    return account_view(account, world.clock)


def connect(world: World) -> dict[str, Any]:
    """An admin opens the connection pop-up: its address. {channel, portal, inbox}."""
    given = arguments()
    channel = world.hubspot.channels.get(str(given.get("channel", seed.CHANNEL_ID)))
    if channel is None:
        raise not_found("The channel does not exist.")
    portal_id = str(given.get("portal", seed.PORTAL_ID))
    return {"url": agent.start_connection(world, channel, portal_id, inbox_id=str(given.get("inbox", seed.INBOX_ID)))}


def connected(world: World, token: str) -> Response:
    """Where the pop-up returns to: creates the account; a browser is sent on to the last page of the pop-up."""
    account = agent.finish_connection(world, token)
    if "text/html" in request.headers.get("Accept", ""):
        return Response(status=302, headers={"Location": f"/settings/connected/{account.id}"})
    return jsonify(account_view(account, world.clock))


def list_threads(world: World) -> list[dict[str, Any]]:
    """Threads, the latest first; `account` narrows."""
    wanted = request.args.get("account")
    cards = [
        thread_card(world, thread)
        for thread in world.hubspot.threads.values()
        if not thread.archived and wanted in {None, thread.account_id}
    ]
    return sorted(cards, key=lambda card: str(card["latestAt"]), reverse=True)


def list_messages(world: World, thread_id: str) -> list[dict[str, Any]]:
    """All messages and notes of a thread by time, with status and failure sentence."""
    return thread_messages(world, find_thread(world, thread_id))


def reply(world: World, thread_id: str) -> dict[str, Any]:
    """An agent answers; a composer's refusal is a 400 with its sentence."""
    given = ReplyGiven.model_validate(arguments())
    thread = find_thread(world, thread_id)
    sent = [
        agent.answer(
            world,
            thread,
            agent.Reply(
                text=given.text if given.count == 1 else f"{given.text} {number}",
                rich_text=given.richText,
                agent_id=given.agent,
                attachments=given.attachments,
                truncated=given.truncated,
                in_reply_to=given.inReplyTo,
            ),
        )
        for number in range(1, given.count + 1)
    ]
    return message_view(sent[-1], world.clock)


def reply_all(world: World) -> list[dict[str, Any]]:
    """Agents answer in many threads, in this order: a list of {thread, text}. All of it, or a refusal at the first."""
    given = RepliesGiven.model_validate(read_json()).root
    sent = [agent.answer(world, find_thread(world, one.thread), agent.Reply(text=one.text)) for one in given]
    return [{"id": message.id} for message in sent]


def comment(world: World, thread_id: str) -> dict[str, Any]:
    """An agent writes an internal note."""
    written = agent.comment(world, find_thread(world, thread_id), str(arguments().get("text", "")), by=seed.AGENT_ID)
    return message_view(written, world.clock)


def close(world: World, thread_id: str) -> dict[str, Any]:
    """Close a thread."""
    thread = find_thread(world, thread_id)
    threads.close(world, thread)
    return thread_card(world, thread)


def reopen(world: World, thread_id: str) -> dict[str, Any]:
    """Reopen a thread."""
    thread = find_thread(world, thread_id)
    threads.reopen(world, thread)
    return thread_card(world, thread)


def merge(world: World, thread_id: str) -> dict[str, Any]:
    """Merge the thread into {into}."""
    into = find_thread(world, str(arguments().get("into")))
    if into.id == thread_id:
        raise ApiError(400, "A thread cannot be merged into itself.")
    threads.merge(world, find_thread(world, thread_id), into)
    return thread_card(world, into)


def link_contact(world: World, thread_id: str) -> dict[str, Any]:
    """An agent links the visitor to the contact {contact}; HubSpot remembers it for the identifier."""
    thread = find_thread(world, thread_id)
    portal = world.hubspot.portals[thread.portal_id]
    contact_id = str(arguments().get("contact"))
    if contact_id not in portal.contacts or thread.customer is None:
        raise not_found("The contact does not exist.")
    portal.links[thread.customer] = contact_id
    thread.visitor_id, thread.contact_id = threads.visitor(world, portal, thread.customer, thread.customer_name)
    threads.changed(world, thread)
    return thread_card(world, thread)


def inject(world: World) -> dict[str, Any]:
    """Send any body, rightly signed, to a channel's webhook: {type, ...}; `channel` in the query chooses."""
    channel = world.hubspot.channels.get(request.args.get("channel", seed.CHANNEL_ID))
    app = world.hubspot.apps.get(channel.app_id) if channel else None
    if channel is None or app is None or not channel.webhook_url:
        raise not_found("The channel does not exist or has no webhookUrl.")
    payload = read_json()
    label = str(payload.get("type", "")) if isinstance(payload, dict) else "array"
    delivery = webhooks.send_raw(world, app, channel.webhook_url, body=json.dumps(payload).encode(), label=label)
    return {"delivery": delivery}


def _app(world: World, app_id: str | None) -> App:
    app = world.hubspot.apps.get(app_id) if app_id else next(iter(world.hubspot.apps.values()), None)
    if app is None:
        raise not_found("The app does not exist.")
    return app


def _account(world: World, account_id: str) -> Account:
    account = world.hubspot.accounts.get(account_id)
    if account is None:
        raise not_found("The channel account does not exist.")
    return account
