"""A request as it arrived, and what is answered to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class RawRequest:
    """One webhook request, untouched.

    ``url`` is the public address with its query, built from the settings and never from the Host header;
    ``path`` is what followed the account's key; header names are lower case.
    """

    method: str
    url: str
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name.lower(), "")

    def parameter(self, name: str) -> str:
        """Return the first value of a query parameter, or an empty string."""
        return parse_qs(self.query).get(name, [""])[0]

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: the body is not UTF-8, not JSON, or nested too deep to be read.
        """
        try:
            return json.loads(self.body.decode("utf-8"))
        except RecursionError as error:
            raise ValueError("the body is nested too deep") from error


@dataclass(frozen=True)
class Answer:
    """What the receiver answers to an accepted request."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
