"""What the loopback messenger tells the relay: the events of its webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.simulator.loopback.state import Conversation, Media, Message
from app.simulator.world import World


def message(world: World, conversation: Conversation, said: Message) -> dict[str, Any]:
    """A customer's message."""
    content = said.content
    more = {
        "place": content.place and content.place.model_dump(),
        "card": content.card and content.card.model_dump(mode="json"),
        "choice": content.choice,
    }
    return {
        "type": "message",
        "id": said.id,
        "conversation": conversation.id,
        "time": world.clock.iso(said.time),
        "sender": _sender(conversation),
        "text": content.text,
        "reply_to": content.reply_to,
        "attachments": [_attachment(world, media) for media in content.media],
        **{name: value for name, value in more.items() if value is not None},
    }


def own(world: World, conversation: Conversation, said: Message, sender: Mapping[str, str]) -> dict[str, Any]:
    """A message of the account's own side."""
    event = message(world, conversation, said)
    return {**event, "own": True, "sender": sender, "recipient": event["sender"]}


def about(world: World, conversation: Conversation, said: Message, what: Mapping[str, object]) -> dict[str, Any]:
    """What a customer did to a message: the fields of an edit, a deletion or a reaction."""
    return {
        "id": f"e{world.ids.number()}",
        "message": said.id,
        "conversation": conversation.id,
        "time": world.clock.iso(),
        "sender": _sender(conversation),
        **what,
    }


def receipt(world: World, said: Message) -> dict[str, Any]:
    """What became of a message of the relay's."""
    return {
        "type": "receipt",
        "message": said.id,
        "conversation": said.conversation,
        "status": said.status.value,
        "time": world.clock.iso(),
        "reason": said.reason,
    }


def _attachment(world: World, media: Media) -> dict[str, Any]:
    return {
        "kind": media.kind,
        "url": f"{world.base_url}/loopback/v1/media/{media.id}",
        "name": media.name,
        "mime": media.mime,
        "size": len(media.content),
    }


def _sender(conversation: Conversation) -> dict[str, Any]:
    address = conversation.address
    sender = {"id": f"u-{conversation.id}", "name": conversation.customer}
    if address is not None:
        sender |= {"id": address.value, "type": address.type}
    return sender | ({"vouched": [asdict(one) for one in conversation.vouched]} if conversation.vouched else {})
