"""A conversation as people on either side see it, written as text that stays the same from run to run."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.app.relay.world import RelayWorld

#: Where the transcripts are kept that the tests compare with; ``UPDATE_GOLDEN=1`` writes them anew.
FOLDER = Path(__file__).parent / "transcripts"

#: Another release of an encoder makes another file of these; their sizes are not shown.
_ENCODED = frozenset({"audio/mpeg", "image/gif", "image/jpeg"})
_QUOTED = 40


def compare(name: str, *, agent: Iterable[str], customer: Iterable[str]) -> None:
    """Hold a conversation against its transcript."""
    parts = ["What the agent sees", *agent, "", "What the customer sees", *customer, ""]
    written = "\n".join(parts)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(written, encoding="utf-8")
    kept = path.read_text(encoding="utf-8")
    difference = list(difflib.unified_diff(kept.splitlines(), written.splitlines(), "kept", "now", n=1, lineterm=""))
    assert not difference, "\n".join(["UPDATE_GOLDEN=1 writes the transcript anew: read what changed", *difference])


def entry(who: str, text: str, details: Iterable[str]) -> Iterator[str]:
    """Yield one message: who wrote it, its lines, and below them what else it has."""
    first, *rest = (text or "(no text)").replace("\r", "").split("\n")
    yield ""
    yield f"{who}: {first}"
    yield from (f"    {line}" for line in rest)
    yield from (f"  - {line}" for line in details)


def file_line(name: str, mime: str, size: int, *, kind: str = "") -> str:
    """Describe a file."""
    return ", ".join(filter(None, [f"file {name}", kind, mime, "" if mime in _ENCODED else f"{size} bytes"]))


def quotation(text: str) -> str:
    """Describe a quoted message."""
    line = " ".join(text.split())
    return f"replies to “{line if len(line) <= _QUOTED else line[:_QUOTED] + '…'}”"


def agent_lines(relay: RelayWorld, thread: str) -> Iterator[str]:
    """Write what agents see of a thread, as it came, in HubSpot's own view of it."""
    lines = sorted(relay.agent_sees(thread), key=lambda one: int(one["arrival"]))
    messages = [one for one in lines if one["type"] == "MESSAGE"]
    texts = {one["id"]: one["text"] for one in messages}
    for one in messages:
        incoming = one["direction"] == "INCOMING"
        who = one["senders"][0].get("name") or one["senders"][0]["deliveryIdentifier"]["value"]
        yield from entry(who if incoming else f"{who} (we)", one["text"], _agent_details(one, texts))


def _agent_details(message: dict[str, Any], texts: dict[str, str]) -> Iterator[str]:
    if message.get("richText"):
        yield f"formatted {message['richText']}"
    if message.get("inReplyToId"):
        yield quotation(texts.get(message["inReplyToId"], "something that is not here"))
    yield from (_SHOWN[item["type"]](item) for item in message["attachments"])
    if message["direction"] != "INCOMING":
        yield " ".join(filter(None, [message["statusType"], message["failure"]]))


def customer_lines(bubbles: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Write what a customer sees of a conversation, in the bubbles of the simulated messengers."""
    texts = {one["id"]: one["text"] for one in bubbles}
    for one in bubbles:
        yield from entry(one["sender"], one["text"], _customer_details(one, texts))


def _customer_details(bubble: dict[str, Any], texts: dict[str, str]) -> Iterator[str]:
    units = bubble["text"].encode("utf-16-le")
    for style in bubble["entities"]:
        begin, end = 2 * style["offset"], 2 * (style["offset"] + style["length"])
        yield " ".join(filter(None, [style["type"], f"“{units[begin:end].decode('utf-16-le')}”", style["url"]]))
    yield from (file_line(one["name"], one["mime"], one["size"], kind=one["kind"]) for one in bubble["attachments"])
    if place := bubble["place"]:
        yield ", ".join(
            filter(None, [f"place {place['latitude']} {place['longitude']}", place["name"], place["address"]])
        )
    if card := bubble["card"]:
        yield ", ".join([f"card {card['name']}", *card["phones"], *card["emails"], *card["links"]])
    if bubble["choices"]:
        yield f"buttons {' | '.join(one['label'] for one in bubble['choices'])}"
    if bubble["reply_to"]:
        yield quotation(texts.get(bubble["reply_to"], "something that is not here"))
    yield from (f"reaction {one}" for one in bubble["reactions"])
    yield from (word for word in ("edited", "deleted") if bubble[word])
    if not bubble["mine"]:
        yield " ".join(filter(None, [bubble["status"], bubble["reason"]]))


def _file(item: dict[str, Any]) -> str:
    return file_line(item["name"], item["mime"], item["size"], kind=item["fileUsageType"])


def _location(item: dict[str, Any]) -> str:
    words = [item.get("name"), item.get("address"), item.get("url")]
    return ", ".join(filter(None, [f"location {item['latitude']} {item['longitude']}", *words]))


def _contact(item: dict[str, Any]) -> str:
    profile = item["contactProfile"]
    listed = [str(value) for one in ("phones", "emails", "urls") for each in profile[one] for value in each.values()]
    return ", ".join([f"contact {' '.join(profile['name'].values())}", *listed])


def _quick_replies(item: dict[str, Any]) -> str:
    return f"choices {' | '.join(one['label'] for one in item['quickReplies'])}"


_SHOWN: dict[str, Callable[[dict[str, Any]], str]] = {
    "FILE": _file,
    "LOCATION": _location,
    "CONTACT": _contact,
    "QUICK_REPLIES": _quick_replies,
}
