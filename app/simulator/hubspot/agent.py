"""What people do in HubSpot: answer, comment, switch accounts off, remove them, connect new ones."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.simulator.hubspot import attachments, files, publishing, webhooks, windows
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.state import (
    Access,
    Account,
    Channel,
    Direction,
    Inbox,
    Message,
    Participant,
    StagingToken,
    StatusType,
    StoredFile,
    Thread,
    ThreadStatus,
)
from app.simulator.hubspot.threads import current, reopen
from app.simulator.world import World

TRUNCATED_LENGTH = 200


@dataclass(frozen=True)
class Reply:
    """What an agent typed. Attachments are {fileId}, {name, mime, base64} or an object of a type without files."""

    text: str
    rich_text: str | None = None
    agent_id: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    truncated: bool = False
    in_reply_to: str | None = None


def answer(world: World, thread: Thread, reply: Reply) -> Message:
    """Send a reply from the inbox: stored as SENT, and the integration's webhook fires. Call with the lock held.

    Raises:
        ApiError: 400 with a sentence, when the composer would not let the agent send this.
    """
    thread = current(world, thread)
    channel = world.hubspot.channels.get(thread.channel_id)
    account = world.hubspot.accounts.get(thread.account_id)
    if channel is None or account is None or account.archived_at is not None:
        raise ApiError(400, "The channel account of this conversation was removed.")
    attached = _composed(world, thread, channel, reply=reply)
    if thread.status is ThreadStatus.CLOSED:
        reopen(world, thread)
    message = _message(world, thread, account, reply=reply)
    message.attachments = attached
    publishing.add(world, thread, message)
    webhooks.fire_message(world, thread, message)
    return message


def may_reply(channel: Channel) -> bool:
    """Whether the channel has a composer at all. [D] The capability may be a text."""
    return str(channel.capabilities["allowOutgoingMessages"]).lower() == "true"


def comment(world: World, thread: Thread, text: str, *, by: str) -> Message:
    """An internal note, which never leaves HubSpot."""
    now = world.clock.now()
    message = Message(
        id=world.ids.hex(),
        thread_id=thread.id,
        account_id=thread.account_id,
        channel_id=thread.channel_id,
        direction=Direction.OUTGOING,
        text=text,
        created_at=now,
        created_by=by,
        received_at=now,
        type="COMMENT",
        senders=[Participant(None, None, by)],
    )
    publishing.add(world, thread, message)
    return message


def set_active(world: World, account: Account, *, active: bool) -> None:
    """The switch in the inbox settings; no API has it."""
    account.active = active
    webhooks.fire_account(world, account, webhooks.AccountEvent.UPDATED)


def purge(world: World, account: Account) -> None:
    """Remove the account from the inbox."""
    account.archived_at = world.clock.now()
    account.active = False
    webhooks.fire_account(world, account, webhooks.AccountEvent.PURGED)


def move(world: World, account: Account, inbox: Inbox) -> Account:
    """Put the account into another inbox or help desk, and say which account it is now. [U] how HubSpot tells it."""
    if world.switches.account_move == "updated":
        account.inbox_id = inbox.id
        webhooks.fire_account(world, account, webhooks.AccountEvent.UPDATED)
        return account
    purge(world, account)
    again = Account(
        id=world.ids.number(),
        channel_id=account.channel_id,
        portal_id=account.portal_id,
        inbox_id=inbox.id,
        name=account.name,
        identifier=account.identifier,
        created_at=world.clock.now(),
    )
    world.hubspot.accounts[again.id] = again
    webhooks.fire_account(world, again, webhooks.AccountEvent.CREATED)
    return again


def start_connection(world: World, channel: Channel, portal_id: str, *, inbox_id: str) -> str:
    """Begin the connection pop-up: stage a token and return the address that HubSpot would open. [D] five parameters.

    Raises:
        ApiError: 400 when the channel has no redirect address; [U] what the card does then.
    """
    if not channel.redirect_url:
        raise ApiError(400, "This channel has no channelAccountConnectionRedirectUrl.")
    staging = StagingToken(world.ids.uuid(), channel.id, portal_id, inbox_id, world.clock.now())
    world.hubspot.staging[staging.token] = staging
    query = urlencode(
        {
            "accountToken": staging.token,
            "channelId": channel.id,
            "inboxId": inbox_id,
            "portalId": portal_id,
            "redirectUrl": f"{world.base_url}/_sim/connected/{staging.token}",
        }
    )
    separator = "&" if "?" in channel.redirect_url else "?"
    return f"{channel.redirect_url}{separator}{query}"


def finish_connection(world: World, token: str) -> Account:
    """The pop-up came back: HubSpot creates the account from the staged data and fires CHANNEL_ACCOUNT_CREATED.

    Raises:
        ApiError: 404 for a token that is unknown, used, too old or was never filled.
    """
    staging = world.hubspot.staging.get(token)
    if staging is None or staging.account_name is None or not windows.is_alive(world, staging):
        raise not_found()
    staging.used = True
    account = Account(
        id=world.ids.number(),
        channel_id=staging.channel_id,
        portal_id=staging.portal_id,
        inbox_id=staging.inbox_id,
        name=staging.account_name,
        identifier=staging.identifier,
        created_at=world.clock.now(),
    )
    world.hubspot.accounts[account.id] = account
    webhooks.fire_account(world, account, webhooks.AccountEvent.CREATED)
    return account


def _composed(world: World, thread: Thread, channel: Channel, *, reply: Reply) -> list[dict[str, Any]]:
    """The attachments, once the composer's limits are kept. [D] the limits come from the capabilities."""
    limits = channel.capabilities
    if not may_reply(channel):
        raise ApiError(400, "This channel does not allow replies.")
    if not reply.text.strip() and not reply.attachments:
        raise ApiError(400, "Write something or attach a file.")
    if "<img" in (reply.rich_text or "") and str(limits["allowInlineImages"]).lower() != "true":
        raise ApiError(400, "This channel does not allow pictures within the text.")
    bare = [item for item in reply.attachments if item.get("type") in attachments.WITHOUT_FILES]
    stored = [_file(world, thread, item) for item in reply.attachments if item not in bare]
    # [I] Places and cards come from other apps, by an API that knows no composer.
    quick = [item for item in bare if item["type"] == "QUICK_REPLIES"]
    for kind, present in (("FILE", stored), ("QUICK_REPLIES", quick)):
        if present and kind not in limits["outgoingAttachmentTypes"]:
            raise ApiError(400, f"This channel does not allow attachments of type {kind}.")
    if stored:
        attachments.require_within_limits(channel, stored)
    shown = world.switches.attachment_url != "missing"
    return [
        *(attachments.file_attachment(file, url=files.address_of(world, file) if shown else None) for file in stored),
        *attachments.accept(world, channel, thread.portal_id, attachments=bare),
    ]


