from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.message import AttachmentKind
from app.domain.person import Identifier, IdentifierType
from app.domain.status import Status
from app.errors import (
    HubSpotUnavailable,
    MessageInvalid,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RelayError,
    Unauthorized,
)
from app.http import Http
from app.hubspot.answers import Published, Rate
from app.hubspot.attachments import FileRef
from app.hubspot.client import HubSpot, PortalClient
from app.hubspot.outcomes import Gone
from app.hubspot.portal import Taken
from app.simulator import seed
from app.simulator.faults import FaultKind
from app.simulator.hubspot.state import Direction, Message, StagingToken, StatusType
from app.simulator.hubspot.state import Identifier as OtherIdentifier
from tests.app.hubspot.conftest import ACCOUNT, CHANNEL, PORTAL, VERSIONS, Scene, publication, settings
from tests.app.hubspot.scripted import Reply, Scripted

USAGE_BUG = json.dumps(
    {"status": "error", "message": "Unsupported file usage type IMAGE, allowed types are: STICKER, VOICE_RECORDING"}
).encode()
CREATED = Reply(201, b'{"id": "9f", "conversationsThreadId": "7"}')
EXPIRED = Reply(401, b'{"category": "EXPIRED_AUTHENTICATION"}')


class Given:
    """A token source that hands out the given tokens."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str | None] = []

    def __call__(self, refused: str | None) -> str:
        self.refused.append(refused)
        if refused is not None:
            self.tokens.remove(refused)
        if not self.tokens:
            raise Unauthorized("No token.", scope="portal")
        return self.tokens[0]


def portal(http: Http, server: Scripted, *tokens: str) -> PortalClient:
    return HubSpot(settings(server.url), http).portal(PORTAL, Given(*(tokens or ("token",))))


def agents_message(scene: Scene, **changes: Any) -> Message:
    """Have an agent's message at HubSpot."""
    scene.portal.publish(CHANNEL, publication(idempotency_id="opening"))
    (opening,) = scene.messages()
    values: dict[str, Any] = {
        "id": "a" * 32,
        "thread_id": opening.thread_id,
        "account_id": ACCOUNT,
        "channel_id": CHANNEL,
        "direction": Direction.OUTGOING,
        "text": "Yes",
        "created_at": 0.0,
        "created_by": seed.AGENT_ID,
        "received_at": 0.0,
        "status": StatusType.SENT,
    }
    message = Message(**{**values, **changes})
    with scene.world.lock:
        scene.world.hubspot.messages[message.id] = message
        scene.world.hubspot.threads[message.thread_id].messages.append(message)
    return message


# Publishing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_a_message_arrives(scene: Scene) -> None:
    scene.world.switch(publish_strict=True)
    published = scene.portal.publish(CHANNEL, publication())
    (message,) = scene.messages()
    assert published == Published(message.id, message.thread_id)
    assert (message.text, message.direction) == ("Hello", Direction.INCOMING)
    assert message.created_at == datetime(2026, 10, 1, 10, 0, tzinfo=UTC).timestamp()


def test_a_colleagues_message_arrives_as_outgoing(scene: Scene) -> None:
    original = publication()
    swapped = replace(original, incoming=False, sender=original.recipient, recipient=original.sender)
    scene.portal.publish(CHANNEL, swapped)
    assert [message.direction for message in scene.messages()] == [Direction.OUTGOING]


def test_an_answer_names_what_it_answers(scene: Scene) -> None:
    first = scene.portal.publish(CHANNEL, publication())
    scene.portal.publish(CHANNEL, publication(idempotency_id="key-2", in_reply_to=first.message_id))
    assert [message.in_reply_to for message in scene.messages()] == [None, first.message_id]


@pytest.mark.parametrize("policy", ["return_existing", "conflict"])
def test_the_same_message_twice_is_there_once(scene: Scene, policy: str) -> None:
    scene.world.switch(duplicate_policy=policy)
    first = scene.portal.publish(CHANNEL, publication())
    again = scene.portal.publish(CHANNEL, publication())
    assert len(scene.messages()) == 1
    assert again in (first, Published())


