from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from tests.app.http.scripted import ScriptedServer, Visit
from tests.app.simulator.messengers import Receiver, Simulator, eventually, running_receiver, running_simulator

BEARER = {"Authorization": "Bearer token-1"}
SECRET = "hush"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        running.post("loopback/accounts", token="token-1", id="shop", name="Harbour Shop", auto_receipts=False)
        yield running


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    with running_receiver() as running:
        simulator.client.put("/loopback/v1/webhook", json={"url": running.url, "secret": SECRET}, headers=BEARER)
        yield running


def say(simulator: Simulator, text: str = "hello", **more: Any) -> Any:
    return simulator.post("loopback/say", account="shop", conversation="c1", name="Dana", text=text, **more)


def send(simulator: Simulator, text: str = "hi", *, key: str = "k1", conversation: str = "c1") -> httpx.Response:
    body = {"conversation": conversation, "text": text, "reply_to": None}
    return simulator.client.post("/loopback/v1/messages", json=body, headers={**BEARER, "Idempotency-Key": key})


def file_host(status: str = "200 OK") -> ScriptedServer:
    def give(visit: Visit) -> None:
        visit.read()
        visit.answer(b"OggS", status=status)

    return ScriptedServer(give)


def offer(simulator: Simulator, url: str, *, size: int) -> httpx.Response:
    """Let the relay send a file that stands at an address."""
    file = {"kind": "voice", "url": url, "name": "a.ogg", "mime": "audio/ogg", "size": size}
    body = {"conversation": "c1", "text": "", "attachments": [file]}
    return simulator.client.post("/loopback/v1/messages", json=body, headers={**BEARER, "Idempotency-Key": "k9"})


def test_a_file_of_the_relay_is_fetched_at_once(simulator: Simulator) -> None:
    say(simulator)
    with file_host() as host:
        assert offer(simulator, f"{host.url}/media/1", size=4).status_code == 201
    seen = simulator.client.get("/_sim/loopback/conversations/c1/messages").json()[-1]
    [file] = seen["attachments"]
    assert (file["kind"], file["name"], file["size"]) == ("voice", "a.ogg", 4)
    assert simulator.client.get(file["url"]).content == b"OggS"


@pytest.mark.parametrize(("status", "size"), [("200 OK", 5), ("410 Gone", 4)])
def test_a_file_that_is_not_what_was_said_is_refused(simulator: Simulator, status: str, size: int) -> None:
    say(simulator)
    with file_host(status) as host:
        refused = offer(simulator, f"{host.url}/media/1", size=size)
    assert (refused.status_code, refused.json()) == (400, {"error": "attachment_unreachable"})
    assert len(simulator.client.get("/_sim/loopback/conversations/c1/messages").json()) == 1


