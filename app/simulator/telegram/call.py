"""One call of the Bot API: its parameters, however they were sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flask import Request

from app.simulator.telegram.errors import bad_request
from app.simulator.telegram.messenger import Telegram
from app.simulator.telegram.state import Bot, StoredFile


@dataclass(frozen=True)
class Upload:
    """A file in a multipart body."""

    name: str
    mime: str
    content: bytes


@dataclass
class Call:
    """Method parameters by name; in forms and queries, objects and lists are JSON texts."""

    telegram: Telegram
    bot: Bot
    values: dict[str, Any]
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text parameter; empty when absent."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A yes/no parameter; no when absent."""
        return self.text(name).lower() in {"true", "1"}

    def integer(self, name: str, default: int = 0) -> int:
        """A number.

        Raises:
            TelegramError: it is not one.
        """
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            raise bad_request(f"parameter {name} must be an integer") from None

    def structure(self, name: str) -> Any:
        """An object or list, None when absent.

        Raises:
            TelegramError: it is not JSON.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def file(self, name: str, *, folder: str, default: str) -> StoredFile:
        """A file that is uploaded under this name, attached by reference, or known to us by its id.

        Raises:
            TelegramError: there is none, or it is empty.
        """
        wanted = self.text(name)
        upload = self.uploads.get(wanted.removeprefix("attach://") if wanted.startswith("attach://") else name)
        if upload is not None:
            if not upload.content:
                raise bad_request("file must be non-empty")
            return self.telegram.store(upload.content, name=upload.name or default, mime=upload.mime, folder=folder)
        if wanted.startswith(("http://", "https://")):
            # The simulator reaches no other hosts, so every address behaves as if it could not be fetched.
            raise bad_request("failed to get HTTP URL content")
        stored = self.telegram.files.get(wanted)
        if stored is None:
            raise bad_request(f"there is no {name} in the request" if not wanted else "wrong file identifier specified")
        return stored


def read_call(telegram: Telegram, bot: Bot, request: Request) -> Call:
    """Read a request of any of the four forms: query, form, multipart, JSON.

    Raises:
        TelegramError: the JSON body is not an object.
    """
    values: dict[str, Any] = {**request.args, **request.form}
    if request.mimetype == "application/json" and request.get_data():
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise bad_request("can't parse JSON object")
        values.update(body)
    uploads = {
        name: Upload(storage.filename or "", storage.mimetype, storage.read())
        for name, storage in request.files.items()
    }
    return Call(telegram, bot, values, uploads)
