"""A verified request on its way into the database, straight or through the journal."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.domain.webhook import RawRequest


class Delivery(BaseModel):
    """Everything that storing needs to know. As JSON it is what the journal keeps, so its meaning never changes.

    ``account_id``: whose service sent it; None: HubSpot. ``taken_at``: seconds since 1970, by this machine's clock.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    version: Literal[1] = 1
    source: str
    account_id: int | None
    dedupe: str
    taken_at: float
    method: str
    url: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, raw: RawRequest, *, source: str, dedupe: str, account_id: int | None) -> Delivery:
        """Make one of a request that came just now."""
        return cls(
            source=source,
            account_id=account_id,
            dedupe=dedupe,
            taken_at=time.time(),
            method=raw.method,
            url=raw.url,
            path=raw.path,
            query=raw.query,
            headers=dict(raw.headers),
            body=raw.body,
        )

    @property
    def raw(self) -> RawRequest:
        """The request as it came."""
        return RawRequest(self.method, self.url, self.path, self.query, self.headers, self.body)

    @property
    def age(self) -> float:
        """Seconds since it was taken."""
        return max(0.0, time.time() - self.taken_at)
