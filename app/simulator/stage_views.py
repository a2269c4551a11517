"""What the page sees of HubSpot: more than the API tells, in one answer."""

from __future__ import annotations

import re
from typing import Any

from app.simulator.hubspot import agent
from app.simulator.hubspot.state import Account, Actor, Message, Thread
from app.simulator.hubspot.threads import HELP_DESK
from app.simulator.hubspot.views import account_view, channel_view, inbox_view, message_view
from app.simulator.world import World

UNKNOWN_VISITOR = "Unknown visitor"

#: Addresses of the file host within HTML.
_HOSTED = re.compile(r"""(?<=["'])[^"']*/hubfs/\d+/(\w+)/[^"']*(?=["'])""")


def scene(world: World) -> dict[str, Any]:
    """Apps, portals, channels, accounts and the size of the rest."""
    state = world.hubspot
    return {
        "now": world.clock.iso(),
        "apps": [{"id": app.id, "clientId": app.client_id, "eventsUrl": app.events_url} for app in state.apps.values()],
        "portals": [
            {
                "id": portal.id,
                "inboxes": [inbox_view(inbox, world.clock) for inbox in portal.inboxes.values()],
                "agents": [
                    {"id": actor.id, "name": actor.name} for actor in portal.actors.values() if actor.type == "AGENT"
                ],
                "teams": [{"id": key, "name": name} for key, name in portal.teams.items()],
            }
            for portal in state.portals.values()
        ],
        "channels": [channel_view(channel, world.clock) for channel in state.channels.values()],
        "accounts": [
            {**account_view(account, world.clock), "portalId": account.portal_id} for account in state.accounts.values()
        ],
        "threads": len(state.threads),
        "messages": len(state.messages),
        "faults": world.faults.list(),
        "pendingWebhooks": world.delivery.pending(),
        "webhooksDueIn": world.delivery.due_in(),
    }


def thread_card(world: World, thread: Thread) -> dict[str, Any]:
    """One line of the inbox."""
    portal = world.hubspot.portals[thread.portal_id]
    account = world.hubspot.accounts.get(thread.account_id)
    inbox = portal.inboxes.get(thread.inbox_id)
    contact = portal.contacts.get(thread.contact_id or "")
    said = [message for message in thread.messages if message.type == "MESSAGE"]
    last = max(said, key=lambda message: message.created_at, default=None)
    return {
        "id": thread.id,
        "portalId": thread.portal_id,
        "accountId": thread.account_id,
        "accountName": account.name if account else "",
        "accountActive": bool(account and account.active and account.archived_at is None),
        "inboxId": thread.inbox_id,
        "inboxName": inbox.name if inbox else "",
        "inboxType": inbox.type if inbox else "",
        "ticketId": thread.ticket_id,
        "isHelpDesk": bool(inbox and inbox.type == HELP_DESK),
        "contactName": (contact.name if contact else "") or thread.customer_name or UNKNOWN_VISITOR,
        "contactId": thread.contact_id,
        "visitorId": thread.visitor_id,
        "customer": thread.customer.as_json() if thread.customer else None,
        "status": thread.status.value,
        "ownerId": thread.assigned_to,
        "ownerName": _name(portal.actors.get(thread.assigned_to or "")),
        "teamId": thread.team_id,
        "teamName": portal.teams.get(thread.team_id or "", ""),
        "composer": _composer(world, thread, account),
        "integrationThreadIds": thread.integration_ids,
        "messageCount": len(said),
        "latestAt": world.clock.iso(last.created_at if last else thread.created_at),
        "lastMessage": _line(world, last) if last else None,
    }


def _name(actor: Actor | None) -> str:
    return actor.name if actor else ""


def _composer(world: World, thread: Thread, account: Account | None) -> dict[str, Any]:
    """What the composer offers, by the channel's capabilities; `closed` says why there is none."""
    channel = world.hubspot.channels.get(thread.channel_id)
    limits = channel.capabilities if channel else {}
    closed = ""
    if channel is None or account is None or account.archived_at is not None:
        closed = "The channel account of this conversation was removed."
    elif not agent.may_reply(channel):
        closed = "This channel takes messages in, but does not allow replies."
    elif not account.active:
        closed = "The channel account is switched off in the settings."
    return {
        "closed": closed,
        "files": limits.get("maxFileAttachmentCount", 0) if "FILE" in limits.get("outgoingAttachmentTypes", []) else 0,
        "mimes": limits.get("allowedFileAttachmentMimeTypes", []),
        "fileSize": limits.get("maxFileAttachmentSizeBytes", 0),
        "totalSize": limits.get("maxTotalFileAttachmentSizeBytes", 0),
        "richText": limits.get("richText", []),
        "inlineImages": str(limits.get("allowInlineImages", False)).lower() == "true",
        "quickReplies": "QUICK_REPLIES" in limits.get("outgoingAttachmentTypes", []),
        "places": world.switches.agent_places,
    }


def thread_messages(world: World, thread: Thread) -> list[dict[str, Any]]:
    """Messages and notes by time, with what the API keeps to itself; `arrival` counts from 0 as they came."""
    lines = [{**_line(world, message), "arrival": number} for number, message in enumerate(thread.messages)]
    return sorted(lines, key=lambda line: str(line["createdAt"]))


def _line(world: World, message: Message) -> dict[str, Any]:
    return {
        **message_view(message, world.clock),
        "statusType": message.status.value if message.status else None,
        "failure": message.failure,
        "statusPatches": message.status_patches,
        "receivedAt": world.clock.iso(message.received_at),
        "idempotencyId": message.idempotency_id,
        "attachments": [_attachment(world, item) for item in message.attachments],
        "viewRichText": _viewed(world, message.rich_text or ""),
    }


def _viewed(world: World, rich_text: str) -> str:
    """HTML whose pictures open for the page, wherever it reaches the file host."""
    if "/hubfs/" not in rich_text:
        return rich_text
    ids = {file.secret: file.id for file in world.hubspot.files.values()}
    return _HOSTED.sub(lambda found: f"/_sim/files/{ids[found[1]]}" if found[1] in ids else found[0], rich_text)


def _attachment(world: World, item: dict[str, Any]) -> dict[str, Any]:
    """An attachment with an address that opens it for the page, whatever its access."""
    file = world.hubspot.files.get(str(item.get("fileId")))
    if file is None:
        return item
    return {**item, "mime": file.mime, "size": len(file.content), "viewUrl": f"/_sim/files/{file.id}"}
