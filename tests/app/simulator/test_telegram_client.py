"""An independent client, python-telegram-bot, against the simulated Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import telegram
from telegram.constants import ChatMemberStatus
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter

from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.telegram.customers import PIXEL, Kind
from tests.app.simulator.messengers import Receiver, Simulator, running_receiver, running_simulator

TOKEN = "700001:AAF-simulated_token"
DANA = 5551

T = TypeVar("T")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        running.post("telegram/bots", token=TOKEN, username="harbour_bot", name="Harbour")
        running.post("telegram/chats", bot=700001, chat_id=DANA, user={"id": DANA, "first_name": "Dana"})
        yield running


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    with running_receiver() as running:
        ask(simulator, lambda bot: bot.set_webhook(running.url, secret_token="hush", max_connections=5))
        yield running


def ask(simulator: Simulator, use: Callable[[telegram.Bot], Awaitable[T]], *, token: str = TOKEN) -> T:
    """Run one coroutine of a bot that is connected to the simulator."""

    async def run() -> T:
        base = f"{simulator.url}/telegram"
        async with telegram.Bot(token, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot") as bot:
            return await use(bot)

    return asyncio.run(run())


def test_it_introduces_itself(simulator: Simulator) -> None:
    me = ask(simulator, lambda bot: bot.get_me())
    assert (me.id, me.is_bot, me.username, me.first_name) == (700001, True, "harbour_bot", "Harbour")


def test_webhook_is_set_described_and_deleted(simulator: Simulator, receiver: Receiver) -> None:
    info = ask(simulator, lambda bot: bot.get_webhook_info())
    assert (info.url, info.max_connections, info.pending_update_count) == (receiver.url, 5, 0)
    assert ask(simulator, lambda bot: bot.delete_webhook())
    assert ask(simulator, lambda bot: bot.get_webhook_info()).url == ""


def test_sending_with_a_quote_and_markup(simulator: Simulator) -> None:
    said = simulator.post("telegram/say", bot=700001, chat_id=DANA, text="question")["message_id"]
    sent = ask(simulator, lambda bot: bot.send_message(DANA, "<b>yes</b>", parse_mode="HTML", reply_to_message_id=said))
    assert sent.text_html == "<b>yes</b>"
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "question"


def test_files_both_ways(simulator: Simulator, receiver: Receiver) -> None:
    simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind="photo", base64="Ynl0ZXM=")
    update = read(receiver.wait(1)[0].json)
    assert update.message is not None
    picture = update.message.photo[-1].file_id

    async def fetch(bot: telegram.Bot) -> bytes:
        return bytes(await (await bot.get_file(picture)).download_as_bytearray())

    assert ask(simulator, fetch) == b"bytes"
    sent = ask(simulator, lambda bot: bot.send_photo(DANA, PIXEL, caption="here"))
    assert (sent.photo[-1].file_size, sent.caption) == (len(PIXEL), "here")
    document = ask(simulator, lambda bot: bot.send_document(DANA, b"text", filename="a.txt")).document
    assert document is not None
    assert document.file_name == "a.txt"


def test_the_chat_is_described(simulator: Simulator) -> None:
    chat = ask(simulator, lambda bot: bot.get_chat(DANA))
    assert (chat.type, chat.first_name) == ("private", "Dana")
    assert ask(simulator, lambda bot: bot.send_chat_action(DANA, "typing"))


def test_polling(simulator: Simulator) -> None:
    simulator.post("telegram/say", bot=700001, chat_id=DANA, text="hello")
    update = ask(simulator, lambda bot: bot.get_updates())[0]
    assert update.message is not None
    assert update.message.text == "hello"


def test_refusals_become_its_exceptions(simulator: Simulator) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        ask(simulator, lambda bot: bot.send_message(1, "x"))
    simulator.post("telegram/block", bot=700001, chat_id=DANA)
    with pytest.raises(Forbidden, match="blocked by the user"):
        ask(simulator, lambda bot: bot.send_message(DANA, "x"))
    simulator.post("telegram/bots/700001/revoke")
    with pytest.raises(InvalidToken):
        ask(simulator, lambda bot: bot.get_me())


def test_a_moved_chat_names_its_new_id(simulator: Simulator) -> None:
    simulator.post("telegram/chats", bot=700001, chat_id=-5, type="group", title="Crew")
    simulator.post("telegram/chat-state", bot=700001, chat_id=-5, state="migrated", migrate_to=-1009)
    with pytest.raises(ChatMigrated) as moved:
        ask(simulator, lambda bot: bot.send_message(-5, "x"))
    assert moved.value.new_chat_id == -1009


def test_too_many_requests(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    fault = Fault(kind=FaultKind.STATUS, status=429, retry_after=3)
    simulator.world.faults.add(FaultRule(api=Api.TELEGRAM, path="sendMessage", fault=fault))
    with pytest.raises(RetryAfter) as limited:
        ask(simulator, lambda bot: bot.send_message(DANA, "x"))
    assert limited.value.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize("kind", [*Kind])
def test_it_reads_every_kind_of_message(simulator: Simulator, receiver: Receiver, kind: str) -> None:
    simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind=kind)
    update = read(receiver.wait(1)[0].json)
    assert update.message is not None
    assert update.message.effective_attachment


def test_it_reads_the_other_updates(simulator: Simulator, receiver: Receiver) -> None:
    where = {"bot": 700001, "chat_id": DANA}
    said = simulator.post("telegram/say", **where, text="helo")["message_id"]
    simulator.post("telegram/say", **where, text="again", reply_to=said)
    simulator.post("telegram/send-kind", **where, kind="edited_message", message_id=said, text="hello")
    simulator.post("telegram/send-kind", **where, kind="callback_query", message_id=said, data="yes")
    simulator.post("telegram/block", **where)
    _, reply, edited, pressed, blocked = (read(hook.json) for hook in receiver.wait(5))
    assert reply.message is not None
    assert reply.message.reply_to_message is not None
    assert edited.edited_message is not None
    assert edited.edited_message.text == "hello"
    assert pressed.callback_query is not None
    assert pressed.callback_query.data == "yes"
    assert blocked.my_chat_member is not None
    assert blocked.my_chat_member.new_chat_member.status == ChatMemberStatus.BANNED


def read(update: dict[str, Any]) -> telegram.Update:
    """The update as the client understands it; nothing in it may be unknown to it."""
    parsed = telegram.Update.de_json(update, None)
    assert parsed is not None
    assert not parsed.api_kwargs
    if parsed.effective_message is not None:
        assert not parsed.effective_message.api_kwargs
    return parsed
