"""Files that a bot sends: by which method, of which types, and how large.

https://core.telegram.org/bots/api#sending-files, and the descriptions of the methods themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.capability import Accepts
from app.domain.message import AttachmentKind
from app.domain.part import Media

#: Bytes. Telegram says MB; whether it counts them by 1,000 or by 1,024 is documented nowhere.
LARGEST_UPLOAD = 50_000_000
LARGEST_PHOTO = 10_000_000
LARGEST_STICKER = 512_000


@dataclass(frozen=True)
class Method:
    """A method that sends one file, in the parameter ``field``. No types: any."""

    name: str
    field: str
    types: frozenset[str] = frozenset()
    size: int = LARGEST_UPLOAD

    def takes(self, media: Media) -> bool:
        """Tell whether a file can be sent by this method."""
        return media.size <= self.size and (not self.types or media.mime in self.types)


DOCUMENT = Method("sendDocument", "document")
_PHOTO = Method("sendPhoto", "photo", frozenset({"image/jpeg", "image/png"}), LARGEST_PHOTO)
_ANIMATION = Method("sendAnimation", "animation", frozenset({"image/gif"}))
_VIDEO = Method("sendVideo", "video", frozenset({"video/mp4"}))
_AUDIO = Method("sendAudio", "audio", frozenset({"audio/mpeg", "audio/mp4"}))
_VOICE = Method("sendVoice", "voice", frozenset({"audio/ogg", "audio/mpeg", "audio/mp4"}))
_STICKER = Method("sendSticker", "sticker", frozenset({"image/webp"}), LARGEST_STICKER)

#: By what a file is sent; the first method that takes it counts, and what none takes goes as a document.
METHODS: Mapping[AttachmentKind, tuple[Method, ...]] = {
    AttachmentKind.IMAGE: (_PHOTO, _ANIMATION),
    AttachmentKind.VIDEO: (_VIDEO,),
    AttachmentKind.AUDIO: (_AUDIO,),
    AttachmentKind.VOICE: (_VOICE,),
    AttachmentKind.STICKER: (_STICKER, _PHOTO, _ANIMATION),
    AttachmentKind.FILE: (),
}

#: What can be sent: a larger picture goes as a document, so that it is as large as any file may be.
ATTACHMENTS: dict[AttachmentKind, Accepts] = {
    kind: Accepts(LARGEST_UPLOAD, frozenset().union(*(method.types for method in methods)))
    for kind, methods in METHODS.items()
}

#: A sticker has no caption.
CAPTIONED = frozenset(AttachmentKind) - {AttachmentKind.STICKER}


def method_for(kind: AttachmentKind, media: Media) -> Method:
    """Return the method by which a file is seen as what it is."""
    return next((method for method in METHODS[kind] if method.takes(media)), DOCUMENT)