def test_a_lost_answer_is_unknown_and_the_repetition_makes_no_second_message(scene: Scene) -> None:
    scene.tokens(None)
    scene.fault(FaultKind.RESET_AFTER, path="/messages")
    with pytest.raises(OutcomeUnknown):
        scene.portal.publish(CHANNEL, publication())
    scene.portal.publish(CHANNEL, publication())
    assert len(scene.messages()) == 1


@pytest.mark.parametrize("kind", [FaultKind.EMPTY, FaultKind.TRUNCATED])
def test_an_unreadable_success_is_published_without_ids(scene: Scene, kind: FaultKind) -> None:
    scene.tokens(None)
    scene.fault(kind, path="/messages")
    assert scene.portal.publish(CHANNEL, publication()) == Published()
    assert len(scene.messages()) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"id": "9', b"[]", b"\xff"])
def test_every_unreadable_success_counts(http: Http, body: bytes) -> None:
    with Scripted(Reply(201, body)) as server:
        assert portal(http, server).publish(CHANNEL, publication()) == Published()


def test_pitfall_12_usages_of_files_are_dropped_where_hubspot_refuses_them(scene: Scene) -> None:
    scene.world.switch(file_usage_types="voice_and_sticker")
    file = scene.portal.upload(io.BytesIO(b"\x89PNG"), name="a.png", mime="image/png", folder="/relay")
    scene.portal.publish(CHANNEL, publication(attachments=(FileRef(file, AttachmentKind.IMAGE),)))
    (message,) = scene.messages()
    assert [one["fileId"] for one in message.attachments] == [file]


def test_the_usage_is_dropped_once_only(http: Http) -> None:
    with Scripted(Reply(400, USAGE_BUG)) as server, pytest.raises(MessageInvalid):
        portal(http, server).publish(CHANNEL, publication(attachments=(FileRef("5", AttachmentKind.IMAGE),)))
    sent = [json.loads(asked.body)["attachments"][0] for asked in server.asked]
    assert [one.get("fileUsageType") for one in sent] == ["IMAGE", None]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("answer", ["400", "404"])
@pytest.mark.parametrize("field", ["active", "authorized"])
def test_an_account_that_is_off_pauses(scene: Scene, answer: str, field: str, *, sparse: bool) -> None:
    scene.world.switch(inactive_account_answer=answer, sparse_errors=sparse)
    setattr(scene.world.hubspot.accounts[ACCOUNT], field, False)
    with pytest.raises(Unauthorized) as caught:
        scene.portal.publish(CHANNEL, publication())
    assert (caught.value.scope, caught.value.reason) == ("account", "account_inactive")


@pytest.mark.parametrize("sparse", [False, True])
def test_a_channel_of_another_app_pauses(scene: Scene, *, sparse: bool) -> None:
    scene.world.switch(sparse_errors=sparse)
    with pytest.raises(Unauthorized) as caught:
        scene.portal.publish("999", publication())
    assert (caught.value.scope, caught.value.reason) == ("account", "channel_unknown")


def test_errors_that_lack_now_this_and_now_that_are_told_apart_by_their_status(scene: Scene) -> None:
    scene.world.switch(patchy_errors=True)
    for _ in range(20):
        with pytest.raises(MessageInvalid):
            scene.portal.publish(CHANNEL, publication(text=""))
        with pytest.raises(Unauthorized):
            scene.portal.publish("999", publication())


def test_what_hubspot_refuses_is_the_messages_fault(scene: Scene) -> None:
    with pytest.raises(MessageInvalid) as caught:
        scene.portal.publish(CHANNEL, publication(text=""))
    assert "correlation id" in (caught.value.detail or "")


def test_a_bare_404_is_about_the_account(http: Http) -> None:
    with Scripted(Reply(404, b'{"message": "resource not found"}')) as server, pytest.raises(Unauthorized) as caught:
        portal(http, server).publish(CHANNEL, publication())
    assert caught.value.scope == "account"


