from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.simulator.telegram.errors import TelegramError
from app.simulator.telegram.text import parse_html, units
from tests.app.simulator.messengers import Receiver, Simulator, eventually, running_receiver, running_simulator

TOKEN = "700001:AAF-simulated_token"
DANA = 5551
GROUP = -4002


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as running:
        running.post("telegram/bots", token=TOKEN, username="harbour_bot", name="Harbour")
        running.post("telegram/chats", bot=700001, chat_id=DANA, user={"id": DANA, "first_name": "Dana"})
        people = {"user": {"id": 61, "first_name": "Ann"}, "users": [{"id": 62, "first_name": "Ben"}]}
        running.post("telegram/chats", bot="harbour_bot", chat_id=GROUP, type="group", title="Crew", **people)
        yield running


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    with running_receiver() as running:
        assert call(simulator, "setWebhook", url=running.url, secret_token="hush")["result"] is True
        yield running


def call(simulator: Simulator, method: str, *, token: str = TOKEN, **parameters: Any) -> Any:
    return simulator.client.post(f"/telegram/bot{token}/{method}", json=parameters).json()


def say(simulator: Simulator, text: str, **more: Any) -> Any:
    return simulator.post("telegram/say", bot=700001, chat_id=more.pop("chat_id", DANA), text=text, **more)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer["ok"] is False
    return answer["error_code"], answer["description"]


def test_a_customers_message_arrives_with_the_secret(simulator: Simulator, receiver: Receiver) -> None:
    said = say(simulator, "/start now")
    hook = receiver.wait(1)[0]
    assert hook.headers["X-Telegram-Bot-Api-Secret-Token"] == "hush"
    assert hook.json["message"] == said
    assert said["chat"] == {"id": DANA, "type": "private", "first_name": "Dana"}
    assert said["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]


def test_updates_of_a_chat_keep_their_order_over_retries(simulator: Simulator, receiver: Receiver) -> None:
    receiver.answers += [500, 502]
    say(simulator, "one")
    say(simulator, "two")
    hooks = receiver.wait(4)
    assert [hook.json["message"]["text"] for hook in hooks] == ["one", "one", "one", "two"]
    assert hooks[0].json["update_id"] == hooks[1].json["update_id"] < hooks[3].json["update_id"]


def test_webhook_info_tells_what_waits_and_what_went_wrong(simulator: Simulator, receiver: Receiver) -> None:
    simulator.world.switch(webhook_time_scale=1000)
    receiver.answers += [500, 500]
    say(simulator, "one")

    def failed() -> Any:
        info = call(simulator, "getWebhookInfo")["result"]
        return info if "last_error_message" in info else None

    info = eventually(failed)
    assert info["pending_update_count"] == 1
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"


def test_only_allowed_updates_are_sent(simulator: Simulator, receiver: Receiver) -> None:
    call(simulator, "setWebhook", url=receiver.url, allowed_updates=["my_chat_member"])
    say(simulator, "unheard")
    simulator.post("telegram/block", bot=700001, chat_id=DANA)
    update = receiver.wait(1)[0].json
    assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert update["my_chat_member"]["old_chat_member"]["status"] == "member"


def test_polling_and_webhook_exclude_each_other(simulator: Simulator, receiver: Receiver) -> None:
    assert call(simulator, "getUpdates")["error_code"] == 409
    call(simulator, "deleteWebhook")
    say(simulator, "one")
    say(simulator, "two")
    updates = call(simulator, "getUpdates", timeout=1)["result"]
    assert [update["message"]["text"] for update in updates] == ["one", "two"]
    assert call(simulator, "getUpdates", offset=updates[1]["update_id"])["result"] == updates[1:]
    assert not receiver.hooks


def test_waiting_updates_follow_to_a_new_webhook(simulator: Simulator) -> None:
    say(simulator, "dropped")
    with running_receiver() as receiver:
        call(simulator, "setWebhook", url=receiver.url, drop_pending_updates=True)
        call(simulator, "deleteWebhook")
        say(simulator, "kept")
        call(simulator, "setWebhook", url=receiver.url)
        assert receiver.wait(1)[0].json["message"]["text"] == "kept"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"url": "ftp://x"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://x", "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": "https://x", "max_connections": 101}, "max_connections must be between 1 and 100"),
    ],
    ids=["scheme", "secret", "connections"],
)
def test_webhook_refusals(simulator: Simulator, parameters: dict[str, Any], reason: str) -> None:
    assert refusal(call(simulator, "setWebhook", **parameters)) == (400, f"Bad Request: {reason}")


