"""Traps of HubSpot's API that only a whole relay meets; ``tests/test_pitfalls.py`` has the list."""

from __future__ import annotations

from tests.app.relay.world import RelayWorld


def test_pitfall_09_nothing_is_ever_posted_to_a_thread_of_the_conversations_api(light_relay: RelayWorld) -> None:
    light_relay.answered()
    light_relay.say("Thank you!")
    light_relay.settle()
    posts = [one["path"] for one in light_relay.world.calls.list() if one["method"] == "POST"]
    published = [path for path in posts if path.endswith("/messages") and "/custom-channels/" in path]
    assert len(published) == 2
    assert [path for path in posts if "/threads" in path] == []
