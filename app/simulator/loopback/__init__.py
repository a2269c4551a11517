"""The loopback messenger: the relay's own example service, with accounts, conversations, receipts and pictures.

It speaks a small HTTP protocol: it posts signed events to the registered webhook, and takes messages with a bearer
token and an idempotency key. `blueprint` is the service itself, `admin` the customer's side for the page and tests.
"""

from __future__ import annotations

from app.simulator.loopback.admin import admin
from app.simulator.loopback.messenger import Loopback, loopback_of
from app.simulator.loopback.service import blueprint

__all__ = ["Loopback", "admin", "blueprint", "loopback_of"]