@pytest.mark.parametrize("form", ["json", "form", "query", "multipart"])
def test_every_form_of_parameters_is_understood(simulator: Simulator, form: str) -> None:
    address = f"/telegram/bot{TOKEN}/sendmessage"
    said = say(simulator, "question")
    reply = {"message_id": said["message_id"]}
    values = {"chat_id": str(DANA), "text": "answer", "reply_parameters": json.dumps(reply)}
    match form:
        case "json":
            answer = simulator.client.post(address, json={**values, "reply_parameters": reply})
        case "form":
            answer = simulator.client.post(address, data=values)
        case "query":
            answer = simulator.client.get(address, params=values)
        case _:
            files = {name: (None, value) for name, value in values.items()}
            answer = simulator.client.post(address, files=files)
    result = answer.json()["result"]
    assert (result["text"], result["reply_to_message"]["text"]) == ("answer", "question")
    assert result["from"]["is_bot"] is True


@pytest.mark.parametrize(
    ("parameters", "code", "description"),
    [
        ({"chat_id": 1, "text": "x"}, 400, "Bad Request: chat not found"),
        ({"text": "x"}, 400, "Bad Request: chat_id is empty"),
        ({"chat_id": DANA, "text": " "}, 400, "Bad Request: message text is empty"),
        ({"chat_id": DANA, "text": "\N{GRINNING FACE}" * 2049}, 400, "Bad Request: message is too long"),
        (
            {"chat_id": DANA, "text": "x", "reply_parameters": {"message_id": 99}},
            400,
            "Bad Request: message to be replied not found",
        ),
        ({"chat_id": DANA, "text": "x", "parse_mode": "Fancy"}, 400, "Bad Request: unsupported parse_mode"),
    ],
    ids=["unknown", "missing", "empty", "long", "reply", "mode"],
)
def test_sending_refusals(simulator: Simulator, parameters: dict[str, Any], code: int, description: str) -> None:
    assert refusal(call(simulator, "sendMessage", **parameters)) == (code, description)


def test_the_limit_counts_after_parsing(simulator: Simulator) -> None:
    text = "<b>" + "\N{GRINNING FACE}" * 2048 + "</b>"
    sent = call(simulator, "sendMessage", chat_id=DANA, text=text, parse_mode="HTML")["result"]
    assert sent["entities"] == [{"type": "bold", "offset": 0, "length": 4096}]


def test_a_missing_quote_can_be_allowed(simulator: Simulator) -> None:
    quote = {"message_id": 99, "allow_sending_without_reply": True}
    sent = call(simulator, "sendMessage", chat_id=DANA, text="x", reply_parameters=quote)["result"]
    assert "reply_to_message" not in sent


@pytest.mark.parametrize(
    ("state", "chat_id", "description"),
    [
        ("blocked", DANA, "Forbidden: bot was blocked by the user"),
        ("deactivated", DANA, "Forbidden: user is deactivated"),
        ("unstarted", DANA, "Forbidden: bot can't initiate conversation with a user"),
        ("kicked", GROUP, "Forbidden: bot was kicked from the group chat"),
    ],
)
def test_chats_that_refuse(simulator: Simulator, state: str, chat_id: int, description: str) -> None:
    simulator.post("telegram/chat-state", bot=700001, chat_id=chat_id, state=state)
    assert refusal(call(simulator, "sendMessage", chat_id=chat_id, text="x")) == (403, description)


