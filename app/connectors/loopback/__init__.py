"""Loopback: the relay's own example service, served by the simulator. The example for authors of connectors.

Service to relay: ``POST`` to the registered address, header ``X-Loopback-Signature`` = hex HMAC-SHA256 of the raw body
with the shared secret. A delivery may be repeated with the same ``id``; one delivery holds many events::

    {"id": "d1", "events": [
      {"type": "message", "id": "m1", "conversation": "c1", "time": "2026-11-22T10:00:00.123Z",
       "sender": {"id": "u1", "type": "opaque" | "phone", "name": "Dana",
                  "vouched": [{"type": "phone" | "email", "value": "+4930..."}]},
       "text": "Hello", "reply_to": null,
       "attachments": [{"kind": "image", "url": "...", "name": "a.png", "mime": "image/png", "size": 123}],
       "place": {"latitude": 48.2, "longitude": 16.37, "name": "Market", "address": "1 Main Street"},
       "card": {"name": "Alex", "organisation": "Harbour Shop", "phones": ["+4930..."], "emails": [], "links": []},
       "choice": 2},
      {"type": "edit", "id": "e1", "message": "m1", "text": "Hello!", "conversation": ..., "time": ..., "sender": ...},
      {"type": "deletion", "id": "e2", "message": "m1", "conversation": ..., "time": ..., "sender": ...},
      {"type": "reaction", "id": "e3", "message": "m7", "emoji": "👍", "withdrawn": false,
       "conversation": ..., "time": ..., "sender": ...},
      {"type": "receipt", "message": "m7", "conversation": "c1", "time": "...",
       "status": "delivered" | "read" | "failed", "reason": "..."}]}

Everything of a message but its id, conversation, time and sender may be absent. The kinds of an attachment are image,
video, audio, voice, sticker and file. Who presses a button sends a message: ``text`` is the button's label, ``choice``
its number, counted from one, and ``reply_to`` the message under which it stands.

A message with ``"own": true`` was written on the account's own side: by a colleague in the service's app, or through
the API below. ``sender`` is then the colleague (or the account) and ``recipient`` the customer, both as above.

Relay to service, with ``Authorization: Bearer <token>``:

- ``POST /v1/messages`` ``{conversation, text, reply_to, attachments, place, card, choices}`` with ``Idempotency-Key``
  answers 201 ``{id, time}``, and 200 with the same id for a repeated key. ``attachments``, ``place`` and ``card`` are
  as above, and Loopback fetches each attachment from its ``url`` before it answers; ``choices`` is a list of
  ``{label, url}``: buttons under the text, of which one with an address opens it;
- ``GET /v1/me`` answers ``{id, name}``; ``PUT /v1/webhook`` takes ``{url, secret}``;
- ``GET /v1/media/<id>`` answers an attachment's bytes.

A refusal is ``{"error": <word>}`` with a status of 400 or more; what each status means stands in ``calls``.
"""

from __future__ import annotations

from app.connectors.loopback.connector import SIGNATURE_HEADER, LoopbackConnector
from app.connectors.loopback.credentials import LoopbackCredentials

__all__ = ["SIGNATURE_HEADER", "LoopbackConnector", "LoopbackCredentials"]
