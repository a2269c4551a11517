"""A note of the last registration of a channel: HubSpot may list a new one late, and its answer may get lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.errors import Unauthorized
from app.hubspot.client import HubSpot
from app.hubspot.outcomes import Gone
from app.relay.spans import span
from app.settings import Settings

_FILE = "channel-registration.json"

#: Seconds after which a channel that HubSpot does not show was not registered.
FRESH = 600.0


@dataclass(frozen=True)
class Note:
    """A registration at ``at`` (seconds since 1970). ``id`` is empty while HubSpot has not answered."""

    name: str
    app_id: str
    at: float
    id: str = ""


_NOTE = TypeAdapter(Note)


def begin(settings: Settings, name: str) -> Note:
    """Note that a channel is about to be registered."""
    note = Note(name, settings.hubspot_app_id, time.time())
    _write(settings, note)
    return note


def finish(settings: Settings, note: Note, channel_id: str) -> None:
    """Note HubSpot's id of it."""
    _write(settings, replace(note, id=channel_id))


def forget(settings: Settings) -> None:
    """Note that nothing was registered."""
    _path(settings).unlink(missing_ok=True)


def latest(settings: Settings, name: str) -> Note | None:
    """Return the last registration of a channel of this name and app, None where none is known."""
    try:
        note = _NOTE.validate_json(_path(settings).read_bytes())
    except (OSError, ValidationError):
        return None
    return note if (note.name, note.app_id) == (name, settings.hubspot_app_id) else None


def trouble(settings: Settings, hubspot: HubSpot, name: str) -> str:
    """Say why a channel that HubSpot does not list may be there all the same; empty: it is not."""
    note = latest(settings, name)
    if note is None:
        return ""
    ago = time.time() - note.at
    if note.id and _is_there(hubspot, note.id):
        return f"Channel {note.id} was registered {span(ago)} ago, and HubSpot does not list it yet."
    if ago > FRESH:
        return ""
    if note.id:
        return f"Channel {note.id} was registered {span(ago)} ago, and HubSpot does not show it yet."
    return f"A registration of {span(ago)} ago had no answer, and may have worked."


def _is_there(hubspot: HubSpot, channel_id: str) -> bool:
    try:
        hubspot.channel(channel_id)
    except (Unauthorized, Gone):
        return False
    return True


def _path(settings: Settings) -> Path:
    return settings.data_dir / _FILE


def _write(settings: Settings, note: Note) -> None:
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_NOTE.dump_json(note))
