"""Links to prepared attachments: which one, until when, and the proof that we made the link."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from app.vault import Vault

#: Links end at a full hour, so that a call that is repeated names the same one.
_STEP: Final = 3600
_PURPOSE: Final = "media link"
_TOKEN: Final = re.compile(r"(\d{1,18})-(\d{1,12})-([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True)
class Link:
    """An attachment (its row's number), and until when it is given out (seconds since 1970)."""

    media_id: int
    expires: int

    @classmethod
    def lasting(cls, media_id: int, *, now: float, seconds: float) -> Link:
        """Return a link that holds for so many seconds from ``now``, and less than an hour longer."""
        return cls(media_id, math.ceil((now + seconds) / _STEP) * _STEP)

    def write(self, vault: Vault) -> str:
        """Return its token."""
        return f"{self.media_id}-{self.expires}-{vault.sign(self._signed)}"

    @classmethod
    def read(cls, token: str, vault: Vault) -> Link | None:
        """Return what a token stands for; None: it is forged, or a key that has been removed made it."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        link = cls(int(match[1]), int(match[2]))
        return link if vault.is_signed(link._signed, match[3]) else None

    @property
    def _signed(self) -> str:
        return f"{_PURPOSE}:{self.media_id}:{self.expires}"