def test_a_moved_group_names_its_new_id(simulator: Simulator) -> None:
    simulator.post("telegram/chat-state", bot=700001, chat_id=GROUP, state="migrated", migrate_to=-1009)
    answer = call(simulator, "sendMessage", chat_id=GROUP, text="x")
    assert answer["parameters"] == {"migrate_to_chat_id": -1009}
    assert refusal(answer) == (400, "Bad Request: group chat was upgraded to a supergroup chat")


def test_unblocking_is_reported_and_opens_the_chat(simulator: Simulator, receiver: Receiver) -> None:
    simulator.post("telegram/block", bot=700001, chat_id=DANA)
    simulator.post("telegram/unblock", bot=700001, chat_id=DANA)
    statuses = [hook.json["my_chat_member"]["new_chat_member"]["status"] for hook in receiver.wait(2)]
    assert statuses == ["kicked", "member"]
    assert call(simulator, "sendMessage", chat_id=DANA, text="x")["ok"] is True


def test_tokens(simulator: Simulator) -> None:
    assert refusal(call(simulator, "getMe", token="nonsense")) == (404, "Not Found")
    assert refusal(call(simulator, "getMe", token="1:unknown")) == (401, "Unauthorized")
    assert refusal(call(simulator, "fly")) == (404, "Not Found: method not found")
    simulator.post("telegram/bots/700001/revoke")
    assert refusal(call(simulator, "getMe")) == (401, "Unauthorized")


def test_flood_limits_when_asked_for(simulator: Simulator) -> None:
    simulator.post("telegram/bots", token="9:x", username="busy", limits=True)
    for chat_id in (1, 2):
        simulator.post("telegram/chats", bot="busy", chat_id=chat_id)
    simulator.post("telegram/chats", bot="busy", chat_id=-3, type="group", title="Crew")
    assert call(simulator, "sendMessage", token="9:x", chat_id=1, text="x")["ok"] is True
    answer = simulator.client.post("/telegram/bot9:x/sendMessage", json={"chat_id": 1, "text": "x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["parameters"] == {"retry_after": 1}
    # The whole bot has to be silent now.
    assert call(simulator, "sendMessage", token="9:x", chat_id=2, text="x")["error_code"] == 429
    simulator.world.advance(1.1)
    for _ in range(20):
        assert call(simulator, "sendMessage", token="9:x", chat_id=-3, text="x")["ok"] is True
    assert call(simulator, "sendMessage", token="9:x", chat_id=-3, text="x")["error_code"] == 429


@pytest.mark.parametrize("kind", ["photo", "document", "voice", "sticker"])
def test_files_can_be_fetched(simulator: Simulator, receiver: Receiver, kind: str) -> None:
    simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind=kind, base64="Ynl0ZXM=", caption="look")
    message = receiver.wait(1)[0].json["message"]
    file = message[kind][-1] if kind == "photo" else message[kind]
    found = call(simulator, "getFile", file_id=file["file_id"])["result"]
    assert found["file_size"] == 5
    fetched = simulator.client.get(f"/telegram/file/bot{TOKEN}/{found['file_path']}")
    assert (fetched.status_code, fetched.content) == (200, b"bytes")
    shown = simulator.get(f"telegram/chats/700001/{DANA}/messages")[0]["attachments"][0]
    assert simulator.client.get(shown["url"]).content == b"bytes"


def test_files_that_cannot_be_fetched(simulator: Simulator) -> None:
    sent = simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind="document", size=(20 << 20) + 1)
    answer = call(simulator, "getFile", file_id=sent["document"]["file_id"])
    assert refusal(answer) == (400, "Bad Request: file is too big")
    assert call(simulator, "getFile", file_id="nope")["error_code"] == 400
    assert simulator.client.get(f"/telegram/file/bot{TOKEN}/nope").status_code == 404


