"""Events as Loopback writes them, and as the relay reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, TypeAdapter
from pydantic import ValidationError as Malformed

from app.domain.address import address_of
from app.domain.message import Attachment, AttachmentKind, Card, Content, Event, Kind, Message, Place, Receipt, Unopened
from app.domain.person import Identifier, IdentifierType, Person
from app.domain.status import Status

_WORDS_SHOWN = 300
_EPOCH = datetime.fromtimestamp(0, UTC)


def storable(text: str) -> str:
    """Replace what no database and no UTF-8 takes: NUL and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read(item: object) -> Event:
    """Read one event of a delivery; what is wrong with it stays with it."""
    try:
        return _EVENT.validate_python(item).event()
    except Malformed as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the event"
        reason = f"Not an event that this release knows: {place}: {first['msg']}"
        return Unopened(reason=f"{storable(reason)[:_WORDS_SHOWN]}.", raw=item)


_Text = Annotated[str, AfterValidator(storable)]
_Id = Annotated[_Text, Field(min_length=1)]


class _Address(BaseModel):
    type: Literal["phone", "email"]
    value: _Text

    def read(self) -> Identifier | None:
        return address_of(Identifier(type=IdentifierType(self.type), value=self.value))


class _Sender(BaseModel):
    id: _Id
    type: Literal["opaque", "phone"] = "opaque"
    name: _Text | None = None
    vouched: tuple[_Address, ...] = ()

    def person(self) -> Person:
        return Person(
            identifier=Identifier(type=IdentifierType(self.type), value=self.id),
            name=self.name or "",
            vouched=tuple(filter(None, map(_Address.read, self.vouched))),
        )


class _Attachment(BaseModel):
    kind: _Text
    url: _Id
    name: _Text = ""
    mime: _Text = ""
    size: int | None = None

    def read(self) -> Attachment:
        kind = AttachmentKind(self.kind) if self.kind in set(AttachmentKind) else AttachmentKind.FILE
        return Attachment(kind=kind, source=self.url, name=self.name, mime=self.mime, size=self.size)


class _Place(BaseModel):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: _Text = ""
    address: _Text = ""

    def read(self) -> Place:
        return Place(latitude=self.latitude, longitude=self.longitude, name=self.name, address=self.address)


class _Card(BaseModel):
    name: _Text = ""
    organisation: _Text = ""
    phones: tuple[_Text, ...] = ()
    emails: tuple[_Text, ...] = ()
    links: tuple[_Text, ...] = ()

    def read(self) -> Card:
        return Card(
            name=self.name, organisation=self.organisation, phones=self.phones, emails=self.emails, links=self.links
        )


class _Said(BaseModel):
    """What every event of a person has."""

    id: _Id
    conversation: _Id
    time: AwareDatetime
    sender: _Sender

    def said(self, content: Content) -> Message:
        """Return a message of that person's."""
        return Message(
            conversation=self.conversation,
            service_id=self.id,
            sender=self.sender.person(),
            content=content,
            sent_at=self.time,
            order=(self.time - _EPOCH) // timedelta(milliseconds=1),
        )


class _Message(_Said):
    type: Literal["message"]
    text: _Text = ""
    reply_to: _Text | None = None
    attachments: tuple[_Attachment, ...] = ()
    place: _Place | None = None
    card: _Card | None = None
    own: bool = False
    recipient: _Sender | None = None

    def event(self) -> Message:
        content = Content(
            text=self.text,
            attachments=tuple(map(_Attachment.read, self.attachments)),
            places=(self.place.read(),) if self.place else (),
            cards=(self.card.read(),) if self.card else (),
            reply_to=self.reply_to,
        )
        customer = self.recipient.person() if self.own and self.recipient else None
        return self.said(content).model_copy(update={"own": self.own, "customer": customer})


class _About(_Said):
    """What somebody did to a message; ``id`` is the event's own."""

    message: _Id

    def about(self, kind: Kind, content: Content) -> Message:
        """Return it as a message about that message."""
        return self.said(content).model_copy(update={"service_id": self.message, "kind": kind, "revision": self.id})


class _Edit(_About):
    type: Literal["edit"]
    text: _Text

    def event(self) -> Message:
        return self.about(Kind.EDIT, Content(text=self.text))


class _Deletion(_About):
    type: Literal["deletion"]

    def event(self) -> Message:
        return self.about(Kind.DELETION, Content())


class _Reaction(_About):
    type: Literal["reaction"]
    emoji: _Id
    withdrawn: bool = False

    def event(self) -> Message:
        return self.about(Kind.REACTION, Content(text=self.emoji, is_withdrawn=self.withdrawn))


class _Receipt(BaseModel):
    type: Literal["receipt"]
    message: _Id
    conversation: _Text = ""
    time: AwareDatetime
    status: Literal["delivered", "read", "failed"]
    reason: _Text | None = None

    def event(self) -> Receipt:
        known = {"service_id": self.message, "conversation": self.conversation, "reason": self.reason or ""}
        return Receipt(status=Status(self.status), at=self.time, **known)


_Any = _Message | _Edit | _Deletion | _Reaction | _Receipt
_EVENT: TypeAdapter[_Any] = TypeAdapter(Annotated[_Any, Field(discriminator="type")])