@pytest.mark.parametrize(
    "changes", [{"contact_id": 7}, {"in_reply_to": "9f"}, {"attachments": (FileRef("5"),)}], ids=str
)
def test_a_bare_404_of_a_message_that_refers_is_about_the_message(http: Http, changes: dict[str, Any]) -> None:
    with Scripted(Reply(404, b'{"message": "resource not found"}')) as server, pytest.raises(Gone):
        portal(http, server).publish(CHANNEL, publication(**changes))


def test_a_conflict_about_the_account_is_no_success(http: Http) -> None:
    with Scripted(Reply(409, b'{"message": "Channel account is not active"}')) as server, pytest.raises(Unauthorized):
        portal(http, server).publish(CHANNEL, publication())


# The token -----------------------------------------------------------------------------------------------------------


def test_an_expired_token_is_refreshed_once_and_the_call_repeated(scene: Scene) -> None:
    scene.tokens(None)
    scene.world.advance(1801)
    scene.portal.publish(CHANNEL, publication())
    assert scene.tokens.refreshes == 2
    assert len(scene.messages()) == 1


def test_a_token_that_is_good_is_not_refreshed(scene: Scene) -> None:
    for key in "abc":
        scene.portal.publish(CHANNEL, publication(idempotency_id=key))
    assert scene.tokens.refreshes == 1


def test_garbage_is_refreshed_too(scene: Scene) -> None:
    scene.tokens.current = "garbage"
    scene.portal.publish(CHANNEL, publication())
    assert scene.tokens.refreshes == 1


def test_a_second_refusal_pauses_the_portal(http: Http) -> None:
    given = Given("one", "two", "three")
    with Scripted(EXPIRED) as server, pytest.raises(Unauthorized) as caught:
        HubSpot(settings(server.url), http).portal(PORTAL, given).publish(CHANNEL, publication())
    assert caught.value.scope == "portal"
    assert given.refused == [None, "one"]
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer one", "Bearer two"]


def test_the_token_sources_own_refusal_comes_through(http: Http) -> None:
    with Scripted(EXPIRED) as server, pytest.raises(Unauthorized, match="No token"):
        portal(http, server, "one").publish(CHANNEL, publication())
    assert len(server.asked) == 1


def test_a_file_is_sent_whole_after_the_refresh(http: Http) -> None:
    with Scripted(EXPIRED, Reply(201, b'{"id": "55"}')) as server:
        client = portal(http, server, "one", "two")
        assert client.upload(io.BytesIO(b"whole file"), name="a.txt", mime="text/plain", folder="/x") == "55"
    assert [b"whole file" in asked.body for asked in server.asked] == [True, True]


def test_missing_scopes_pause_the_portal(scene: Scene) -> None:
    with scene.world.lock:
        held = scene.world.hubspot.refresh_tokens[seed.REFRESH_TOKEN]
        held.scopes = frozenset({"oauth"})
    with pytest.raises(Unauthorized) as caught:
        scene.portal.publish(CHANNEL, publication())
    assert (caught.value.scope, caught.value.reason) == ("portal", "missing_scopes")
    assert "conversations.custom_channels.write" in caught.value.hint


# Rates and faults ----------------------------------------------------------------------------------------------------


def test_rates_are_told(scene: Scene) -> None:
    for key in "ab":
        scene.portal.publish(CHANNEL, publication(idempotency_id=key))
    assert scene.rates == [Rate(110, 109, 10.0), Rate(110, 108, 10.0)]


def test_the_rate_limit(scene: Scene) -> None:
    scene.world.switch(rate_limit=1, rate_retry_after=True)
    scene.portal.publish(CHANNEL, publication())
    with pytest.raises(RateLimited) as caught:
        scene.portal.publish(CHANNEL, publication(idempotency_id="key-2"))
    assert 0 < (caught.value.retry_after or 0) <= 10


def test_the_daily_limit(scene: Scene) -> None:
    scene.world.switch(daily_limit=1)
    scene.portal.publish(CHANNEL, publication())
    with pytest.raises(RateLimited) as caught:
        scene.portal.publish(CHANNEL, publication(idempotency_id="key-2"))
    assert caught.value.reason == "daily_limit"


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 504, 524])
def test_trouble_at_hubspot_is_transient(scene: Scene, status: int) -> None:
    scene.tokens(None)
    scene.fault(FaultKind.STATUS, status=status, retry_after=5)
    with pytest.raises(HubSpotUnavailable) as caught:
        scene.portal.publish(CHANNEL, publication())
    assert caught.value.retry_after == 5
    assert scene.messages() == []


