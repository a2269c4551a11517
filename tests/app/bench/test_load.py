from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from app.bench import scene
from app.bench.load import Conversation, Line, Pace, Side, Words, read
from app.bench.scene import SceneError
from app.http import Http
from tests.app.bench.people import TELEGRAM, loaded, opened_thread, running_page


@pytest.fixture
def page() -> Iterator[str]:
    with running_page() as found:
        yield found


def line(conversation: str, number: int, *, side: Side = Side.CUSTOMER, at: float = 0.0) -> Line:
    words = Words(conversation, side, number)
    return Line(at, words, f"{words} apple")


def seen(page: str, one: Conversation) -> list[Any]:
    place = f"loopback/conversations/{one.place}/messages?account=shop"
    if one.account is TELEGRAM:
        place = f"telegram/chats/{TELEGRAM.name}/{one.place}/messages"
    with closing(Http(call_timeout=5.0)) as http:
        return list(scene.ask(http, "GET", f"{page}/_sim/{place}"))


@pytest.mark.parametrize("words", [Words("hot-1", Side.CUSTOMER, 12), Words("telegram-3", Side.AGENT, 0)])
def test_words_are_read_from_the_text_that_they_are_in(words: Words) -> None:
    assert read(f"{words} apple birch") == words
    assert read(str(words)) == words


@pytest.mark.parametrize("text", ["", "Hello", "hot-1 customer", "hot-1 customer twelve", "hot-1 nobody 12"])
def test_other_texts_are_nobodys_words(text: str) -> None:
    assert read(text) is None


def test_every_line_is_written_once_in_order_and_never_two_of_a_conversation_in_one_millisecond(page: str) -> None:
    load = loaded(page)
    lines = [line(one.name, number) for number in range(1, 6) for one in load.conversations]
    load.write(lines)
    for one in load.conversations:
        found = seen(page, one)
        assert [read(each["text"]) for each in found] == [Words(one.name, Side.CUSTOMER, n) for n in range(1, 6)]
        assert [load.taken[Words(one.name, Side.CUSTOMER, n)] for n in range(1, 6)] == [each["id"] for each in found]
    times = [each["time"] for each in seen(page, load.conversations[0])]
    assert len(set(times)) == 5


def test_a_line_is_not_written_before_its_time(page: str) -> None:
    load = loaded(page)
    began = time.time()
    load.write([line("hot-1", 2, at=0.3), line("hot-1", 1)])
    first, second = seen(page, load.conversations[0])
    assert [first["text"], second["text"]] == ["hot-1 customer 1 apple", "hot-1 customer 2 apple"]
    assert second["time"] / 1000 - began >= 0.3


def test_nobody_writes_while_the_plans_time_stands_still_nor_when_it_is_over(page: str) -> None:
    load, pace = loaded(page), Pace()
    pace.let(on=False)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(load.write, [line("hot-1", 1, at=0.05)], pace=pace)
        pace.end()
        writing.result(10)
    assert load.taken == {}
    pace = Pace()
    pace.let(on=False)
    pace.let(on=True)
    load.write([line("hot-1", 1)], pace=pace)
    assert len(load.taken) == 1


def test_the_plans_time_stands_still_and_goes_on_from_there() -> None:
    pace = Pace()
    assert pace.wait_until(0.05)
    pace.let(on=False)
    stood = pace.now
    assert stood >= 0.05
    assert pace.now == stood
    pace.let(on=False)
    assert pace.now == stood
    pace.let(on=True)
    assert pace.wait_until(stood + 0.01)
    pace.let(on=True)
    assert pace.now >= stood + 0.01
    pace.end()
    assert not pace.wait_until(0.0)


def test_agents_answer_in_the_thread_of_the_conversation(page: str) -> None:
    load = loaded(page)
    thread = opened_thread(page, "hot-1")
    load.threads["hot-1"] = thread
    load.write([line("hot-1", number, side=Side.AGENT) for number in (1, 2)])
    with closing(Http(call_timeout=5.0)) as http:
        found = scene.ask(http, "GET", f"{page}/_sim/threads/{thread}/messages")
    answers = [one for one in found if one["direction"] == "OUTGOING"]
    assert {str(read(one["text"])): one["id"] for one in answers} == {
        str(words): message_id for words, message_id in load.taken.items()
    }


def test_a_refusal_of_the_simulator_is_told(page: str) -> None:
    load = loaded(page)
    load.threads["hot-1"] = "999"
    with pytest.raises(SceneError, match="does not exist"):
        load.write([line("hot-1", 1, side=Side.AGENT)])
