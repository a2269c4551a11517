"""The JSON shapes of HubSpot's answers. [D] all of them, unless a line says otherwise."""

from __future__ import annotations

import hashlib
from typing import Any

from app.simulator.clock import Clock
from app.simulator.hubspot.state import (
    Account,
    Channel,
    Direction,
    Inbox,
    Message,
    Participant,
    StoredFile,
    Thread,
)


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def channel_view(channel: Channel, clock: Clock) -> dict[str, Any]:
    """A registered channel."""
    return {
        "id": channel.id,
        "name": channel.name,
        "capabilities": channel.capabilities,
        "webhookUrl": channel.webhook_url,
        "channelAccountConnectionRedirectUrl": channel.redirect_url,
        "channelDescription": channel.description,
        "channelLogoUrl": channel.logo_url,
        "createdAt": clock.iso(channel.created_at),
    }


def account_view(account: Account, clock: Clock) -> dict[str, Any]:
    """A channel account."""
    return present(
        {
            "id": account.id,
            "channelId": account.channel_id,
            "inboxId": account.inbox_id,
            "name": account.name,
            "active": account.active,
            "authorized": account.authorized,
            "archived": account.archived_at is not None,
            "createdAt": clock.iso(account.created_at),
            "deliveryIdentifier": account.identifier.as_json() if account.identifier else None,
            "archivedAt": clock.iso(account.archived_at) if account.archived_at is not None else None,
        }
    )


def inbox_view(inbox: Inbox, clock: Clock) -> dict[str, Any]:
    """An inbox or help desk."""
    return {
        "id": inbox.id,
        "name": inbox.name,
        "type": inbox.type,
        "createdAt": clock.iso(0),
        "updatedAt": clock.iso(0),
        "archived": False,
    }


def participant_view(participant: Participant) -> dict[str, Any]:
    """A sender or recipient."""
    return present(
        {
            "actorId": participant.actor_id,
            "name": participant.name,
            "deliveryIdentifier": participant.identifier.as_json() if participant.identifier else None,
        }
    )


def status_view(message: Message) -> dict[str, Any] | None:
    """The status; [I] a failure's sentence is its errorMessage."""
    if message.status is None:
        return None
    view: dict[str, Any] = {"statusType": message.status.value}
    if message.failure is not None:
        view["failureDetails"] = {"errorMessage": message.failure, "errorMessageTokens": {}}
    return view


def message_view(message: Message, clock: Clock) -> dict[str, Any]:
    """A message, without the integration's thread and idempotency ids, which HubSpot does not return."""
    client = {"clientType": "INTEGRATION" if message.integration_app_id else "HUBSPOT"}
    if message.integration_app_id:
        client["integrationAppId"] = message.integration_app_id
    return present(
        {
            "type": message.type,
            "id": message.id,
            "conversationsThreadId": message.thread_id,
            "createdAt": clock.iso(message.created_at),
            "updatedAt": clock.iso(message.updated_at) if message.updated_at is not None else None,
            "createdBy": message.created_by,
            "client": client,
            "senders": [participant_view(sender) for sender in message.senders],
            "recipients": [participant_view(recipient) for recipient in message.recipients],
            "archived": False,
            **_content(message),
            **message.extra,
        }
    )


def _content(message: Message) -> dict[str, Any]:
    if message.type not in {"MESSAGE", "COMMENT"}:
        return {}
    content: dict[str, Any] = {
        "text": message.text,
        "richText": message.rich_text,
        "attachments": message.attachments,
        "truncationStatus": message.truncation,
    }
    if message.type == "MESSAGE":
        content |= {
            "direction": message.direction.value,
            "channelId": message.channel_id,
            "channelAccountId": message.account_id,
            "inReplyToId": message.in_reply_to,
            "status": status_view(message),
        }
    return content


def thread_view(thread: Thread, clock: Clock) -> dict[str, Any]:
    """A thread."""
    said = [message for message in thread.messages if message.type == "MESSAGE"]
    received = [message.created_at for message in said if message.direction is Direction.INCOMING]
    sent = [message.created_at for message in said if message.direction is Direction.OUTGOING]

    def latest(moments: list[float]) -> str | None:
        return clock.iso(max(moments)) if moments else None

    return present(
        {
            "id": thread.id,
            "createdAt": clock.iso(thread.created_at),
            "closedAt": clock.iso(thread.closed_at) if thread.closed_at is not None else None,
            "status": thread.status.value,
            "originalChannelId": thread.channel_id,
            "originalChannelAccountId": thread.account_id,
            "latestMessageTimestamp": latest(received + sent),
            "latestMessageSentTimestamp": latest(sent),
            "latestMessageReceivedTimestamp": latest(received),
            "assignedTo": thread.assigned_to,
            "spam": False,
            "inboxId": thread.inbox_id,
            "associatedContactId": thread.contact_id or thread.visitor_id.removeprefix("V-"),
            "archived": thread.archived,
            "threadAssociations": {"associatedTicketId": thread.ticket_id} if thread.ticket_id else None,
        }
    )


def file_view(file: StoredFile, clock: Clock, base_url: str) -> dict[str, Any]:
    """A file."""
    url = f"{base_url}/hubfs/{file.portal_id}/{file.secret}/{file.name}"
    stem, _, extension = file.name.rpartition(".")
    return present(
        {
            "id": file.id,
            "createdAt": clock.iso(file.created_at),
            "updatedAt": clock.iso(file.created_at),
            "archived": False,
            "access": file.access.value,
            "name": stem or file.name,
            "extension": extension if stem else "",
            "path": path_of(file),
            "size": len(file.content),
            "fileMd5": hashlib.md5(file.content, usedforsecurity=False).hexdigest(),
            "type": file_type(file.mime),
            "url": url,
            "defaultHostingUrl": url,
            "isUsableInContent": True,
            "sourceGroup": "CONVERSATIONS",
            "expiresAt": int(file.expires_at * 1000) if file.expires_at is not None else None,
        }
    )


def path_of(file: StoredFile) -> str:
    """Where a file lies in the file manager."""
    return f"{file.folder.rstrip('/')}/{file.name}"


def file_type(mime: str) -> str:
    """HubSpot's word for a kind of file."""
    kind = mime.partition("/")[0]
    return {"image": "IMG", "audio": "AUDIO", "video": "MOVIE", "application": "DOCUMENT", "text": "DOCUMENT"}.get(
        kind, "OTHER"
    )