def test_a_page_of_html_is_transient(scene: Scene) -> None:
    scene.tokens(None)
    scene.fault(FaultKind.HTML, status=502)
    with pytest.raises(HubSpotUnavailable):
        scene.portal.publish(CHANNEL, publication())


def test_nobody_there_is_transient(http: Http) -> None:
    with Scripted(CREATED) as server:
        client = portal(http, server)
    with pytest.raises(HubSpotUnavailable):
        client.publish(CHANNEL, publication())


def test_an_unknown_version_is_told(http: Http, scene: Scene) -> None:
    chosen = settings(scene.simulator.url, hubspot_channels_version="2019-01")
    client = HubSpot(chosen, http).portal(PORTAL, scene.tokens)
    with pytest.raises(HubSpotUnavailable) as caught:
        client.publish(CHANNEL, publication())
    assert caught.value.reason == "unknown_address"


READS = {
    "message": lambda client: client.message(CHANNEL, "9f"),
    "accounts": lambda client: client.accounts(CHANNEL),
    "account": lambda client: client.account(CHANNEL, ACCOUNT),
    "signed_url": lambda client: client.signed_url("5"),
    "original_content": lambda client: client.original_content("7", "9f"),
    "upload": lambda client: client.upload(io.BytesIO(b"x"), name="a.txt", mime="text/plain", folder="/x"),
}


@pytest.mark.parametrize("call", READS.values(), ids=READS)
@pytest.mark.parametrize("body", [b"<html>", b'{"id": "9', b"[]", b"\xff"])
def test_an_answer_that_cannot_be_read_is_transient(http: Http, call: Any, body: bytes) -> None:
    with Scripted(Reply(200, body)) as server, pytest.raises(HubSpotUnavailable) as caught:
        call(portal(http, server))
    assert caught.value.reason == "unreadable_answer"


@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_a_lost_answer_of_a_harmless_call_is_transient(http: Http, call: Any) -> None:
    with Scripted(Reply(reset=True)) as server, pytest.raises(HubSpotUnavailable):
        call(portal(http, server))


# Statuses and messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize(
    ("status", "told"),
    [(Status.SENT, "SENT"), (Status.DELIVERED, "SENT"), (Status.READ, "READ"), (Status.FAILED, "FAILED")],
)
def test_a_status_reaches_the_agent(scene: Scene, status: Status, told: str) -> None:
    message = agents_message(scene)
    scene.portal.set_status(CHANNEL, message.id, status, "The number is not in use.")
    assert message.status_patches == [told]
    assert message.failure == ("The number is not in use." if status is Status.FAILED else None)


def test_the_status_of_a_message_that_is_gone(scene: Scene) -> None:
    with pytest.raises(Gone):
        scene.portal.set_status(CHANNEL, "b" * 32, Status.SENT)


def test_a_status_needs_no_readable_answer(http: Http) -> None:
    with Scripted(Reply(200, b"<html>")) as server:
        portal(http, server).set_status(CHANNEL, "9f", Status.READ)
    assert [(asked.method, json.loads(asked.body)) for asked in server.asked] == [("PATCH", {"statusType": "READ"})]


def test_a_lost_answer_to_a_status_is_transient(scene: Scene) -> None:
    message = agents_message(scene)
    scene.fault(FaultKind.RESET_AFTER)
    with pytest.raises(HubSpotUnavailable):
        scene.portal.set_status(CHANNEL, message.id, Status.READ)
    assert message.status_patches == ["READ"]


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_a_message_can_be_looked_at(scene: Scene) -> None:
    message = agents_message(scene)
    scene.portal.set_status(CHANNEL, message.id, Status.FAILED, "Blocked.")
    found = scene.portal.message(CHANNEL, message.id)
    assert (found.id, found.thread_id, found.text) == (message.id, message.thread_id, "Yes")
    assert (found.status, found.sentence) == (Status.FAILED, "Blocked.")


