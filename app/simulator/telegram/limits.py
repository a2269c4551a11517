"""Telegram's flood limits, as its FAQ tells them: soft in reality, exact here. Off unless a bot asks for them."""

from __future__ import annotations

import math

from app.simulator.telegram.errors import too_many_requests
from app.simulator.telegram.state import Bot, Chat

#: Messages a bot may send in one second, to one chat in one second, to one group in a minute.
BOT_PER_SECOND = 30
CHAT_PER_SECOND = 1
GROUP_PER_MINUTE = 20

SECOND = 1.0
MINUTE = 60.0


def count(bot: Bot, chat: Chat, now: float) -> None:
    """Count one message at time `now` (seconds).

    Raises:
        TelegramError: 429, when a limit is passed; the bot then has to stay silent for as long as it says.
    """
    if not bot.limits:
        return
    while bot.calls and bot.calls[0][0] <= now - MINUTE:
        bot.calls.popleft()
    wait = max(bot.silent_until - now, _wait(bot, chat, now))
    if wait > 0:
        bot.silent_until = max(bot.silent_until, now + wait)
        raise too_many_requests(math.ceil(wait))
    bot.calls.append((now, chat.id))


def _wait(bot: Bot, chat: Chat, now: float) -> float:
    all_calls = [at for at, _ in bot.calls]
    chat_calls = [at for at, chat_id in bot.calls if chat_id == chat.id]
    waits = [_until_free(all_calls, BOT_PER_SECOND, SECOND, now=now)]
    if chat.private:
        waits.append(_until_free(chat_calls, CHAT_PER_SECOND, SECOND, now=now))
    else:
        waits.append(_until_free(chat_calls, GROUP_PER_MINUTE, MINUTE, now=now))
    return max(waits)


def _until_free(calls: list[float], limit: int, window: float, *, now: float) -> float:
    recent = [at for at in calls if at > now - window]
    return recent[-limit] + window - now if len(recent) >= limit else 0.0
