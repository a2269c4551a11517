"""The calls into one portal, with the access token of that portal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, BinaryIO, Final, NotRequired, TypedDict, Unpack

from pydantic import Field

from app.domain.person import Identifier
from app.domain.status import Status
from app.errors import HubSpotUnavailable, MessageInvalid, Rejected, RelayError, Unauthorized
from app.http import Http, Response
from app.hubspot.addresses import addresses, join
from app.hubspot.answers import (
    ChannelAccount,
    Inbox,
    OriginalContent,
    Published,
    Rate,
    StoredMessage,
    read_published,
    read_rate,
)
from app.hubspot.calls import hidden, pages, parse, parse_each, repeatable
from app.hubspot.contacts import Contacts
from app.hubspot.conversations import Conversations
from app.hubspot.outcomes import (
    USAGE_TROUBLE,
    Gone,
    account_trouble,
    error_for,
    is_success,
    raise_for,
    read_error,
    read_json,
)
from app.hubspot.payloads import IDENTIFIER_WORDS, Id, Payload, Text
from app.hubspot.publication import Publication, write_publication, write_status
from app.settings import Settings

#: ``token(None)`` gives the portal's access token; ``token(refused)`` one that is not the refused one, refreshed at
#: most once. Raises Unauthorized for the portal when there is none to be had.
TokenSource = Callable[[str | None], str]

#: An agent's answer waits for a name (seconds).
_ACTOR_TIMEOUT: Final = 5.0

BAD_REQUEST: Final = 400
UNAUTHENTICATED: Final = 401
CONFLICT: Final = 409


class Taken(Rejected):
    """HubSpot has an account with this identifier already."""

    code = "account_taken"


class _Call(TypedDict):
    """What a call may carry besides its method and address."""

    params: NotRequired[Mapping[str, str]]
    json: NotRequired[Any]
    data: NotRequired[Mapping[str, str]]
    files: NotRequired[Mapping[str, tuple[str, BinaryIO, str]]]
    timeout: NotRequired[float | None]


class PortalClient:
    """The calls into one portal. Every method raises what ``outcomes`` says, and Unauthorized from the token."""

    def __init__(
        self,
        settings: Settings,
        http: Http,
        portal_id: int,
        *,
        token: TokenSource,
        on_rate: Callable[[Rate], None] | None = None,
    ) -> None:
        """Keep whose token is used."""
        self.portal_id = portal_id
        self._settings = settings
        self._http = http
        self._token = token
        self._on_rate = on_rate
        self._addresses = addresses(settings)

    def publish(self, channel_id: str, publication: Publication) -> Published:
        """Put a message into the inbox. Safe to repeat with the same idempotency id.

        A conflict means that HubSpot has the message already. An older HubSpot refused some usages of files; then
        the message goes once more without them.

        Raises:
            OutcomeUnknown: no answer came; publish again.
            RelayError: see ``outcomes``.
        """
        response = self._publish(channel_id, publication, with_usage=True)
        if response.status == BAD_REQUEST and USAGE_TROUBLE.search(read_error(response).words):
            response = self._publish(channel_id, publication, with_usage=False)
        error = None if is_success(response) else _refusal(response, publication)
        if error is not None:
            raise error
        return read_published(read_json(response))

    def set_status(self, channel_id: str, message_id: str, status: Status, sentence: str = "") -> None:
        """Tell the agent what became of a message.

        Raises:
            Gone: HubSpot does not have the message any more.
            ValueError: HubSpot has no such status.
        """
        url = self._channel(channel_id, "messages", message_id)
        self._call("PATCH", url, json=write_status(status, sentence))

    def message(self, channel_id: str, message_id: str) -> StoredMessage:
        """Return a message of the channel.

        Raises:
            Gone: HubSpot does not have it any more.
        """
        return parse(StoredMessage, self._call("GET", self._channel(channel_id, "messages", message_id)))

    def original_content(self, thread_id: str, message_id: str) -> OriginalContent:
        """Return the whole text of a truncated message. Needs the scope ``conversations.read``."""
        url = join(self._addresses.conversations, "threads", thread_id, "messages", message_id, "original-content")
        return parse(OriginalContent, self._call("GET", url))

    def conversations(self, around: Callable[[Callable[[], Response]], Response]) -> Conversations:
        """Return the reading side of the inbox. ``around`` makes each call: it may wait before, and try again."""
        return Conversations(self._addresses.conversations, lambda url, params: around(lambda: self._read(url, params)))

    def accounts(self, channel_id: str, identifier: Identifier | None = None) -> list[ChannelAccount]:
        """List the portal's accounts of a channel, optionally only those with an identifier."""
        params = {}
        if identifier is not None:
            params = {
                "deliveryIdentifierType": IDENTIFIER_WORDS[identifier.type],
                "deliveryIdentifierValue": identifier.value,
            }
        found = pages(self._read, self._channel(channel_id, "channel-accounts"), params)
        return parse_each(ChannelAccount, found)

    def account(self, channel_id: str, account_id: str, *, archived: bool = False) -> ChannelAccount:
        """Return one channel account; ``archived`` looks among the removed ones.

        Raises:
            Gone: there is none.
        """
        url = self._channel(channel_id, "channel-accounts", account_id)
        params = {"archived": "true"} if archived else {}
        return parse(ChannelAccount, self._read(url, params))

    def authorise(self, channel_id: str, account_id: str, *, authorized: bool) -> ChannelAccount:
        """Say whether the service takes the account's credentials; HubSpot disables one that is not authorised.

        Raises:
            Gone: there is no such account.
        """
        url = self._channel(channel_id, "channel-accounts", account_id)
        return parse(ChannelAccount, self._call("PATCH", url, json={"authorized": authorized}))

    def inbox(self, inbox_id: str) -> Inbox:
        """Return an inbox or help desk. Needs the scope ``conversations.read``.

        Raises:
            Gone: there is none.
        """
        return parse(Inbox, self._read(join(self._addresses.conversations, "inboxes", inbox_id), {}))

    def stage(self, channel_id: str, account_token: str, *, name: str, identifier: Identifier) -> str:
        """Fill in what the connection pop-up asked for. HubSpot makes the account when the browser is back there.

        Returns the account's id where the answer holds one, which HubSpot does not document; else an empty text.

        Raises:
            Gone: the pop-up's token is too old, was used, or is not of this portal.
            Taken: the channel has an account with this identifier in this portal.
        """
        url = self._channel(channel_id, "channel-account-staging-tokens", account_token)
        body = {
            "accountName": name,
            "deliveryIdentifier": {"type": IDENTIFIER_WORDS[identifier.type], "value": identifier.value},
        }
        response = repeatable(lambda: self._send("PATCH", url, json=body))
        if response.status == CONFLICT:
            raise Taken("HubSpot has an account with this identifier already.", detail=read_error(response).detail)
        raise_for(response)
        return parse(_Staged, response).account_id

    def upload(self, file: BinaryIO, *, name: str, mime: str, folder: str, timeout: float | None = None) -> str:
        """Store a file for nobody but the portal's users and return its id. The name needs an extension.

        Raises:
            MessageInvalid: HubSpot does not take the file, for example because it is too large.
        """
        form = {
            "options": json.dumps({"access": "PRIVATE"}),
            "folderPath": folder,
            "fileName": name,
        }
        url = self._addresses.files
        response = self._call("POST", url, data=form, files={"file": (name, file, mime)}, timeout=timeout)
        return parse(_File, response).id

    def signed_url(self, file_id: str) -> str:
        """Return an address under which a file can be fetched for a while, without a token.

        Raises:
            Gone: the file was deleted.
        """
        return parse(_SignedUrl, self._call("GET", join(self._addresses.files, file_id, "signed-url"))).url

    def actor(self, actor_id: str) -> str:
        """Return an actor's name, empty where HubSpot shows none or does not know the actor."""
        try:
            address = join(self._addresses.conversations, "actors", actor_id)
            response = self._call("GET", address, timeout=_ACTOR_TIMEOUT)
        except Gone:
            return ""
        return parse(_Actor, response).name

    @property
    def contacts(self) -> Contacts:
        """The CRM's contacts."""
        return Contacts(self._addresses.contacts, self._send_json)

    def _send_json(self, method: str, url: str, body: Any, timeout: float) -> Response:
        return self._send(method, url, json=body, timeout=timeout)

    def _publish(self, channel_id: str, publication: Publication, *, with_usage: bool) -> Response:
        body = write_publication(publication, with_usage=with_usage)
        return self._send("POST", self._channel(channel_id, "messages"), json=body)

    def _channel(self, channel_id: str, *parts: str) -> str:
        return join(self._addresses.channels, channel_id, *parts)

    def _read(self, url: str, params: Mapping[str, str]) -> Response:
        return self._call("GET", url, params=params)

    def _call(self, method: str, url: str, **call: Unpack[_Call]) -> Response:
        """Make a call that does no harm when it is made twice, so that a lost answer is a plain failure."""
        response = repeatable(lambda: self._send(method, url, **call))
        raise_for(response)
        return response

    def _send(self, method: str, url: str, **call: Unpack[_Call]) -> Response:
        """Send with the portal's token, and once more with a new one when it is refused."""
        token = self._token(None)
        response = self._send_as(token, method, url, **call)
        if response.status != UNAUTHENTICATED:
            return response
        token = self._token(token)
        response = self._send_as(token, method, url, **call)
        error = error_for(response) if response.status == UNAUTHENTICATED else None
        if isinstance(error, Unauthorized):
            error.credential = fingerprint(token)
            raise error
        return response

    def _send_as(self, token: str, method: str, url: str, **call: Unpack[_Call]) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        response = self._http.request(method, url, headers=headers, unavailable=HubSpotUnavailable, **call)
        rate = read_rate(response.headers)
        if rate is not None and self._on_rate is not None:
            self._on_rate(rate)
        return hidden(response, token)


def fingerprint(token: str) -> str:
    """Return what tells one token from another without giving it away."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _refusal(response: Response, publication: Publication) -> RelayError | None:
    """Return what a refused publication means, None where HubSpot has the message already."""
    error = error_for(response)
    if response.status == CONFLICT and isinstance(error, MessageInvalid):
        return None
    if isinstance(error, Gone) and not publication.refers:
        # nothing but the account is left that HubSpot can have missed
        return account_trouble(read_error(response))
    return error


class _Staged(Payload):
    account_id: Text = Field(default="", validation_alias="channelAccountId")


class _File(Payload):
    id: Id


class _SignedUrl(Payload):
    url: Annotated[Text, Field(min_length=1)]


class _Actor(Payload):
    name: Text = ""
