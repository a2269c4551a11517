"""Attachments of published messages: their shapes, and the files they name. [D] all shapes."""

from __future__ import annotations

from typing import Any, Literal

from app.simulator.hubspot.bodies import Body, build
from app.simulator.hubspot.capabilities import mime_allowed
from app.simulator.hubspot.errors import ApiError
from app.simulator.hubspot.state import Channel, HubSpotState, StoredFile
from app.simulator.hubspot.views import present
from app.simulator.world import World

USAGE_TYPES = ("AUDIO", "IMAGE", "OTHER", "STICKER", "VOICE_RECORDING")
# [C] For a time the live API took only these.
FEW_USAGE_TYPES = ("STICKER", "VOICE_RECORDING")


class FileAttachment(Body):
    """A file that was uploaded before."""

    fileId: str  # noqa: N815 - HubSpot's word
    fileUsageType: Literal["AUDIO", "IMAGE", "OTHER", "STICKER", "VOICE_RECORDING"] | None = None  # noqa: N815


class LocationAttachment(Body):
    """A place."""

    latitude: float
    longitude: float
    address: str | None = None
    name: str | None = None
    url: str | None = None


class ContactProfile(Body):
    """A business card."""

    addresses: list[dict[str, Any]]
    emails: list[dict[str, Any]]
    phones: list[dict[str, Any]]
    urls: list[dict[str, Any]]
    name: dict[str, Any] | None = None
    org: dict[str, Any] | None = None


class ContactAttachment(Body):
    """Somebody's business card."""

    contactProfile: ContactProfile  # noqa: N815 - HubSpot's word


class QuickReply(Body):
    """One button."""

    value: str
    valueType: Literal["TEXT", "URL"]  # noqa: N815 - HubSpot's word
    label: str | None = None


class QuickReplies(Body):
    """Buttons."""

    quickReplies: list[QuickReply]  # noqa: N815 - HubSpot's word


class MessageHeader(Body):
    """A heading; here the file's id is a number."""

    fileId: int | None = None  # noqa: N815 - HubSpot's word
    text: str | None = None


class SocialMetadata(Body):
    """Where a message in a social network points."""

    mediaType: Literal[  # noqa: N815 - HubSpot's word
        "ARTICLE", "AUDIO", "CAROUSEL", "DOCUMENT", "GIF", "LINK", "NONE", "PHOTO", "POLL", "STORY", "VIDEO"
    ]


class SocialMediaMetadata(Body):
    """The attachment around it."""

    socialMetadata: SocialMetadata  # noqa: N815 - HubSpot's word


class UnsupportedContent(Body):
    """Something was there."""


#: What agents, bots and other apps send that is no file.
WITHOUT_FILES = frozenset({"QUICK_REPLIES", "LOCATION", "CONTACT"})

SHAPES: dict[str, type[Body]] = {
    "FILE": FileAttachment,
    "LOCATION": LocationAttachment,
    "CONTACT": ContactAttachment,
    "QUICK_REPLIES": QuickReplies,
    "MESSAGE_HEADER": MessageHeader,
    "SOCIAL_MEDIA_METADATA": SocialMediaMetadata,
    "UNSUPPORTED_CONTENT": UnsupportedContent,
}


def accept(
    world: World, channel: Channel, portal_id: str, *, attachments: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The attachments as HubSpot keeps them.

    Raises:
        ApiError: 400 for an unknown type, a wrong shape, or a file that is not in the portal.
    """
    kept = [_accept(world, portal_id, attachment) for attachment in attachments]
    if world.switches.attachment_limits_strict:
        files = [world.hubspot.files[item["fileId"]] for item in kept if item["type"] == "FILE"]
        require_within_limits(channel, files)
    return kept


def require_within_limits(channel: Channel, files: list[StoredFile]) -> None:
    """Hold files to the channel's capabilities, as the composer does.

    Raises:
        ApiError: 400 with a sentence for the agent.
    """
    limits = channel.capabilities
    if len(files) > limits["maxFileAttachmentCount"]:
        raise ApiError(400, f"This channel allows {limits['maxFileAttachmentCount']} file(s) per message.")
    if sum(len(file.content) for file in files) > limits["maxTotalFileAttachmentSizeBytes"]:
        raise ApiError(400, "The files are larger than this channel allows for one message.")
    for file in files:
        if len(file.content) > limits["maxFileAttachmentSizeBytes"]:
            raise ApiError(400, f"{file.name} is larger than this channel allows.")
        if not mime_allowed(file.mime, limits["allowedFileAttachmentMimeTypes"]):
            raise ApiError(400, f"{file.name} is of a type that this channel does not allow: {file.mime}.")


def file_attachment(file: StoredFile, *, url: str | None, usage: str | None = None) -> dict[str, Any]:
    """A FILE attachment as HubSpot shows it; [U] whether `url` is there and opens."""
    return present(
        {
            "type": "FILE",
            "fileId": file.id,
            "fileUsageType": usage or usage_of(file.mime),
            "name": file.name,
            "url": url,
        }
    )


def usage_of(mime: str) -> str:
    """HubSpot's usage type of a file that nobody named one for."""
    return {"image": "IMAGE", "audio": "AUDIO"}.get(mime.partition("/")[0], "OTHER")


def find_file(state: HubSpotState, portal_id: str, file_id: str, *, now: float) -> StoredFile | None:
    """A file of the portal that is neither deleted nor expired."""
    file = state.files.get(file_id)
    if file is None or file.portal_id != portal_id or (file.expires_at is not None and file.expires_at <= now):
        return None
    return file


def _accept(world: World, portal_id: str, attachment: dict[str, Any]) -> dict[str, Any]:
    shape = SHAPES.get(str(attachment.get("type")))
    if shape is None:
        raise ApiError(400, f"Unsupported attachment type {attachment.get('type')}")
    parsed = build(shape, attachment)
    if not isinstance(parsed, FileAttachment):
        return {"type": attachment["type"], **parsed.model_dump(mode="json", exclude_none=True), **_extras(attachment)}
    if world.switches.file_usage_types != "all" and parsed.fileUsageType not in {None, *FEW_USAGE_TYPES}:
        allowed = ", ".join(FEW_USAGE_TYPES)
        raise ApiError(400, f"Unsupported file usage type {parsed.fileUsageType}, allowed types are: {allowed}")
    file = find_file(world.hubspot, portal_id, parsed.fileId, now=world.clock.now())
    if file is None:
        raise ApiError(400, f"File {parsed.fileId} not found", context={"fileId": [parsed.fileId]})
    return file_attachment(file, url=None, usage=parsed.fileUsageType)


def _extras(attachment: dict[str, Any]) -> dict[str, Any]:
    if attachment["type"] == "QUICK_REPLIES":
        return {"allowMultiSelect": False, "allowUserInput": True}
    if attachment["type"] == "SOCIAL_MEDIA_METADATA":
        return {"socialMetadata": attachment["socialMetadata"]}
    return {}
