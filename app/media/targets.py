"""What the other side shows, as data, and what has to be made of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.capability import Accepts
from app.domain.message import AttachmentKind
from app.media import formats
from app.media.sniff import Found
from app.media.workshop.job import Bounds, Form


@dataclass(frozen=True)
class Target:
    """Where a file goes.

    ``takes`` are the types that are shown as they are; ``forms`` says, for what is shown at all, what another type
    becomes. A kind that is not in it is handed over as it is: files are never touched.
    """

    takes: frozenset[str]
    forms: Mapping[AttachmentKind, Form]
    bounds: Bounds = field(default_factory=Bounds)

    def form(self, found: Found) -> Form | None:
        """Return what a file has to become; None where it stays as it is."""
        return None if found.mime in self.takes else self.forms.get(found.kind)

    def shows(self, kind: AttachmentKind, mime: str) -> bool:
        """Whether a file of this type can be shown as what its sender calls it."""
        return kind not in self.forms or mime in self.takes


#: HubSpot's inbox shows what every browser does. MP3 and not M4A, because it plays from its first byte on and has no
#: profiles that some browsers lack; M4A stays as it is. Videos are left alone: HubSpot hands them out as files.
HUBSPOT: Final = Target(
    takes=frozenset({one.mime for one in (formats.JPEG, formats.PNG, formats.GIF, formats.MP3, formats.M4A)}),
    forms={
        AttachmentKind.IMAGE: Form.PICTURE,
        AttachmentKind.STICKER: Form.PICTURE,
        AttachmentKind.AUDIO: Form.MP3,
        AttachmentKind.VOICE: Form.MP3,
    },
)

#: What a kind is made into for a service that does not take its type: the first whose type it takes.
_FORMS: Final[Mapping[AttachmentKind, tuple[tuple[str, Form], ...]]] = {
    AttachmentKind.IMAGE: (("image/gif", Form.PICTURE), ("image/jpeg", Form.STILL), ("image/png", Form.STILL)),
    AttachmentKind.STICKER: (("image/gif", Form.PICTURE), ("image/png", Form.STILL), ("image/jpeg", Form.STILL)),
    AttachmentKind.VOICE: (("audio/ogg", Form.VOICE), ("audio/mpeg", Form.MP3), ("audio/mp4", Form.M4A)),
    AttachmentKind.AUDIO: (("audio/mpeg", Form.MP3), ("audio/mp4", Form.M4A)),
    AttachmentKind.VIDEO: (("video/mp4", Form.MP4),),
}


def service_target(kind: AttachmentKind, accepts: Accepts) -> Target:
    """Return what a messaging service shows as this kind, and what another type is made into for it."""
    form = next((form for mime, form in _FORMS.get(kind, ()) if mime in accepts.types), None)
    return Target(
        takes=accepts.types,
        forms={kind: form} if form is not None else {},
        bounds=Bounds(bytes=accepts.size),
    )
