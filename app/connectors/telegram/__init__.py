"""Telegram, by the Bot API 10.1 (https://core.telegram.org/bots/api)."""

from __future__ import annotations

from app.connectors.telegram.connector import TelegramConnector

__all__ = ["TelegramConnector"]
