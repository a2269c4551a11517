"""Where HubSpot's APIs live. Each has its own versions, and the old form puts the version in another place."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from app.settings import Settings


@dataclass(frozen=True)
class Addresses:
    """Base addresses of the APIs in the versions that the settings name, without a slash at their end."""

    channels: str
    conversations: str
    contacts: str
    files: str
    token: str


def addresses(settings: Settings) -> Addresses:
    """Return the addresses. Versions like ``v3`` stand in front of the API's name, dated ones behind it."""
    root = settings.hubspot_api_url
    return Addresses(
        channels=root + _versioned("custom-channels", settings.hubspot_channels_version),
        conversations=root + _versioned("conversations", settings.hubspot_conversations_version),
        contacts=f"{root}{_objects(settings.hubspot_crm_version)}/contacts",
        files=f"{root}/files/{settings.hubspot_files_version}/files",
        token=f"{root}/oauth/{settings.hubspot_oauth_version}/token",
    )


def join(base: str, *parts: str) -> str:
    """Append path parts, quoted."""
    return "/".join([base, *(quote(part, safe="") for part in parts)])


def _objects(version: str) -> str:
    return f"/crm/{version}/objects" if version.startswith("v") else f"/crm/objects/{version}"


def _versioned(name: str, version: str) -> str:
    return f"/conversations/{version}/{name}" if version.startswith("v") else f"/conversations/{name}/{version}"
