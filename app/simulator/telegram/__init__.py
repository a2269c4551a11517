"""A simulated Telegram: the Bot API as bots see it, and the customers who write to them.

`blueprint` is the Bot API with its file host, `admin` the customers' side for the page, the demo and tests.
Rules follow https://core.telegram.org/bots/api (10.1); texts of errors are those the official server sends.
"""

from __future__ import annotations

from app.simulator.telegram.admin import admin
from app.simulator.telegram.messenger import Telegram, telegram_of
from app.simulator.telegram.service import blueprint

__all__ = ["Telegram", "admin", "blueprint", "telegram_of"]
