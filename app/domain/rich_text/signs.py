"""The services whose mark-up is signs in the text: Slack, WhatsApp, Viber.

Slack: https://docs.slack.dev/messaging/formatting-message-text. WhatsApp's and Viber's signs are those of their apps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.domain.rich_text.document import Mark

#: Begins and ends a block of code.
FENCE: Final = "```"


@dataclass(frozen=True)
class Signs:
    """The signs of one service. ``escapes``: ``&``, ``<`` and ``>`` are escaped, and links have mark-up."""

    marks: dict[Mark, str]
    escapes: bool = False

    def escape(self, text: str) -> str:
        """Escape what has an escape."""
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if self.escapes else text

    def unescape(self, text: str) -> str:
        """Take the escapes back."""
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if self.escapes else text


_BASIC: Final = {Mark.BOLD: "*", Mark.ITALIC: "_", Mark.STRIKE: "~"}
SLACK: Final = Signs(marks={**_BASIC, Mark.CODE: "`"}, escapes=True)
WHATSAPP: Final = Signs(marks={**_BASIC, Mark.CODE: FENCE})
VIBER: Final = Signs(marks={**_BASIC, Mark.CODE: FENCE})
