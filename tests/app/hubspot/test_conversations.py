from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import HubSpotUnavailable, Unauthorized
from app.hubspot import conversations as module
from app.hubspot import wire
from app.hubspot.conversations import Conversations, ThreadMessage
from app.hubspot.outcomes import Gone
from app.simulator.faults import FaultKind
from tests.app.hubspot.conftest import ACCOUNT, CHANNEL, PORTAL, VERSIONS, Scene, publication

START = datetime(2026, 10, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(params=VERSIONS)
def versions(request: pytest.FixtureRequest) -> dict[str, str]:
    return VERSIONS[request.param]


def reader(scene: Scene, calls: list[str] | None = None) -> Conversations:
    """The reading side; ``calls`` gets a word for each call."""

    def around(call: Any) -> Any:
        if calls is not None:
            calls.append("read")
        return call()

    return scene.portal.conversations(around)


def publish(scene: Scene, number: int, *, thread: str, minutes: float) -> str:
    """Publish a message of that time. Returns HubSpot's thread."""
    sent_at = START + timedelta(minutes=minutes)
    changes = {"thread_id": thread, "idempotency_id": f"key-{number}", "text": f"message {number}", "sent_at": sent_at}
    return scene.portal.publish(CHANNEL, publication(**changes)).thread_id or ""


def talks(scene: Scene, count: int) -> list[str]:
    """Threads with one message each, a minute apart."""
    return [publish(scene, number, thread=f"thread-{number}", minutes=number) for number in range(count)]


def listed(scene: Scene, minutes: float = -1, *, archived: bool = False) -> list[str]:
    since = START + timedelta(minutes=minutes)
    return [one.id for one in reader(scene).threads(since=since, archived=archived)]


def test_threads_are_listed_by_what_was_said_since(scene: Scene) -> None:
    first, second, third = talks(scene, 3)
    assert listed(scene) == [first, second, third]
    assert listed(scene, 0.5) == [second, third]
    assert listed(scene, 2) == []
    with scene.world.lock:
        scene.world.hubspot.threads[second].archived = True
    assert listed(scene) == [first, third]
    assert listed(scene, archived=True) == [second]
    (thread,) = reader(scene).threads(since=START - timedelta(minutes=1), archived=True)
    assert (thread.original_channel_account_id, thread.archived) == (ACCOUNT, True)


def test_no_thread_is_skipped_when_one_moves_while_pages_are_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAGE", 2)
    ids = talks(scene, 5)
    found: list[str] = []
    for one in reader(scene).threads(since=START - timedelta(minutes=1)):
        if not found:
            publish(scene, 9, thread="thread-0", minutes=9)
        found.append(one.id)
    assert found == ids


def test_threads_of_one_and_the_same_moment_are_all_listed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAGE", 2)
    ids = {publish(scene, number, thread=f"thread-{number}", minutes=0) for number in range(5)}
    found = listed(scene)
    assert (set(found), len(found)) == (ids, 5)


@pytest.mark.parametrize("answer", ["404", "shown"])
def test_a_thread_is_found_archived_or_not(scene: Scene, answer: str) -> None:
    scene.world.switch(archived_thread_answer=answer)
    (thread,) = talks(scene, 1)
    found = reader(scene).thread(thread)
    assert found is not None
    assert not found.archived
    with scene.world.lock:
        scene.world.hubspot.threads[thread].archived = True
    found = reader(scene).thread(thread)
    assert found is not None
    assert found.archived
    assert reader(scene).thread("1") is None


@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_messages_are_read_back_to_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    monkeypatch.setattr("app.hubspot.calls.PAGE_SIZE", 2)
    scene.world.switch(message_sort=sort)
    (thread,) = {publish(scene, number, thread="thread-1", minutes=number) for number in range(6)}
    calls: list[str] = []
    found = reader(scene, calls).messages(thread, since=START + timedelta(minutes=3.5))
    texts = [one.text for one in found]
    assert texts[-2:] == ["message 4", "message 5"]
    assert len(calls) == (2 if sort == "honoured" else 3)
    whole = [one.text for one in reader(scene).messages(thread)]
    assert whole == [f"message {number}" for number in range(6)]
    with pytest.raises(Gone):
        reader(scene).messages("1")


def entry(**changes: Any) -> ThreadMessage:
    raw = {"id": "m1", "conversationsThreadId": "77", "type": "MESSAGE", "createdAt": "2026-10-01T10:00:00Z", **changes}
    return ThreadMessage.model_validate({**raw, "raw": raw})


def test_what_is_no_message_does_not_count_as_one() -> None:
    assert entry().is_message
    assert not any(entry(type=one).is_message for one in ("COMMENT", "ASSIGNMENT", "THREAD_STATUS_CHANGE", ""))


def test_customers_are_the_other_side() -> None:
    sides = {
        "senders": [{"deliveryIdentifier": {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": "us"}}, {"actorId": "A-1"}],
        "recipients": [{"deliveryIdentifier": "dana"}],
    }
    assert entry(direction="OUTGOING", **sides).customers == {"dana"}
    assert entry(direction="INCOMING", **sides).customers == {"us"}
    assert entry(direction="INCOMING").customers == frozenset()


def test_a_message_takes_the_form_of_its_webhook(scene: Scene) -> None:
    found = entry(channelId=CHANNEL, channelAccountId=ACCOUNT, direction="OUTGOING", text="Hello", client=None)
    raw = reader(scene).as_request(found, portal_id=PORTAL, thread_ids=["ours"])
    (event,) = wire.read_events(raw)
    assert isinstance(event, wire.Outgoing)
    assert (event.portal_id, event.channel_id, event.account_id) == (PORTAL, CHANNEL, ACCOUNT)
    assert (event.message.service_id, event.message.content.text) == ("m1", "Hello")
    assert (event.thread_ids, event.hubspot_thread_id) == (("ours",), "77")
    assert wire.dedupe_key(raw) == f"{PORTAL}:m1"
    assert json.loads(raw.body)["message"]["id"] == "m1"
    assert raw.url.endswith("/threads/77/messages/m1")


def test_a_missing_scope_is_a_sentence(scene: Scene) -> None:
    scene.tokens(None)
    with scene.world.lock:
        for token in scene.world.hubspot.access_tokens.values():
            token.scopes = token.scopes - {"conversations.read"}
    with pytest.raises(Unauthorized, match=r"lacks the scopes conversations\.read") as caught:
        listed(scene)
    assert caught.value.reason == "missing_scopes"


def test_half_an_answer_is_no_answer(scene: Scene) -> None:
    talks(scene, 1)
    scene.fault(FaultKind.TRUNCATED, path="/threads$")
    with pytest.raises(HubSpotUnavailable, match="cannot be read"):
        listed(scene)
