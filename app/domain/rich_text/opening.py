"""Put words in front of an HTML text, on its first line."""

from __future__ import annotations

import html
import re
from typing import Final

#: The blocks that may stand before the first word of an HTML text.
_BLOCKS: Final = re.compile(r"(?:\s*<(?:div|p)\b[^>]*>)*", re.IGNORECASE)


def begin_with(words: str, formatted: str | None) -> str | None:
    """Return the HTML with plain words in front of it; None stays None."""
    if formatted is None:
        return None
    found = _BLOCKS.match(formatted)
    at = found.end() if found else 0
    return formatted[:at] + html.escape(words).replace("\n", "<br>") + formatted[at:]
