"""A channel account: one bot, number or page, connected to one inbox of one portal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from app.domain.message import Kind
from app.domain.person import Identifier


class Credentials(BaseModel):
    """Base of a connector's credentials.

    The connect form, ``relay accounts add --set`` and the list of secrets to redact are made from the fields: give
    each a ``title`` and a ``description``, and make secrets ``SecretStr``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RunState(StrEnum):
    """Whether an account or a portal works. A paused one keeps its queued messages; a purged one is gone at HubSpot.

    A purged account keeps its threads. It comes back when the same account of the service is connected anew.
    """

    RUNNING = "running"
    PAUSED = "paused"
    PURGED = "purged"


class DeadLetterPolicy(StrEnum):
    """What a lane does behind a dead letter: wait for a person, or go on."""

    HOLD = "hold"
    SKIP = "skip"


class ContactPolicy(StrEnum):
    """What is done with a customer whose service vouches for a phone number or an e-mail address.

    ``find``: the one CRM contact that has it is associated with the conversation. ``create``: where there is none, one
    is made.
    """

    OFF = "off"
    FIND = "find"
    CREATE = "create"


class Options(BaseModel):
    """What an account relays beside messages, each switched on or off by ``relay accounts set``.

    The descriptions say what *on* does; they are what operators read. What a newer release stored is kept.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    edits: bool = Field(default=True, description="Agents read what a customer changed: the text before and after.")
    deletions: bool = Field(default=True, description="Agents read that a customer deleted a message, and which.")
    reactions: bool = Field(default=True, description="Agents read a customer's reaction, and to what.")
    speakers: bool = Field(default=False, description="In groups agents read who speaks, in front of the text.")
    typing: bool = Field(default=False, description="Customers see that somebody writes while an answer is sent.")
    read_marks: bool = Field(
        default=False, description="Customers see that their message was read, once HubSpot has it."
    )

    @property
    def switches(self) -> dict[str, bool]:
        """Every option of this release by its name."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def relays(self, kind: Kind) -> bool:
        """Tell whether events of a kind are shown to agents."""
        return {Kind.EDIT: self.edits, Kind.DELETION: self.deletions, Kind.REACTION: self.reactions}.get(kind, True)


@dataclass(frozen=True)
class Account:
    """A channel account with its opened credentials, as connectors get it.

    ``key`` is the random part of its webhook address, ``hubspot_id`` the channel account's id at HubSpot, ``api_url``
    the service's base address (settings may point it elsewhere).
    """

    id: int
    key: str
    connector: str
    portal_id: int
    channel_id: str
    hubspot_id: str
    name: str
    identifier: Identifier
    credentials: Credentials
    credentials_version: int
    api_url: str
