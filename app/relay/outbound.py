"""Steps 5 to 9 towards the customer: what an agent answered is sent through the messaging service."""

from __future__ import annotations

from collections.abc import Sequence

from app.connectors.base import LooksUp
from app.domain.capability import UnknownOutcome
from app.domain.fit import fit
from app.domain.part import Part, PartContent, Sent
from app.errors import RecipientUnreachable
from app.relay import actors, courtesies, echoes, originals, pace, recipients
from app.relay.attachments.serving import media_of
from app.relay.attachments.waiting import settled
from app.relay.pace import Slot
from app.relay.road import Call, Park, Question
from app.relay.services import Services
from app.storage import ids, threads
from app.storage.accounts import AccountRow, Side
from app.storage.attempts import Purpose
from app.storage.database import Connection
from app.storage.lanes import Lane
from app.storage.messages import Head

#: A part whose answer was lost, at a service that can be asked about it.
UNKNOWN = "unknown"


class Outbound:
    """The road to the customer."""

    purpose = Purpose.SEND
    side = Side.SERVICE
    counts = True

    def question(self, services: Services, head: Head, account: AccountRow) -> Question | Park | None:
        """Ask for the whole of a text that came cut, and who answers, where customers see it and nobody said."""
        return originals.question(services, head, account) or actors.question(services, head, account)

    def split(self, services: Services, head: Head, account: AccountRow) -> Sequence[PartContent] | Park | None:
        """Fit the message into what the service can take; a quote becomes the service's own id.

        What we published ourselves is dropped.

        Raises:
            RecipientUnreachable: see ``recipients.check``.
        """
        if echo := head.follows is None and echoes.drop_from_hubspot(services, head):
            return None if echo is True else echo
        attachments = settled(services, head)
        if isinstance(attachments, Park):
            return attachments
        content, connector = actors.signed(services, head, account), services.connector(account)
        content = content.model_copy(update={"attachments": attachments})
        with services.database.read() as connection:
            thread = threads.get(connection, head.thread_id or "")
            if thread is not None and content.reply_to is not None:
                quoted = ids.service_id_of(connection, account.id, thread.conversation, content.reply_to)
                content = content.model_copy(update={"reply_to": quoted})
        if thread is not None:
            recipients.check(thread, connector)
            courtesies.show_typing(services, account, thread)
        return fit(content, connector.capabilities)

    def date(self, connection: Connection, head: Head) -> float | None:  # noqa: ARG002
        """Services date messages themselves."""
        return None

    def slot(self, services: Services, lane: Lane, account: AccountRow) -> Slot:
        """Reserve a call in the service's budgets."""
        return pace.service(services, lane, account)

    def call(self, services: Services, call: Call) -> Sent:
        """Send one part. Where an earlier answer was lost and the service can be asked, it is asked first."""
        with services.database.read() as connection:
            thread = threads.get(connection, call.head.thread_id or "")
        if thread is None:
            raise RecipientUnreachable("The conversation of this message is not known any more.")
        account, connector = services.opened(call.account), services.connector(call.account)
        http = services.http.lasting(services.settings.call_timeout + call.upload)
        media = media_of(services, call.account, call.head, call.part.content.attachment)
        part = Part(thread.conversation, call.part.content, call.head.key(call.part), media)
        if call.part.state == UNKNOWN and isinstance(connector, LooksUp):
            found = connector.look_up(part, account, http)
            if found is not None:
                return found
        return connector.send(part, account, http)

    def record(self, connection: Connection, call: Call, sent: Sent) -> list[int]:
        """Remember the service's ids, and where the conversation moved."""
        thread = threads.get(connection, call.head.thread_id or "")
        if thread is None:
            return []
        conversation = sent.moved_to or thread.conversation
        ids.remember(connection, call.head, call.part, conversation=conversation, ids=sent.ids)
        if sent.moved_to is not None:
            threads.move(connection, call.account.id, thread.conversation, sent.moved_to)
        return []

    def policy(self, services: Services, account: AccountRow) -> tuple[bool, UnknownOutcome]:
        """Ask the connector what a lost answer means."""
        capabilities = services.connector(account).capabilities
        return capabilities.idempotent, capabilities.unknown_outcome

    def slow_down(self, services: Services, account: AccountRow, seconds: float) -> None:
        """Hold back the whole account."""
        pace.penalise_service(services, account, seconds)


ROAD = Outbound()