def test_uploads(simulator: Simulator) -> None:
    address = f"/telegram/bot{TOKEN}/sendDocument"
    files = {"document": ("a.txt", b"text", "text/plain")}
    sent = simulator.client.post(address, data={"chat_id": DANA, "caption": "c"}, files=files).json()["result"]
    assert (sent["document"]["file_name"], sent["document"]["file_size"], sent["caption"]) == ("a.txt", 4, "c")
    again = call(simulator, "sendDocument", chat_id=DANA, document=sent["document"]["file_id"])
    assert again["result"]["document"]["file_size"] == 4
    wrong = call(simulator, "sendPhoto", chat_id=DANA, photo="https://example.com/a.jpg")
    assert refusal(wrong) == (400, "Bad Request: failed to get HTTP URL content")


@pytest.mark.parametrize(
    ("kind", "shown", "value"),
    [
        ("location", "place", {"latitude": 48.2082, "longitude": 16.3738, "name": "", "address": ""}),
        ("contact", "card", {"name": "Alex", "organisation": "", "phones": ["+431234567"], "emails": [], "links": []}),
        ("poll", "text", "📊 Tea or coffee?\n○ Tea\n○ Coffee"),
    ],
)
def test_the_page_shows_other_kinds(
    simulator: Simulator, receiver: Receiver, *, kind: str, shown: str, value: object
) -> None:
    simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind=kind)
    assert kind in receiver.wait(1)[0].json["message"]
    assert simulator.get(f"telegram/chats/700001/{DANA}/messages")[0][shown] == value


def test_reactions_are_told_to_bots_that_ask_and_deletions_to_nobody(simulator: Simulator, receiver: Receiver) -> None:
    said = say(simulator, "Hello")["message_id"]
    where = {"bot": 700001, "chat_id": DANA, "message_id": said}
    for emoji in ("👍", "❤", ""):
        simulator.post("telegram/send-kind", **where, kind="message_reaction", emoji=emoji)
    eventually(lambda: call(simulator, "getWebhookInfo")["result"]["pending_update_count"] == 0)
    call(simulator, "setWebhook", url=receiver.url, allowed_updates=["message", "message_reaction"])
    simulator.post("telegram/send-kind", **where, kind="message_reaction", emoji="🎉")
    update = receiver.wait(2)[1].json["message_reaction"]
    assert (update["message_id"], update["user"]["id"]) == (said, DANA)
    assert (update["old_reaction"], update["new_reaction"]) == ([], [{"type": "emoji", "emoji": "🎉"}])
    chat = f"telegram/chats/700001/{DANA}/messages"
    assert simulator.get(chat)[0]["reactions"] == ["🎉"]
    simulator.post("telegram/send-kind", **where, kind="deletion")
    assert simulator.get(chat) == []
    say(simulator, "the last")
    assert receiver.wait(3)[2].json["message"]["text"] == "the last"


def test_the_page_shows_formatting_and_buttons(simulator: Simulator) -> None:
    keyboard = [[{"text": "Yes", "callback_data": "1"}, {"text": "Map", "url": "https://example.com"}]]
    text = "<b>Shall we?</b>"
    call(
        simulator, "sendMessage", chat_id=DANA, text=text, parse_mode="HTML", reply_markup={"inline_keyboard": keyboard}
    )
    shown = simulator.get(f"telegram/chats/700001/{DANA}/messages")[0]
    assert shown["entities"] == [{"type": "bold", "offset": 0, "length": 9, "url": ""}]
    assert [(one["label"], one["data"], one["url"]) for one in shown["choices"]] == [
        ("Yes", "1", ""),
        ("Map", "", "https://example.com"),
    ]


