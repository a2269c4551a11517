"""One conversation through the real processes: text both ways, a picture, a receipt, a failure."""

from __future__ import annotations

import base64
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from app.cli.playground import Demo, post
from app.http import Http

#: Each step has to arrive within this time (seconds).
_PATIENCE = 20.0
_ACCOUNT, _CONVERSATION = "demo", "smoke"


class _NotArrivedError(Exception):
    """A step did not arrive in time."""


@dataclass
class _Stage:
    """Both sides of the conversation, as people see them."""

    http: Http
    page: str
    hubspot_account: str

    def get(self, path: str) -> Any:
        return self.http.request("GET", self.page + path).json()

    def say(self, text: str, **more: object) -> Any:
        body = {"account": _ACCOUNT, "conversation": _CONVERSATION, "name": "Dana Roe", "text": text, **more}
        return post(self.http, f"{self.page}/_sim/loopback/say", body)

    def customer(self, action: str) -> None:
        place = {"account": _ACCOUNT, "conversation": _CONVERSATION}
        post(self.http, f"{self.page}/_sim/loopback/{action}", place)

    def seen_by_customer(self) -> list[Any]:
        found: list[Any] = self.get(f"/_sim/loopback/conversations/{_CONVERSATION}/messages?account={_ACCOUNT}")
        return found

    def thread(self) -> str | None:
        mine = [one["id"] for one in self.get("/_sim/threads") if one["accountId"] == self.hubspot_account]
        return mine[-1] if mine else None

    def seen_by_agent(self) -> list[Any]:
        thread = self.thread()
        found: list[Any] = self.get(f"/_sim/threads/{thread}/messages") if thread else []
        return found

    def reply(self, text: str) -> str:
        answer = post(self.http, f"{self.page}/_sim/threads/{self.thread()}/reply", {"text": text})
        return str(answer["id"])

    def status_of(self, message_id: str) -> tuple[str, str]:
        for one in self.seen_by_agent():
            if one["id"] == message_id:
                return one["statusType"], one["failure"] or ""
        return "", ""


def converse(demo: Demo) -> bool:
    """Run the conversation and print each step with its time. Returns True when all of it arrived."""
    http = Http(call_timeout=10.0)
    with demo.services.database.read() as connection:
        from app.storage import accounts  # noqa: PLC0415 - only here

        row = accounts.get(connection, demo.accounts["loopback"])
    stage = _Stage(http, demo.page, row.hubspot_id if row else "")
    steps: tuple[tuple[str, Callable[[_Stage], None]], ...] = (
        ("a customer's text arrives in the inbox", _text_in),
        ("an agent's answer arrives at the customer and is told as SENT", _text_out),
        ("a picture arrives, byte for byte", _picture),
        ("reading the answer is told as READ", _receipt),
        ("a blocked answer is told as FAILED, with its sentence", _failure),
    )
    try:
        return all(_run(stage, title, step) for title, step in steps)
    finally:
        http.close()


def _run(stage: _Stage, title: str, step: Callable[[_Stage], None]) -> bool:
    started = time.monotonic()
    try:
        step(stage)
    except _NotArrivedError as error:
        click.echo(f"FAILED  {title}: {error}", err=True)
        return False
    click.echo(f"ok      {title}  ({(time.monotonic() - started) * 1000:.0f} ms)")
    return True


def _text_in(stage: _Stage) -> None:
    stage.say("Is my order on its way? 📦")
    _wait(lambda: any(one["text"] == "Is my order on its way? 📦" for one in stage.seen_by_agent()))


def _text_out(stage: _Stage) -> None:
    sent = stage.reply("Yes, it left this morning.")
    _wait(lambda: any(one["text"] == "Yes, it left this morning." for one in stage.seen_by_customer()))
    _wait(lambda: stage.status_of(sent)[0] in {"SENT", "READ"} and _patched(stage, sent))


def _picture(stage: _Stage) -> None:
    picture = small_png()
    upload = {"name": "parcel.png", "mime": "image/png", "base64": base64.b64encode(picture).decode()}
    stage.say("This one", attachments=[upload])

    def arrived() -> bool:
        found = [item for one in stage.seen_by_agent() for item in one["attachments"] if "viewUrl" in item]
        return any(stage.http.request("GET", stage.page + item["viewUrl"]).body == picture for item in found)

    _wait(arrived)


def _receipt(stage: _Stage) -> None:
    stage.customer("read")
    answers = [one["id"] for one in stage.seen_by_agent() if one["direction"] == "OUTGOING"]
    _wait(lambda: stage.status_of(answers[-1])[0] == "READ")


def _failure(stage: _Stage) -> None:
    stage.customer("block")
    sent = stage.reply("Are you still there?")
    _wait(lambda: stage.status_of(sent)[0] == "FAILED" and len(stage.status_of(sent)[1]) > 0)
    click.echo(f"        the agent reads: {stage.status_of(sent)[1]}")


def _patched(stage: _Stage, message_id: str) -> bool:
    """Tell whether the relay reported a status: HubSpot shows SENT before anybody did."""
    return any(one["id"] == message_id and one["statusPatches"] for one in stage.seen_by_agent())


def _wait(arrived: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if arrived():
            return
        time.sleep(0.02)
    raise _NotArrivedError(f"not within {_PATIENCE:.0f} s")


def small_png(side: int = 16) -> bytes:
    """Return a small picture: a gradient of ``side`` by ``side`` pixels."""
    rows = b"".join(
        b"\x00" + bytes(value for x in range(side) for value in (x * 15 % 256, y * 15 % 256, 160)) for y in range(side)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
