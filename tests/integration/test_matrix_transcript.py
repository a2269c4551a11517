"""One conversation with every kind of message through a real homeserver, as either side sees it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.connectors.matrix.sending import TEXT_LENGTH
from app.relay import accounts, options
from app.simulator import seed
from tests.app.media.corpus import CORPUS
from tests.app.relay import test_relay_long_texts as long_texts
from tests.app.relay.test_relay_transcripts import answer
from tests.app.relay.transcript import agent_lines, compare, entry, file_line, quotation
from tests.app.relay.world import RelayWorld, eventually, relay_world
from tests.servers.presence import Server, require
from tests.servers.synapse import SERVER_NAME, ConnectedSynapse, Person, SynapseServer

pytestmark = [pytest.mark.synapse, pytest.mark.slow, pytest.mark.timeout(240)]

#: HubSpot's id of the Matrix account.
ACCOUNT = "2003"
BOT = f"@relaybot:{SERVER_NAME}"


class Conversation:
    """Alice, who writes to the relay's user in a room of her own."""

    def __init__(self, relay: RelayWorld, homeserver: SynapseServer) -> None:
        self.relay = relay
        self.alice: Person = homeserver.register("alice")
        self.room = self.alice.create_room(BOT)
        self.sent = 0

    def send(self, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Let her send an event, and wait until agents have it. Returns its id."""
        event = self.alice.send(self.room, kind, content)
        self._arrive()
        return event

    def write(self, text: str, **more: Any) -> str:
        return self.send({"msgtype": "m.text", "body": text, **more})

    def attach(self, name: str, msgtype: str, **more: Any) -> str:
        """Let her send a file of the corpus."""
        sent = CORPUS[name]
        content = sent.make()
        url = self.alice.upload(content, sent.mime, sent.name)
        info = {"mimetype": sent.mime, "size": len(content)}
        kind = more.pop("kind", "m.room.message")
        return self.send({"msgtype": msgtype, "body": sent.name, "url": url, "info": info, **more}, kind=kind)

    def take_back(self, event: str, **content: str) -> None:
        path = f"/rooms/{self.room}/redact/{event}/{secrets.token_hex(8)}"
        self.alice.call("PUT", path, json=content)
        self._arrive()

    def settle(self) -> None:
        self.relay.wait_for_webhooks()
        self.relay.settle()

    def _arrive(self) -> None:
        self.sent += 1

        def has_arrived() -> bool:
            self.settle()
            incoming = [one for one in self.relay.inbox() if one.get("direction") == "INCOMING"]
            return len(incoming) >= self.sent

        eventually(has_arrived, within=40)

    def thread(self) -> str:
        return str(self.relay.threads()[0]["id"])

    def sync(self, **params: str) -> Any:
        """What her client is told."""
        return self.alice.call("GET", "/sync", params={"timeout": "0", **params})

    def ephemeral(self, **params: str) -> list[Any]:
        """What her client is told of the room beside messages: who has read what, and who writes."""
        return list(self.sync(**params)["rooms"]["join"][self.room]["ephemeral"]["events"])


@pytest.fixture
def conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str) -> Iterator[Conversation]:
    require(Server.SYNAPSE)
    with relay_world(tmp_path, monkeypatch, migrated_sqlite_url, migrated=True) as relay:
        homeserver = ConnectedSynapse()
        homeserver.registration = _connect(relay, homeserver.url)
        with homeserver:
            yield Conversation(relay, homeserver)


def _connect(relay: RelayWorld, homeserver_url: str) -> str:
    relay.call("POST", "/_sim/channel-accounts", {"id": ACCOUNT, "name": "Matrix"})
    wanted = accounts.Wanted(
        connector="matrix",
        portal_id=int(seed.PORTAL_ID),
        channel_id=seed.CHANNEL_ID,
        hubspot_id=ACCOUNT,
        name="Matrix",
        credentials={"homeserver_url": homeserver_url, "server_name": SERVER_NAME},
    )
    added = accounts.add(relay.services, wanted, test=False, register=False)
    options.switch(relay.services, added.id, {"typing": True, "read_marks": True})
    assert added.registration is not None
    return added.registration


def test_matrix(conversation: Conversation) -> None:
    first = _customer_speaks(conversation)
    relay, thread = conversation.relay, conversation.thread()
    relay.services.errands.finish()
    assert _has_read(conversation, first)
    before = str(conversation.sync()["next_batch"])
    answer(relay, thread)
    relay.services.errands.finish()
    # The list is empty where five seconds have passed meanwhile; nobody else has written anything.
    assert "m.typing" in {one["type"] for one in conversation.ephemeral(since=before)}
    _customer_answers(conversation)
    conversation.settle()
    events = [one for one in conversation.alice.read(conversation.room) if "state_key" not in one]
    compare("matrix", agent=agent_lines(relay, thread), customer=_lines(events))
    _send_a_long_text(conversation)


def _has_read(conversation: Conversation, event: str) -> bool:
    """Tell whether a read mark of ours stands at this message or a later one."""
    events = [one["event_id"] for one in conversation.alice.read(conversation.room)]
    marks = [one["content"] for one in conversation.ephemeral() if one["type"] == "m.receipt"]
    read = [mark for each in marks for mark, seen in each.items() if BOT in seen.get("m.read", {})]
    return any(events.index(one) >= events.index(event) for one in read)


def _customer_speaks(conversation: Conversation) -> str:
    """Every kind that Matrix has. Returns the first event."""
    formatted = "<strong>Hello!</strong> Is my order on its way?<br><em>Dana</em>"
    html = {"format": "org.matrix.custom.html", "formatted_body": formatted}
    first = conversation.write("**Hello!** Is my order on its way?\n_Dana_", **html)
    conversation.attach("photo", "m.image", filename="garden.jpg", body="My garden")
    conversation.attach("PDF", "m.file")
    conversation.attach("voice note", "m.audio", **{"org.matrix.msc3245.voice": {}})
    conversation.attach("WebP", "", kind="m.sticker", body="a fox")
    conversation.attach("business card", "m.file")
    conversation.send({"msgtype": "m.location", "body": "Harbour", "geo_uri": "geo:53.5461,9.966;u=20"})
    conversation.send({"msgtype": "m.emote", "body": "waves"})
    question = {"m.text": [{"body": "Tea or coffee?"}], "answers": []}
    conversation.send({"body": "Tea or coffee?\n1. Tea\n2. Coffee", "m.poll": question}, "m.poll.start")
    conversation.send({"call_id": "1", "lifetime": 1, "version": "1", "offer": {}}, "m.call.invite")
    conversation.send({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}, "m.room.encrypted")
    conversation.send({"msgtype": "org.example.hologram", "body": "a hologram"})
    return first


def _customer_answers(conversation: Conversation) -> None:
    """A choice, a quotation, and what is about messages of before."""
    answers = [one for one in conversation.alice.read(conversation.room) if one["sender"] == BOT]
    ours = next(one["event_id"] for one in answers if one["content"].get("body") == "Yes, it left this morning.")
    conversation.write("2")
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": ours}}}
    number = conversation.write("Two chairs, please", **reply)
    new = {"msgtype": "m.text", "body": "Three chairs, please"}
    edit = {"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": number}}
    conversation.write("* Three chairs, please", **edit)
    annotation = {"rel_type": "m.annotation", "event_id": ours, "key": "👍"}
    reaction = conversation.send({"m.relates_to": annotation}, "m.reaction")
    conversation.take_back(reaction)
    mistaken = conversation.write("My card number is 1234")
    conversation.take_back(mistaken, reason="too private")
    relay, thread = conversation.relay, conversation.thread()
    [quoted] = [one["id"] for one in relay.inbox() if one["text"] == "Two chairs, please"]
    last = relay.reply(thread, "Three it is", inReplyTo=quoted)
    conversation.settle()
    [seen] = [one for one in conversation.alice.read(conversation.room) if one["content"].get("body") == "Three it is"]
    conversation.alice.call("POST", f"/rooms/{conversation.room}/receipt/m.read/{seen['event_id']}", json={})

    def is_read() -> bool:
        conversation.settle()
        return relay.status_of(last)[0] == "READ"

    eventually(is_read, within=40)


def _send_a_long_text(conversation: Conversation) -> None:
    """A text of 100,000 characters comes whole, in parts, with no character in pieces."""
    whole = long_texts.text()
    conversation.relay.reply(conversation.thread(), whole)
    conversation.settle()
    events = [one for one in conversation.alice.read(conversation.room) if one["sender"] == BOT]
    bodies = [one["content"]["body"] for one in events if one["type"] == "m.room.message"]
    parts = bodies[bodies.index("Three it is") + 1 :]
    assert [one for part in parts for one in long_texts.graphemes(part)] == long_texts.graphemes(whole)
    assert max(len(part.encode()) for part in parts) <= TEXT_LENGTH


def _lines(events: list[dict[str, Any]]) -> Iterator[str]:
    texts = {one["event_id"]: str(one["content"].get("body", "")) for one in events}
    for one in events:
        who = one["sender"].partition(":")[0].removeprefix("@")
        yield from entry(who, texts[one["event_id"]] or f"({one['type']})", _details(one, texts))


def _details(event: dict[str, Any], texts: dict[str, str]) -> Iterator[str]:
    content = event["content"]
    if "redacted_because" in event.get("unsigned", {}):
        yield "deleted"
    if content.get("formatted_body"):
        yield f"formatted {content['formatted_body']}"
    if "url" in content:
        info = content["info"]
        name = content.get("filename") or content["body"]
        yield file_line(name, info["mimetype"], info["size"], kind=content.get("msgtype", ""))
    if "geo_uri" in content:
        yield f"location {content['geo_uri']}"
    relation = content.get("m.relates_to", {})
    if "m.in_reply_to" in relation:
        yield quotation(texts.get(relation["m.in_reply_to"]["event_id"], ""))
    if "rel_type" in relation:
        word = " ".join(filter(None, [relation["rel_type"], relation.get("key")]))
        yield f"{word} of “{texts.get(relation['event_id'], '')}”"
