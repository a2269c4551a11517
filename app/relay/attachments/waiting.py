"""The lane's side of attachments: a message waits until they are prepared, and at most for the media time-out."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.message import Attachment
from app.relay.attachments.late import FOLLOWS
from app.relay.road import Park
from app.relay.services import Services
from app.storage import media, messages
from app.storage.media import Prepared
from app.storage.messages import Head


def settled(services: Services, head: Head) -> tuple[Attachment, ...] | Park:
    """Return what a message's attachments have become, each with its trouble where it is not there.

    What is not there at the time-out follows as a message of its own. An attachment that nobody prepares stays as it
    is: its service takes no files.
    """
    attachments = head.content.attachments
    if not attachments:
        return ()
    with services.database.read() as connection:
        prepared = {one.position: one for one in media.of_message(connection, head.id)}
    if any(one.state == "pending" for one in prepared.values()):
        left = services.settings.media_timeout - head.age
        if left > 0:
            return Park(left)
        attachments = _leave_behind(services, head)
        with services.database.read() as connection:
            prepared = {one.position: one for one in media.of_message(connection, head.id)}
    return tuple(_become(one, at, prepared) for at, one in enumerate(attachments))


def _leave_behind(services: Services, head: Head) -> tuple[Attachment, ...]:
    """Go without what is not there; the message remembers that, because its parts are not written yet."""
    with services.database.write() as connection:
        left = media.leave_behind(connection, head.id)
        attachments = tuple(
            one.model_copy(update={"trouble": FOLLOWS}) if at in left else one
            for at, one in enumerate(head.content.attachments)
        )
        if left:
            content = head.content.model_copy(update={"attachments": attachments})
            messages.complete(connection, head.id, content)
    return attachments


def _become(attachment: Attachment, position: int, prepared: Mapping[int, Prepared]) -> Attachment:
    row = prepared.get(position)
    if row is None or attachment.trouble:
        return attachment
    if row.state == "failed":
        return attachment.model_copy(update={"trouble": row.hint})
    became = {"kind": row.kind, "name": row.name, "mime": row.mime, "size": row.size, "media": row.id}
    return attachment.model_copy(update=became)
