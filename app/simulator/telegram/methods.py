"""The Bot API's methods by name, with those that concern the bot itself: webhook, updates, files."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from app.simulator.telegram.call import Call
from app.simulator.telegram.errors import TelegramError, bad_request
from app.simulator.telegram.sending import (
    get_chat,
    read_business_message,
    send_chat_action,
    send_contact,
    send_location,
    send_message,
    send_venue,
)
from app.simulator.telegram.state import Json, Webhook
from app.simulator.telegram.uploads import SENDERS

#: Largest file that bots may fetch, bytes.
DOWNLOAD_LIMIT = 20 << 20

#: Longest wait of getUpdates and the most updates in one answer.
POLL_SECONDS = 50
POLL_UPDATES = 100

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def get_me(call: Call) -> Json:
    """The bot itself."""
    return {
        **call.bot.as_user(),
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
    }


def set_webhook(call: Call) -> bool:
    """Send updates to an address; an empty one is deleteWebhook.

    Plain http, any port and private addresses are allowed here: that is what the simulator is for.
    """
    url = call.text("url")
    if not url:
        return delete_webhook(call)
    if not url.startswith(("http://", "https://")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = call.text("secret_token")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    allowed = frozenset(call.structure("allowed_updates") or ())
    connections = call.integer("max_connections", 40)
    if not 1 <= connections <= 100:  # noqa: PLR2004 - the documented bounds
        raise bad_request("max_connections must be between 1 and 100")
    webhook = Webhook(url, secret, allowed, connections)
    call.telegram.set_webhook(call.bot, webhook, drop_pending=call.flag("drop_pending_updates"))
    return True


def delete_webhook(call: Call) -> bool:
    """Keep updates for getUpdates."""
    call.telegram.set_webhook(call.bot, None, drop_pending=call.flag("drop_pending_updates"))
    return True


def get_webhook_info(call: Call) -> Json:
    """Where updates go, how many wait, and what went wrong last."""
    bot = call.bot
    waiting = len(bot.pending) if bot.webhook else len(bot.queue)
    info: Json = {"url": "", "has_custom_certificate": False, "pending_update_count": waiting}
    if bot.webhook is not None:
        info.update(url=bot.webhook.url, max_connections=bot.webhook.max_connections)
        if bot.webhook.allowed:
            info["allowed_updates"] = sorted(bot.webhook.allowed)
    if bot.last_error is not None:
        info.update(last_error_date=bot.last_error[0], last_error_message=bot.last_error[1])
    return info


def get_updates(call: Call) -> list[Json]:
    """The waiting updates from `offset` on; waits up to `timeout` seconds for the first one.

    Called without the world's lock, because it waits.
    """
    deadline = time.monotonic() + min(call.integer("timeout"), POLL_SECONDS)
    offset, limit = call.integer("offset"), call.integer("limit", POLL_UPDATES)
    while True:
        with call.telegram.world.lock:
            if call.bot.webhook is not None:
                raise TelegramError(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; "
                    "use deleteWebhook to delete the webhook first",
                )
            if offset:
                call.bot.queue = [one for one in call.bot.queue if one[1]["update_id"] >= offset]
            if call.bot.queue or time.monotonic() >= deadline:
                return [update for _, update in call.bot.queue[:limit]]
        time.sleep(0.02)


def get_file(call: Call) -> Json:
    """Where a file can be fetched."""
    stored = call.telegram.files.get(call.text("file_id"))
    if stored is None:
        raise bad_request("invalid file_id")
    if stored.size > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    return {**stored.as_json(), "file_path": stored.path}


def answer_callback_query(call: Call) -> bool:
    """End the waiting of the person who pressed a button; once."""
    query = call.text("callback_query_id")
    if query not in call.bot.callbacks:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    call.bot.callbacks.discard(query)
    return True


METHODS: dict[str, Callable[[Call], Any]] = {
    "answercallbackquery": answer_callback_query,
    "deletewebhook": delete_webhook,
    "getchat": get_chat,
    "getfile": get_file,
    "getme": get_me,
    "getwebhookinfo": get_webhook_info,
    "readbusinessmessage": read_business_message,
    "sendchataction": send_chat_action,
    "sendcontact": send_contact,
    "sendlocation": send_location,
    "sendmessage": send_message,
    "sendvenue": send_venue,
    "setwebhook": set_webhook,
    **SENDERS,
}


def run(call: Call, method: str) -> Any:
    """Run a method; names are not case-sensitive.

    Raises:
        TelegramError: the method is unknown, or it refuses.
    """
    name = method.lower()
    if name == "getupdates":
        return get_updates(call)
    if name not in METHODS:
        raise TelegramError(404, "Not Found: method not found")
    with call.telegram.world.lock:
        return METHODS[name](call)
