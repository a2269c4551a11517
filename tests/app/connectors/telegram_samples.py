"""What Telegram sends, for this connector's own tests and for the conformance suite.

The payloads beside it are written by hand after the Bot API's reference; python-telegram-bot reads them all.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from app.conformance import Samples
from app.connectors.telegram.credentials import TelegramCredentials
from app.domain.account import Credentials
from app.domain.webhook import RawRequest

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"
SECRET = "webhook-secret-of-the-bot"
CREDENTIALS = TelegramCredentials(token=SecretStr(TOKEN), webhook_secret=SecretStr(SECRET))

_PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
RECORDED = {path.stem: path.read_bytes() for path in sorted(_PAYLOADS.glob("*.json"))}
#: Recorded updates that are left out on purpose, or kept unopened.
LEFT_OUT = {"own", "business_own", "edited_live_location"}
UNOPENED = {"business_connection", "callback_old", "poll_answer"}
YES = b'{"ok": true, "result": {"message_id": 321, "date": 1795341600, "chat": {"id": 5, "type": "private"}}}'


def sign(body: bytes, credentials: Credentials) -> RawRequest:
    """Return the request that Telegram sends with that body."""
    if not isinstance(credentials, TelegramCredentials):
        raise TypeError(type(credentials).__name__)
    headers = {"x-telegram-bot-api-secret-token": credentials.webhook_secret.get_secret_value()}
    return RawRequest(method="POST", url="https://relay.example/webhooks/telegram/key", headers=headers, body=body)


SAMPLES = Samples(
    credentials=CREDENTIALS,
    sign=sign,
    payloads={name: body for name, body in RECORDED.items() if name not in LEFT_OUT | UNOPENED},
    accepted=YES,
    conversation="7108942231",
    signs_body=False,
)
