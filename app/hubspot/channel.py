"""A channel as a value: what is registered at HubSpot once for all portals, and how it is compared with what is there.

Fields have HubSpot's names, those of the capabilities with ``capabilities.`` in front. Capabilities are always written
whole: whether a PATCH replaces or merges them is not documented, and so both come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.domain.person import IdentifierType
from app.hubspot.answers import Channel
from app.hubspot.payloads import IDENTIFIER_WORDS

WEBHOOK_URL: Final = "webhookUrl"
CONNECT_URL: Final = "channelAccountConnectionRedirectUrl"

_CAPABILITIES: Final = "capabilities"
_MIMES: Final = "allowedFileAttachmentMimeTypes"


class ThreadingModel(StrEnum):
    """By what HubSpot tells conversations apart: our thread ids, or who takes part."""

    INTEGRATION_THREAD_ID = "INTEGRATION_THREAD_ID"
    DELIVERY_IDENTIFIER = "DELIVERY_IDENTIFIER"


class RichText(StrEnum):
    """Buttons of the agents' composer, as far as messaging services have anything for them."""

    BLOCKQUOTE = "BLOCKQUOTE"
    BOLD = "BOLD"
    HYPERLINK = "HYPERLINK"
    ITALIC = "ITALIC"
    LISTS = "LISTS"
    UNDERLINE = "UNDERLINE"


@dataclass(frozen=True)
class ChannelCapabilities:
    """What agents can do on the channel. ``mimes`` empty: they cannot attach files. Sizes are bytes."""

    identifiers: frozenset[IdentifierType]
    rich_text: frozenset[RichText] = frozenset()
    threading: ThreadingModel = ThreadingModel.INTEGRATION_THREAD_ID
    conversation_start: bool = False
    inline_images: bool = False
    mimes: tuple[str, ...] = ()
    most_files: int = 0
    file_size: int = 0
    total_size: int = 0

    def write(self) -> dict[str, Any]:
        """Return HubSpot's map, with every key that is documented.

        The types of files are left out where there can be none: HubSpot fills in a list of its own.
        """
        files: dict[str, Any] = {_MIMES: sorted(self.mimes)} if self.mimes else {}
        return {
            "deliveryIdentifierTypes": sorted(IDENTIFIER_WORDS[one] for one in self.identifiers),
            "richText": sorted(self.rich_text),
            "threadingModel": self.threading.value,
            "allowConversationStart": self.conversation_start,
            "allowMultipleRecipients": False,
            "allowInlineImages": self.inline_images,
            "allowOutgoingMessages": True,
            # Quick replies always: where a service has no buttons they go as a numbered list.
            "outgoingAttachmentTypes": [*(["FILE"] if self.mimes else []), "QUICK_REPLIES"],
            "maxFileAttachmentCount": self.most_files,
            "maxFileAttachmentSizeBytes": self.file_size,
            "maxTotalFileAttachmentSizeBytes": self.total_size,
            **files,
        }


@dataclass(frozen=True)
class WantedChannel:
    """The channel as the settings and the connectors make it."""

    name: str
    description: str
    logo_url: str
    webhook_url: str
    connect_url: str
    capabilities: ChannelCapabilities

    def write(self) -> dict[str, Any]:
        """Return the body of a registration; what is empty is left out."""
        return {name: value for name, value in self._texts().items() if value} | {
            _CAPABILITIES: self.capabilities.write()
        }

    def fields(self) -> dict[str, Any]:
        """Return every field by its name."""
        return {**self._texts(), **_named(self.capabilities.write())}

    def write_changes(self, changes: Iterable[Difference]) -> dict[str, Any]:
        """Return the body of a PATCH that makes these changes and no others; null clears a text."""
        fields = {one.field for one in changes}
        body: dict[str, Any] = {name: value or None for name, value in self._texts().items() if name in fields}
        if fields - body.keys():
            body[_CAPABILITIES] = self.capabilities.write()
        return body

    def _texts(self) -> dict[str, str]:
        return _texts(self.name, self.description, self.logo_url, webhook=self.webhook_url, connect=self.connect_url)


@dataclass(frozen=True)
class Difference:
    """A field that is not as it should be."""

    field: str
    wanted: Any
    there: Any


def compare(wanted: WantedChannel, there: Channel) -> list[Difference]:
    """Return what differs at HubSpot. Capabilities that the relay does not know are left alone."""
    found = fields_of(there)
    return [
        Difference(name, value, found.get(name))
        for name, value in wanted.fields().items()
        if _plain(value, value) != _plain(found.get(name), value)
    ]


def fields_of(there: Channel) -> dict[str, Any]:
    """Return every field of a registered channel by its name."""
    texts = _texts(there.name, there.description, there.logo_url, webhook=there.webhook_url, connect=there.redirect_url)
    return {**texts, **_named(there.capabilities)}


def _texts(name: str, description: str, logo: str, *, webhook: str, connect: str) -> dict[str, str]:
    return {
        "name": name,
        "channelDescription": description,
        "channelLogoUrl": logo,
        WEBHOOK_URL: webhook,
        CONNECT_URL: connect,
    }


def _named(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{_CAPABILITIES}.{name}": value for name, value in capabilities.items()}


def _plain(value: Any, like: Any) -> Any:
    """Return a value as comparable as ``like``: lists without order, what is missing as nothing, no numbers in texts.

    HubSpot's guide calls a switch a text, so ``"true"`` is one.
    """
    if isinstance(like, list):
        return sorted(map(str, value)) if isinstance(value, list) else []
    if isinstance(like, bool):
        return str(value).lower() == "true"
    if isinstance(like, int):
        return int(value) if str(value).isdecimal() else 0
    return str(value or "")
