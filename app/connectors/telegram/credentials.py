"""What connects one Telegram bot."""

from __future__ import annotations

import re
import secrets

from pydantic import ConfigDict, Field, SecretStr, field_validator

from app.domain.account import Credentials

#: The bot's own id, a colon, and at least 35 characters.
TOKEN_SHAPE = re.compile(r"([0-9]{1,20}):[A-Za-z0-9_-]{35,}", re.ASCII)
#: ``secret_token`` of https://core.telegram.org/bots/api#setwebhook
SECRET_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)


class TelegramCredentials(Credentials):
    """A bot's token, and the word with which Telegram opens every webhook request."""

    model_config = ConfigDict(hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Bot token",
        description="From @BotFather: a number, a colon and a long word.",
        examples=["4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"],
    )
    webhook_secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(32)),
        title="Webhook secret",
        description="Telegram repeats it in every webhook request; made anew when left empty.",
        examples=["webhook-secret-1"],
    )

    @field_validator("token")
    @classmethod
    def _has_shape(cls, value: SecretStr) -> SecretStr:
        if not TOKEN_SHAPE.fullmatch(value.get_secret_value()):
            raise ValueError("not a bot token: @BotFather gives one like 123456789:AA..., copy all of it")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_allowed(cls, value: SecretStr) -> SecretStr:
        if not SECRET_SHAPE.fullmatch(value.get_secret_value()):
            raise ValueError("Telegram takes 1 to 256 letters, digits, _ and - here")
        return value

    @property
    def bot_id(self) -> int:
        """The bot's own user id: the token begins with it."""
        return int(self.token.get_secret_value().partition(":")[0])
