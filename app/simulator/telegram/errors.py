"""The Bot API's refusals, in the official server's words."""

from __future__ import annotations

from typing import Any


class TelegramError(Exception):
    """A refusal: HTTP status and error_code, description, and parameters where there are some."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        """`parameters` are migrate_to_chat_id or retry_after."""
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return {**body, "parameters": self.parameters} if self.parameters else body


def bad_request(reason: str) -> TelegramError:
    """400: this call can never succeed as it is."""
    return TelegramError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> TelegramError:
    """403: the other side does not want this bot."""
    return TelegramError(403, f"Forbidden: {reason}")


def too_many_requests(seconds: int) -> TelegramError:
    """429: the bot has to be silent for so long."""
    return TelegramError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def unauthorized() -> TelegramError:
    """401: the token was revoked, or nobody has it."""
    return TelegramError(401, "Unauthorized")
