"""A channel's capabilities: allowed values and what is filled in on reading. [D] unless marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.simulator.hubspot.errors import ApiError
from app.simulator.hubspot.identifiers import IdentifierType
from app.simulator.switches import Switches

RICH_TEXT = frozenset(
    {
        "BLOCKQUOTE",
        "BOLD",
        "FONT_SIZE",
        "FONT_STYLE",
        "HYPERLINK",
        "ITALIC",
        "LISTS",
        "TEXT_ALIGNMENT",
        "TEXT_HIGHLIGHT_COLOR",
        "TEXT_COLOR",
        "UNDERLINE",
    }
)

THREAD_BY_INTEGRATION = "INTEGRATION_THREAD_ID"
THREAD_BY_IDENTIFIER = "DELIVERY_IDENTIFIER"

# Stands for the broad list of types that HubSpot fills in.
DEFAULT_MIME_TYPES = ["text/*", "image/*", "audio/*", "video/*", "application/pdf", "application/zip"]

DEFAULTS: dict[str, Any] = {
    "deliveryIdentifierTypes": [],
    "richText": [],
    "threadingModel": THREAD_BY_INTEGRATION,  # [I]
    "allowConversationStart": False,
    "allowMultipleRecipients": False,
    "allowInlineImages": False,
    "allowOutgoingMessages": False,
    "outgoingAttachmentTypes": [],
    "allowedFileAttachmentMimeTypes": DEFAULT_MIME_TYPES,
    "maxFileAttachmentCount": 0,
    "maxFileAttachmentSizeBytes": 0,
    "maxTotalFileAttachmentSizeBytes": 0,
}


def check(capabilities: dict[str, Any], switches: Switches) -> None:
    """Refuse values that HubSpot refuses.

    Raises:
        ApiError: 400 INVALID_CHANNEL_CAPABILITY_VALUES that names each bad pair. [C]
    """
    bad = [
        f'"{key}": "{value}"'
        for key, value in capabilities.items()
        if (key in _RULES and not _RULES[key](value))
        or (key not in _RULES and switches.unknown_capabilities == "reject")
    ]
    if bad:
        listed = ", ".join(f"`{pair}`" for pair in bad)
        raise ApiError(
            400,
            f"One or more Channel Capabilities specified had invalid values: {listed}",
            sub_category="CustomChannelsError.INVALID_CHANNEL_CAPABILITY_VALUES",
            context={"capabilityKeysAndValues": bad},
        )


def filled(capabilities: dict[str, Any]) -> dict[str, Any]:
    """The capabilities with defaults in place of what is missing."""
    return {**DEFAULTS, **capabilities}


def mime_allowed(mime: str, allowed: list[str]) -> bool:
    """Whether a file's type is on the list; [C] wildcards such as image/* count."""
    kind = mime.partition("/")[0]
    return mime in allowed or f"{kind}/*" in allowed or "*/*" in allowed


def _texts(allowed: frozenset[str] | None = None) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, str) and (allowed is None or item in allowed) for item in value
        )

    return accepts


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool) or value in {"true", "false"}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_RULES: dict[str, Callable[[Any], bool]] = {
    "deliveryIdentifierTypes": _texts(frozenset(IdentifierType)),
    "richText": _texts(RICH_TEXT),
    "threadingModel": lambda value: value in (THREAD_BY_INTEGRATION, THREAD_BY_IDENTIFIER),
    "allowConversationStart": _is_switch,
    "allowMultipleRecipients": _is_switch,
    "allowInlineImages": _is_switch,
    "allowOutgoingMessages": _is_switch,
    "outgoingAttachmentTypes": _texts(frozenset({"FILE", "QUICK_REPLIES"})),
    "allowedFileAttachmentMimeTypes": _texts(),
    "maxFileAttachmentCount": _is_count,
    "maxFileAttachmentSizeBytes": _is_count,
    "maxTotalFileAttachmentSizeBytes": _is_count,
}