def test_a_message_that_is_gone(scene: Scene) -> None:
    with pytest.raises(Gone):
        scene.portal.message(CHANNEL, "b" * 32)


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_the_whole_text_of_a_truncated_message(scene: Scene) -> None:
    message = agents_message(scene, text="Ye", original_text="Yes", rich_text="<p>Yes</p>", truncation="TRUNCATED")
    found = scene.portal.original_content(message.thread_id, message.id)
    assert (found.text, found.html) == ("Yes", "<p>Yes</p>")


# Accounts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_accounts(scene: Scene) -> None:
    found = scene.portal.accounts(CHANNEL)
    assert {account.id for account in found} == {seed.LOOPBACK_ACCOUNT_ID, seed.TELEGRAM_ACCOUNT_ID}
    assert all(account.active and account.authorized and account.inbox_id == seed.INBOX_ID for account in found)


def test_accounts_by_identifier(scene: Scene) -> None:
    (found,) = scene.portal.accounts(CHANNEL, Identifier(value="telegram-demo"))
    assert found.id == seed.TELEGRAM_ACCOUNT_ID
    assert scene.portal.accounts(CHANNEL, Identifier(type=IdentifierType.PHONE, value="telegram-demo")) == []


def test_every_page_of_accounts_is_read(http: Http) -> None:
    pages = [
        {"results": [{"id": 1}], "paging": {"next": {"after": "a"}}},
        {"results": [{"id": 2}, {"odd": 1}], "paging": {"next": {"after": "b"}}},
        {"results": [{"id": 3}]},
    ]
    with Scripted(*(Reply(200, json.dumps(page).encode()) for page in pages)) as server:
        found = portal(http, server).accounts(CHANNEL)
    assert [account.id for account in found] == ["1", "2", "3"]
    assert [asked.query.get("after") for asked in server.asked] == [None, ["a"], ["b"]]


def test_a_cursor_that_repeats_ends_the_listing(http: Http) -> None:
    page = {"results": [{"id": 1}], "paging": {"next": {"after": "a"}}}
    with Scripted(Reply(200, json.dumps(page).encode())) as server:
        portal(http, server).accounts(CHANNEL)
    assert len(server.asked) == 2


def test_one_account(scene: Scene) -> None:
    found = scene.portal.account(CHANNEL, ACCOUNT)
    assert (found.name, found.identifier) == ("Loopback", Identifier(value="loopback-demo"))


def test_a_purged_account_is_gone_but_among_the_archived(scene: Scene) -> None:
    with scene.world.lock:
        scene.world.hubspot.accounts[ACCOUNT].archived_at = scene.world.clock.now()
    with pytest.raises(RelayError) as caught:
        scene.portal.account(CHANNEL, ACCOUNT)
    assert isinstance(caught.value, Gone)
    assert scene.portal.account(CHANNEL, ACCOUNT, archived=True).archived


# Files and actors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_a_file_is_stored_for_the_portals_users_only(scene: Scene, http: Http) -> None:
    content = bytes(range(256)) * 100
    id_ = scene.portal.upload(io.BytesIO(content), name="photo.png", mime="image/png", folder="/relay")
    stored = scene.world.hubspot.files[id_]
    assert (stored.content, stored.name, stored.mime) == (content, "photo.png", "image/png")
    assert (stored.access.value, stored.folder) == ("PRIVATE", "/relay")
    assert http.request("GET", scene.portal.signed_url(id_)).body == content


def test_a_file_that_is_too_large(scene: Scene) -> None:
    scene.world.switch(file_size_limit=10)
    with pytest.raises(MessageInvalid):
        scene.portal.upload(io.BytesIO(b"x" * 11), name="a.txt", mime="text/plain", folder="/x")


def test_a_file_that_is_gone(scene: Scene) -> None:
    with pytest.raises(Gone):
        scene.portal.signed_url("424242")