def test_a_customers_message_arrives_signed(simulator: Simulator, receiver: Receiver) -> None:
    said = say(simulator, reply_to="m1")
    hook = receiver.wait(1)[0]
    expected = hmac.new(SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["X-Loopback-Signature"] == expected
    event = hook.json["events"][0]
    assert event.pop("time").endswith("Z")
    assert event == {
        "type": "message",
        "id": said["id"],
        "conversation": "c1",
        "sender": {"id": "u-c1", "name": "Dana"},
        "text": "hello",
        "reply_to": "m1",
        "attachments": [],
    }


def test_a_customer_may_have_another_address_and_be_vouched_for(simulator: Simulator, receiver: Receiver) -> None:
    phone = {"type": "phone", "value": "+491701234567"}
    say(simulator, address=phone, vouched=[phone])
    sender = receiver.wait(1)[0].json["events"][0]["sender"]
    assert sender == {"id": "+491701234567", "type": "phone", "name": "Dana", "vouched": [phone]}


def test_a_colleagues_answer_arrives_as_the_accounts_own(simulator: Simulator, receiver: Receiver) -> None:
    simulator.post("loopback/answer", account="shop", conversation="c1", name="Dana", text="hi", colleague="Robin")
    event = receiver.wait(1)[0].json["events"][0]
    assert (event["own"], event["text"]) == (True, "hi")
    assert event["sender"] == {"id": "colleague-Robin", "name": "Robin"}
    assert event["recipient"] == {"id": "u-c1", "name": "Dana"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_the_relay_sent_comes_back_once_as_the_switch_says(
    simulator: Simulator, receiver: Receiver, when: str
) -> None:
    simulator.world.switch(loopback_echo=when)
    say(simulator)
    sent = send(simulator).json()
    if when == "before":
        assert len(receiver.hooks) == 2
    echo = receiver.wait(2)[1].json["events"][0]
    assert (echo["id"], echo["own"], echo["sender"]["name"]) == (sent["id"], True, "Harbour Shop")
    send(simulator)  # the same key again is no new message
    say(simulator, "the last")
    assert [hook.json["events"][0]["text"] for hook in receiver.wait(3)] == ["hello", "hi", "the last"]


def test_by_default_the_relay_is_not_told_of_what_it_sent(simulator: Simulator, receiver: Receiver) -> None:
    say(simulator)
    send(simulator)
    say(simulator, "the last")
    assert [hook.json["events"][0]["text"] for hook in receiver.wait(2)] == ["hello", "the last"]


def test_a_refused_webhook_comes_again_with_its_id_and_before_the_next_one(
    simulator: Simulator, receiver: Receiver
) -> None:
    receiver.answers += [503, 500]
    say(simulator, "one")
    say(simulator, "two")
    bodies = [hook.json for hook in receiver.wait(4)]
    assert [body["events"][0]["text"] for body in bodies] == ["one", "one", "one", "two"]
    assert len({body["id"] for body in bodies}) == 2


def test_messages_wait_until_a_webhook_is_registered(simulator: Simulator) -> None:
    say(simulator, "early")
    with running_receiver() as receiver:
        simulator.client.put("/loopback/v1/webhook", json={"url": receiver.url, "secret": SECRET}, headers=BEARER)
        assert receiver.wait(1)[0].json["events"][0]["text"] == "early"


def test_one_idempotency_key_makes_one_message(simulator: Simulator) -> None:
    say(simulator)
    first, again, other = send(simulator), send(simulator), send(simulator, key="k2")
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json() == again.json()
    texts = [one["text"] for one in simulator.get("loopback/conversations/c1/messages?account=shop")]
    assert texts == ["hello", "hi", "hi"]


@pytest.mark.parametrize(
    ("prepare", "conversation", "text", "status", "answer"),
    [
        ("", "nobody", "hi", 404, {"error": "unknown_conversation"}),
        ("block", "c1", "hi", 403, {"error": "blocked"}),
        ("", "c1", "x" * 4001, 413, {"error": "too_long", "limit": 4000}),
        ("", "c1", "  ", 400, {"error": "empty_text"}),
    ],
    ids=["unknown", "blocked", "long", "empty"],
)
def test_refusals(
    simulator: Simulator, *, prepare: str, conversation: str, text: str, status: int, answer: dict[str, Any]
) -> None:
    say(simulator)
    if prepare:
        simulator.post(f"loopback/{prepare}", account="shop", conversation="c1")
    refused = send(simulator, text, conversation=conversation)
    assert (refused.status_code, refused.json()) == (status, answer)


def test_unblocking_lets_messages_through_again(simulator: Simulator) -> None:
    say(simulator)
    simulator.post("loopback/block", account="shop", conversation="c1")
    simulator.post("loopback/unblock", account="shop", conversation="c1")
    assert send(simulator).status_code == 201


def test_a_wrong_token_is_refused(simulator: Simulator) -> None:
    refused = simulator.client.get("/loopback/v1/me", headers={"Authorization": "Bearer other"})
    assert (refused.status_code, refused.json()) == (401, {"error": "token_revoked"})
    assert simulator.client.get("/loopback/v1/me", headers=BEARER).json() == {"id": "shop", "name": "Harbour Shop"}


def test_a_malformed_body_is_refused(simulator: Simulator) -> None:
    headers = {**BEARER, "Idempotency-Key": "k"}
    refused = simulator.client.post("/loopback/v1/messages", content=b"{", headers=headers)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_body"})


def test_media_needs_the_bearer(simulator: Simulator, receiver: Receiver) -> None:
    picture = {"name": "a.png", "mime": "image/png", "base64": base64.b64encode(b"PNG").decode()}
    say(simulator, "", attachments=[picture])
    attachment = receiver.wait(1)[0].json["events"][0]["attachments"][0]
    assert {key: attachment[key] for key in ("kind", "name", "mime", "size")} == {
        "kind": "image",
        "name": "a.png",
        "mime": "image/png",
        "size": 3,
    }
    assert httpx.get(attachment["url"]).status_code == 401
    opened = httpx.get(attachment["url"], headers=BEARER)
    assert (opened.content, opened.headers["content-type"]) == (b"PNG", "image/png")


def test_receipts_only_move_forward(simulator: Simulator, receiver: Receiver) -> None:
    say(simulator)
    message = send(simulator).json()["id"]
    assert simulator.post("loopback/receipt", account="shop", message=message, status="read") == {"reported": True}
    late = simulator.post("loopback/receipt", account="shop", message=message, status="delivered")
    assert late == {"reported": False}
    event = receiver.wait(2)[1].json["events"][0]
    assert (event["type"], event["message"], event["status"]) == ("receipt", message, "read")


def test_opening_the_conversation_reads_it(simulator: Simulator, receiver: Receiver) -> None:
    say(simulator)
    send(simulator)
    send(simulator, key="k2")
    assert simulator.post("loopback/read", account="shop", conversation="c1") == {"read": 2}
    assert simulator.post("loopback/read", account="shop", conversation="c1") == {"read": 0}
    assert {hook.json["events"][0].get("status") for hook in receiver.wait(3)[1:]} == {"read"}


def test_automatic_receipts_report_delivery(simulator: Simulator) -> None:
    simulator.post("loopback/accounts", token="token-2", id="auto")
    simulator.post("loopback/say", account="auto", conversation="c9", text="hello")
    headers = {"Authorization": "Bearer token-2", "Idempotency-Key": "k"}
    simulator.client.post("/loopback/v1/messages", json={"conversation": "c9", "text": "hi"}, headers=headers)
    messages = "loopback/conversations/c9/messages"
    eventually(lambda: simulator.get(messages)[1]["status"] == "delivered")


def test_a_lost_answer_keeps_the_message(simulator: Simulator) -> None:
    say(simulator)
    simulator.world.faults.add(FaultRule(api=Api.LOOPBACK, times=1, fault=Fault(kind=FaultKind.RESET_AFTER)))
    with pytest.raises(httpx.TransportError):
        send(simulator)
    assert send(simulator).status_code == 200
    assert len(simulator.get("loopback/conversations/c1/messages")) == 2


def test_a_status_fault_has_the_protocols_shape(simulator: Simulator) -> None:
    fault = Fault(kind=FaultKind.STATUS, status=429, retry_after=3)
    simulator.world.faults.add(FaultRule(api=Api.LOOPBACK, times=1, fault=fault))
    refused = send(simulator)
    assert (refused.status_code, refused.json()) == (429, {"error": "rate_limited"})
    assert refused.headers["Retry-After"] == "3"


@pytest.mark.parametrize("kind", [FaultKind.WRONG_SECRET, FaultKind.NO_SIGNATURE])
def test_signatures_can_be_broken(simulator: Simulator, receiver: Receiver, kind: FaultKind) -> None:
    simulator.world.faults.add(FaultRule(api=Api.LOOPBACK, times=1, fault=Fault(kind=kind)))
    say(simulator)
    hook = receiver.wait(1)[0]
    right = hmac.new(SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers.get("X-Loopback-Signature") != right


def test_events_tell_the_page(simulator: Simulator) -> None:
    say(simulator, "seen")
    last = simulator.world.events.since(0)[-1]
    assert (last.kind, last.data["conversation"], last.data["message"]["text"]) == ("customer_message", "c1", "seen")


def test_reset_forgets_the_accounts(simulator: Simulator) -> None:
    simulator.world.reset()
    assert simulator.client.get("/loopback/v1/me", headers=BEARER).status_code == 401


def test_many_customers_write_at_once_in_the_order_given(simulator: Simulator, receiver: Receiver) -> None:
    words = [{"account": "shop", "conversation": "c1", "name": "Dana", "text": str(number)} for number in range(3)]
    answer = simulator.client.post("/_sim/loopback/say-all", json=words)
    ids = [one["id"] for one in answer.json()]
    assert [hook.json["events"][0]["id"] for hook in receiver.wait(3)] == ids
    seen = simulator.get("loopback/conversations/c1/messages?account=shop")
    assert [(one["id"], one["text"]) for one in seen] == list(zip(ids, ["0", "1", "2"], strict=True))


PLACE = {"latitude": 48.2082, "longitude": 16.3738, "name": "Market", "address": "1 Main Street"}
CARD = {"name": "Alex", "organisation": "", "phones": ["+431234567"], "emails": [], "links": []}


def about(simulator: Simulator, path: str, message: str, **more: Any) -> Any:
    return simulator.post(f"loopback/{path}", account="shop", conversation="c1", message=message, **more)


def test_a_customer_sends_what_needs_no_words(simulator: Simulator, receiver: Receiver) -> None:
    voice = {"name": "note.ogg", "mime": "audio/ogg", "base64": "T2dnUw==", "kind": "voice"}
    say(simulator, "", attachments=[voice])
    say(simulator, "", place=PLACE)
    say(simulator, "", card=CARD)
    spoken, where, who = (hook.json["events"][0] for hook in receiver.wait(3))
    assert [one["kind"] for one in spoken["attachments"]] == ["voice"]
    assert (where["place"], who["card"]) == (PLACE, CARD)
    shown = simulator.get("loopback/conversations/c1/messages")
    assert (shown[1]["place"], shown[2]["card"]) == (PLACE, CARD)


def test_second_thoughts_are_told_with_the_message_that_they_are_about(
    simulator: Simulator, receiver: Receiver
) -> None:
    said = say(simulator, "helo")["id"]
    answer = send(simulator).json()["id"]
    about(simulator, "edit", said, text="hello")
    about(simulator, "react", answer, emoji="👍")
    about(simulator, "react", answer, emoji="")
    about(simulator, "react", answer, emoji="")  # there is nothing to take back
    about(simulator, "delete", said)
    events = [hook.json["events"][0] for hook in receiver.wait(5)[1:]]
    assert [(one["type"], one["message"]) for one in events] == [
        ("edit", said),
        ("reaction", answer),
        ("reaction", answer),
        ("deletion", said),
    ]
    assert (events[0]["text"], events[1]["emoji"]) == ("hello", "👍")
    assert [one["withdrawn"] for one in events[1:3]] == [False, True]
    assert len({one["id"] for one in events}) == 4
    first, second = simulator.get("loopback/conversations/c1/messages")
    assert (first["text"], first["edited"], first["deleted"], second["reactions"]) == ("", True, True, [])


def test_only_a_customers_own_message_is_changed(simulator: Simulator) -> None:
    say(simulator)
    answer = send(simulator).json()["id"]
    for path in ("edit", "delete"):
        body = {"account": "shop", "conversation": "c1", "message": answer, "text": "mine now"}
        assert simulator.client.post(f"/_sim/loopback/{path}", json=body).status_code == 400


def test_a_button_is_pressed_and_quotes_its_message(simulator: Simulator, receiver: Receiver) -> None:
    say(simulator)
    choices = [{"label": "Today"}, {"label": "Tomorrow"}]
    body = {"conversation": "c1", "text": "When?", "choices": choices}
    sent = simulator.client.post("/loopback/v1/messages", json=body, headers={**BEARER, "Idempotency-Key": "k"}).json()
    assert [one["label"] for one in simulator.get("loopback/conversations/c1/messages")[1]["choices"]] == [
        "Today",
        "Tomorrow",
    ]
    about(simulator, "press", sent["id"], choice=2)
    event = receiver.wait(2)[1].json["events"][0]
    assert (event["text"], event["choice"], event["reply_to"]) == ("Tomorrow", 2, sent["id"])


def test_the_relay_sends_files_places_and_cards(simulator: Simulator) -> None:
    say(simulator, "", attachments=[{"name": "a.png", "mime": "image/png", "base64": "UE5H"}])
    file = simulator.get("loopback/conversations/c1/messages")[0]["attachments"][0]["url"]
    offered = {"kind": "sticker", "url": f"{simulator.url}{file}", "name": "s.png", "mime": "image/png", "size": 3}
    gone = {**offered, "url": f"{simulator.url}/_sim/loopback/media/none"}
    contents: list[dict[str, Any]] = [{"attachments": [offered]}, {"place": PLACE}, {"card": CARD}]
    for number, content in enumerate(contents):
        body = {"conversation": "c1", **content}
        answer = simulator.client.post(
            "/loopback/v1/messages", json=body, headers={**BEARER, "Idempotency-Key": f"k{number}"}
        )
        assert answer.status_code == 201
    refused = simulator.client.post(
        "/loopback/v1/messages",
        json={"conversation": "c1", "attachments": [gone]},
        headers={**BEARER, "Idempotency-Key": "k9"},
    )
    assert (refused.status_code, refused.json()) == (400, {"error": "attachment_unreachable"})
    sticker, where, who = simulator.get("loopback/conversations/c1/messages")[1:]
    assert [(one["kind"], one["name"], one["size"]) for one in sticker["attachments"]] == [("sticker", "s.png", 3)]
    assert (where["place"], who["card"]) == (PLACE, CARD)


def test_a_player_gets_the_part_that_it_asks_for(simulator: Simulator) -> None:
    say(
        simulator,
        "",
        attachments=[{"name": "a.ogg", "mime": "audio/ogg", "base64": base64.b64encode(b"0123456789").decode()}],
    )
    url = simulator.get("loopback/conversations/c1/messages")[0]["attachments"][0]["url"]
    part = simulator.client.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-security-policy"] == "sandbox"


def test_while_a_file_is_fetched_everything_else_goes_on(simulator: Simulator) -> None:
    say(simulator)
    needs_the_world = {"kind": "file", "url": f"{simulator.url}/_sim/messengers", "name": "list.json"}
    body = {"conversation": "c1", "attachments": [needs_the_world]}
    answer = simulator.client.post("/loopback/v1/messages", json=body, headers={**BEARER, "Idempotency-Key": "k"})
    assert answer.status_code == 201