def _file(world: World, thread: Thread, item: dict[str, Any]) -> StoredFile:
    if "fileId" in item:
        found = attachments.find_file(world.hubspot, thread.portal_id, str(item["fileId"]), now=world.clock.now())
        if found is None:
            raise ApiError(400, f"File {item['fileId']} not found.")
        return found
    try:
        content = base64.b64decode(str(item.get("base64", "")), validate=True)
    except binascii.Error as error:
        raise ApiError(400, "base64 of an attachment cannot be read.") from error
    # [U] how attachments of agents are stored
    access = Access.PUBLIC_NOT_INDEXABLE if world.switches.attachment_url == "public" else Access.PRIVATE
    mime = str(item.get("mime", "application/octet-stream"))
    name = str(item.get("name", "file"))
    return files.keep(world, thread.portal_id, name, mime=mime, content=content, access=access)


def _message(world: World, thread: Thread, account: Account, *, reply: Reply) -> Message:
    portal = world.hubspot.portals[thread.portal_id]
    agents = [actor for actor in portal.actors.values() if actor.type == "AGENT"]
    author = portal.actors.get(reply.agent_id) or (agents[0] if agents else None)
    author_id = author.id if author else "S-hubspot"
    now = world.clock.now()
    return Message(
        id=world.ids.hex(),
        thread_id=thread.id,
        account_id=account.id,
        channel_id=thread.channel_id,
        direction=Direction.OUTGOING,
        text=reply.text[:TRUNCATED_LENGTH] if reply.truncated else reply.text,
        original_text=reply.text if reply.truncated else None,
        truncation="TRUNCATED" if reply.truncated else "NOT_TRUNCATED",
        rich_text=reply.rich_text,
        created_at=now,
        created_by=author_id,
        received_at=now,
        senders=[Participant(account.identifier, author.name if author else None, author_id)],
        recipients=[Participant(thread.customer, thread.customer_name or None, thread.visitor_id)],
        status=StatusType.SENT,
        in_reply_to=reply.in_reply_to,
    )