@pytest.mark.parametrize("body", [b'{"url": ""}', b'{"url": null}', b"{}"])
def test_a_signed_address_is_needed(http: Http, body: bytes) -> None:
    with Scripted(Reply(200, body)) as server, pytest.raises(HubSpotUnavailable):
        portal(http, server).signed_url("5")


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_an_agents_name(scene: Scene) -> None:
    assert scene.portal.actor(seed.AGENT_ID) == seed.AGENT_NAME


def test_an_unknown_actor_has_no_name(scene: Scene) -> None:
    assert scene.portal.actor("A-424242") == ""


# The pop-up -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_what_the_popup_asked_for_is_filled_in(scene: Scene) -> None:
    scene.world.switch(staging_strict=True)
    with scene.world.lock:
        staged = StagingToken("token-1", CHANNEL, str(PORTAL), seed.INBOX_ID, scene.world.clock.now())
        scene.world.hubspot.staging[staged.token] = staged
    assert scene.portal.stage(CHANNEL, "token-1", name="Shop", identifier=Identifier(value="bot-1")) == ""
    assert (staged.account_name, staged.identifier) == ("Shop", OtherIdentifier("CHANNEL_SPECIFIC_OPAQUE_ID", "bot-1"))
    staged.used = True
    with pytest.raises(Gone):
        scene.portal.stage(CHANNEL, "token-1", name="Shop", identifier=Identifier(value="bot-1"))


def test_an_identifier_that_hubspot_has_already(http: Http) -> None:
    with Scripted(Reply(409, b"{}")) as server, pytest.raises(Taken):
        portal(http, server).stage(CHANNEL, "token-1", name="Shop", identifier=Identifier(value="bot-1"))


def test_an_answer_that_names_the_account_is_used(http: Http) -> None:
    with Scripted(Reply(200, b'{"channelAccountId": 77}')) as server:
        told = portal(http, server).stage(CHANNEL, "a/b", name="Shop", identifier=Identifier(value="bot-1"))
    assert told == "77"
    assert server.asked[0].path.endswith("/channel-account-staging-tokens/a%2Fb")


def test_pitfall_5_an_identifier_is_always_an_object(http: Http) -> None:
    """HubSpot's guide shows a bare string, and HubSpot refuses that."""
    with Scripted(Reply(200, b"{}")) as server:
        portal(http, server).stage(CHANNEL, "token-1", name="Shop", identifier=Identifier(value="bot-1"))
    identifier = json.loads(server.asked[0].body)["deliveryIdentifier"]
    assert identifier == {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "bot-1"}


# Authority and place --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS)
def test_an_account_is_authorised_and_not(scene: Scene) -> None:
    for authorized in (False, True):
        assert scene.portal.authorise(CHANNEL, ACCOUNT, authorized=authorized).authorized is authorized
        assert scene.world.hubspot.accounts[ACCOUNT].authorized is authorized


def test_an_inbox_tells_its_kind(scene: Scene) -> None:
    assert scene.portal.inbox(seed.HELP_DESK_ID).type == "HELP_DESK"
    with pytest.raises(Gone):
        scene.portal.inbox("999")


def test_pitfall_10_an_inbox_that_cannot_be_changed_says_how_to_move(http: Http) -> None:
    """HubSpot answers that the body is empty."""
    refusal = {"message": "Failed to update object. The body of the request is empty.", "category": "VALIDATION_ERROR"}
    with Scripted(Reply(400, json.dumps(refusal).encode())) as server, pytest.raises(Rejected) as caught:
        portal(http, server).authorise(CHANNEL, ACCOUNT, authorized=True)
    assert caught.value.reason == "empty_update"
    assert "connect it anew there" in caught.value.hint


def test_a_refusal_that_repeats_the_token_tells_it_to_nobody(http: Http) -> None:
    words = json.dumps({"message": "the token access-1-of-the-tests is wrong"}).encode()
    with Scripted(Reply(400, words)) as server:
        client = PortalClient(settings(server.url), http, PORTAL, token=lambda _: "access-1-of-the-tests")
        with pytest.raises(RelayError) as caught:
            client.account(CHANNEL, ACCOUNT)
    assert "the token [redacted] is wrong" in str(caught.value.detail)