def test_edits_and_buttons(simulator: Simulator, receiver: Receiver) -> None:
    said = say(simulator, "helo")["message_id"]
    where = {"bot": 700001, "chat_id": DANA, "message_id": said}
    simulator.post("telegram/send-kind", **where, kind="edited_message", text="hello")
    simulator.post("telegram/send-kind", **where, kind="callback_query", data="yes")
    _, edited, pressed = receiver.wait(3)
    assert edited.json["edited_message"]["text"] == "hello"
    assert edited.json["edited_message"]["edit_date"] >= edited.json["edited_message"]["date"]
    query = pressed.json["callback_query"]["id"]
    assert call(simulator, "answerCallbackQuery", callback_query_id=query)["result"] is True
    assert call(simulator, "answerCallbackQuery", callback_query_id=query)["error_code"] == 400
    shown = simulator.get(f"telegram/chats/700001/{DANA}/messages")
    assert (shown[0]["text"], shown[0]["edited"]) == ("hello", True)


def test_raw_updates_go_out_as_given(simulator: Simulator, receiver: Receiver) -> None:
    simulator.post("telegram/send-kind", bot=700001, chat_id=DANA, kind="raw", update={"update_id": 5, "novelty": {}})
    assert receiver.wait(1)[0].json == {"update_id": 5, "novelty": {}}


def test_group_members_speak_for_themselves(simulator: Simulator, receiver: Receiver) -> None:
    say(simulator, "hi", chat_id=GROUP, user=62)
    message = receiver.wait(1)[0].json["message"]
    assert (message["from"]["first_name"], message["chat"]["title"]) == ("Ben", "Crew")


def test_faults_have_telegrams_shape(simulator: Simulator) -> None:
    fault = Fault(kind=FaultKind.STATUS, status=429, retry_after=7)
    simulator.world.faults.add(FaultRule(api=Api.TELEGRAM, times=1, fault=fault))
    answer = simulator.client.get(f"/telegram/bot{TOKEN}/getMe")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert refusal(answer.json()) == (429, "Too Many Requests: retry after 7")


def test_a_lost_answer_keeps_the_message(simulator: Simulator) -> None:
    simulator.world.faults.add(FaultRule(api=Api.TELEGRAM, times=1, fault=Fault(kind=FaultKind.RESET_AFTER)))
    with pytest.raises(httpx.TransportError):
        call(simulator, "sendMessage", chat_id=DANA, text="once")
    assert simulator.get(f"telegram/chats/700001/{DANA}/messages")[0]["text"] == "once"


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a &lt; b", "a < b", []),
        ("<b>x</b>", "x", [("bold", 0, 1)]),
        ("\N{GRINNING FACE}<i>x<u>y</u></i>", "\N{GRINNING FACE}xy", [("italic", 2, 2), ("underline", 3, 1)]),
        ('<a href="https://e.org/?a&amp;b">x</a>', "x", [("text_link", 0, 1)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("code", 0, 1), ("pre", 0, 1)]),
    ],
)
def test_html(source: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    plain, found = parse_html(source)
    assert plain == text
    assert [(one["type"], one["offset"], one["length"]) for one in found] == entities


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("é<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 2'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ],
)
def test_broken_html(source: str, reason: str) -> None:
    with pytest.raises(TelegramError) as refused:
        parse_html(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {reason}"


def test_units_are_those_of_utf_16() -> None:
    assert units("a\N{GRINNING FACE}") == 3


def test_many_customers_write_at_once_in_the_order_given(simulator: Simulator, receiver: Receiver) -> None:
    words = [{"bot": 700001, "chat_id": DANA, "text": str(number)} for number in range(3)]
    answer = simulator.client.post("/_sim/telegram/say-all", json=words)
    texts = [(str(hook.json["message"]["message_id"]), hook.json["message"]["text"]) for hook in receiver.wait(3)]
    assert texts == list(zip([one["id"] for one in answer.json()], ["0", "1", "2"], strict=True))
