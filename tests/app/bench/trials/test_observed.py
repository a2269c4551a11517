from __future__ import annotations

from contextlib import closing

from app.bench import scene
from app.bench.trials.customers import said
from app.bench.trials.observed import Observed
from app.http import Http
from app.settings import Settings
from tests.app.bench.people import LOOPBACK


def test_calls_to_hubspot_are_written_down_and_others_are_not() -> None:
    observed = Observed(Settings(environment="test"))
    with observed.serving(), closing(Http(call_timeout=5.0)) as http:
        scene.ask(http, "POST", f"{observed.page}/_sim/seed", {"relayUrl": "http://127.0.0.1:9"})
        http.request("POST", f"{observed.page}/oauth/2026-03/token", data={"grant_type": "refresh_token"})
        http.request("GET", f"{observed.page}/conversations/v3/conversations/threads")
        http.request("GET", f"{observed.page}/loopback/v1/me")
    assert [(one.method, one.status, one.is_refresh) for one in observed.calls] == [
        ("POST", 400, True),
        ("GET", 401, False),
    ]
    assert observed.calls[0].at <= observed.calls[1].at


def test_customers_can_be_answered_once_they_are_known() -> None:
    observed = Observed(Settings(environment="test"))
    with observed.serving(), closing(Http(call_timeout=5.0)) as http:
        accounts = f"{observed.page}/_sim/loopback/accounts"
        scene.ask(http, "POST", accounts, {"token": LOOPBACK.token, "id": LOOPBACK.name})
        observed.open([said("dana"), said("kim"), said("dana", 1)])
        seen = scene.ask(http, "GET", f"{observed.page}/_sim/loopback/conversations")
    assert [one["conversation"] for one in seen] == ["dana", "kim"]
