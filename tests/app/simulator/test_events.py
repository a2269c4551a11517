from __future__ import annotations

import itertools
import threading

from app.simulator.events import REPLAY, Events


def test_ids_grow_and_the_log_forgets() -> None:
    events = Events()
    for number in range(REPLAY + 5):
        events.publish("tick", {"n": number})
    kept = events.since(0)
    assert [event.id for event in kept] == list(range(6, REPLAY + 6))
    assert events.since(REPLAY + 4)[0].data == {"n": REPLAY + 4}


def test_a_reader_replays_what_it_missed() -> None:
    events = Events()
    for number in range(3):
        events.publish("tick", {"n": number})
    chunks = list(itertools.islice(events.subscribe(1), 3))
    assert chunks[1:] == ['id: 2\nevent: tick\ndata: {"n":1}\n\n', 'id: 3\nevent: tick\ndata: {"n":2}\n\n']


def test_a_new_reader_starts_now_and_hears_a_heartbeat() -> None:
    events = Events()
    events.publish("old", {})
    stream = events.subscribe(heartbeat=0.01)
    assert next(stream).startswith("retry:")
    assert next(stream).startswith(":")
    events.publish("new", {})
    assert "event: new" in next(stream)


def test_a_waiting_reader_is_woken_and_released() -> None:
    events = Events()
    heard: list[str] = []
    stream = events.subscribe(heartbeat=60)
    reader = threading.Thread(target=lambda: heard.extend(stream))
    reader.start()
    events.publish("a", {})
    events.close()
    reader.join(timeout=5)
    assert not reader.is_alive()
