"""Buttons under a message (https://core.telegram.org/bots/api#inlinekeyboardbutton)."""

from __future__ import annotations

from typing import Any

from app.simulator.telegram.call import Call
from app.simulator.telegram.errors import bad_request
from app.simulator.telegram.state import Json

#: Bytes of what a pressed button gives back.
DATA_LIMIT = 64
SCHEMES = ("http://", "https://", "tg://")


def markup_of(call: Call) -> Json:
    """The field of a message with its buttons; other keyboards are shown to people and told to nobody.

    Raises:
        TelegramError: a button has no text, no single purpose, too much data, or leads nowhere.
    """
    markup: Any = call.structure("reply_markup")
    if not isinstance(markup, dict) or "inline_keyboard" not in markup:
        return {}
    rows = [[_button(one) for one in row] for row in markup["inline_keyboard"]]
    return {"reply_markup": {"inline_keyboard": rows}} if any(rows) else {}


def _button(button: Json) -> Json:
    text, url, data = (str(button.get(name, "")) for name in ("text", "url", "callback_data"))
    if not text.strip():
        raise bad_request("can't parse inline keyboard button: Text of the button is empty")
    if bool(url) == bool(data):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if url and not url.startswith(SCHEMES):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol")
    if len(data.encode()) > DATA_LIMIT:
        raise bad_request("BUTTON_DATA_INVALID")
    return {"text": text, "url": url} if url else {"text": text, "callback_data": data}
