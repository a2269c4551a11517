"""What people in Telegram do to messages afterwards: they react to them, and delete them."""

from __future__ import annotations

from app.simulator.telegram.messenger import Telegram
from app.simulator.telegram.state import Bot, Chat, Json


def react(telegram: Telegram, bot: Bot, chat: Chat, *, message_id: int, emoji: str) -> Json | None:
    """Somebody reacts to a message, in place of an earlier reaction; an empty `emoji` takes it back.

    None when there is no such message. A bot hears of it only where it asked for updates of this kind.
    """
    with telegram.world.lock:
        message = chat.message(message_id)
        if message is None:
            return None
        before, after = chat.reactions.get(message_id, []), [emoji] if emoji else []
        chat.reactions[message_id] = after
        update = {
            "chat": chat.as_json(),
            "message_id": message_id,
            "user": chat.customer,
            "date": int(telegram.world.clock.now()),
            "old_reaction": [_reaction(one) for one in before],
            "new_reaction": [_reaction(one) for one in after],
        }
        telegram.emit(bot, "message_reaction", update, chat_id=chat.id)
    telegram.show("customer_status", bot, chat, message)
    return update


def delete(telegram: Telegram, bot: Bot, chat: Chat, *, message_id: int) -> Json | None:
    """Somebody deletes a message, and it is gone; bots are not told. None when there is no such message."""
    with telegram.world.lock:
        message = chat.message(message_id)
        if message is not None:
            chat.messages.remove(message)
    telegram.changed(bot)
    return message


def _reaction(emoji: str) -> Json:
    return {"type": "emoji", "emoji": emoji}
