from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs

import pytest

from app.errors import HubSpotUnavailable, RateLimited, RelayError, Transient, Unauthorized
from app.http import Http
from app.hubspot import oauth
from app.hubspot.oauth import SCOPES, Tokens, missing_scopes
from app.simulator import seed
from app.simulator.faults import FaultKind
from tests.app.hubspot.conftest import PORTAL, Scene, settings
from tests.app.hubspot.scripted import Reply, Scripted

GRANTED = {"access_token": "access", "refresh_token": "refresh-2", "expires_in": 1800, "hub_id": 7}


def refresh(http: Http, *replies: Reply) -> tuple[Tokens, Scripted]:
    with Scripted(*replies) as server:
        return oauth.refresh(settings(server.url, hubspot_oauth_version="2026-03"), http, "refresh-1"), server


def granted(**changes: Any) -> Reply:
    body = {name: value for name, value in {**GRANTED, **changes}.items() if value is not None}
    return Reply(200, json.dumps(body).encode())


def refusal(http: Http, *replies: Reply) -> RelayError:
    with pytest.raises(RelayError) as caught:
        refresh(http, *replies)
    return caught.value


def test_everything_stands_in_the_form(http: Http) -> None:
    _, server = refresh(http, granted())
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/oauth/2026-03/token", {})
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": [seed.CLIENT_ID],
        "client_secret": [seed.CLIENT_SECRET],
        "refresh_token": ["refresh-1"],
    }


@pytest.mark.parametrize(
    ("reply", "tokens"),
    [
        (granted(), Tokens("access", "refresh-2", 1800, 7)),
        (granted(refresh_token=None), Tokens("access", "refresh-1", 1800, 7)),
        (granted(hub_id=None, expires_in=None), Tokens("access", "refresh-2", 1800, None)),
        (granted(hub_id="7", expires_in="60"), Tokens("access", "refresh-2", 60, 7)),
    ],
    ids=["everything", "no new refresh token", "neither portal nor life", "numbers as text"],
)
def test_answers(http: Http, reply: Reply, tokens: Tokens) -> None:
    assert refresh(http, reply)[0] == tokens


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (SCOPES, []),
        (set(SCOPES) - {"oauth"}, []),
        ((), []),
        ((set(SCOPES) - {"files"}) | {"files.read", "files.write"}, []),
        ((set(SCOPES) - {"files"}) | {"files.read"}, ["files"]),
        (set(SCOPES) - {"conversations.write", "files"}, ["conversations.write", "files"]),
    ],
)
def test_scopes_that_are_missing(given: Collection[str], missing: list[str]) -> None:
    assert missing_scopes(given) == missing


def test_tokens_do_not_show_in_logs() -> None:
    assert "secret" not in repr(Tokens("secret-access", "secret-refresh", 1800, 7))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"status": "BAD_REFRESH_TOKEN", "message": "invalid", "error": "invalid_grant"}, "reinstall"),
        (400, {"status": "BAD_REFRESH_TOKEN"}, "reinstall"),
        (400, {"error": "invalid_grant"}, "reinstall"),
        (403, {"status": "BAD_HUB", "error": "access_denied"}, "reinstall"),
        (400, {"status": "error", "message": "words"}, "refresh_refused"),
        (401, {}, "refresh_refused"),
        (404, {}, "refresh_refused"),
        (418, {}, "refresh_refused"),
    ],
    ids=str,
)
def test_refusals_pause_the_portal(http: Http, status: int, body: dict[str, str], reason: str) -> None:
    error = refusal(http, Reply(status, json.dumps(body).encode()))
    assert isinstance(error, Unauthorized)
    assert (error.scope, error.reason) == ("portal", reason)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, {"status": "BAD_CLIENT_ID"}, "RELAY_HUBSPOT_CLIENT_ID is not the id of a HubSpot app"),
        (401, {"error": "invalid_client"}, "RELAY_HUBSPOT_CLIENT_ID and RELAY_HUBSPOT_CLIENT_SECRET do not belong"),
        (400, {"status": "BAD_CLIENT_SECRET", "error": "invalid_grant"}, "RELAY_HUBSPOT_CLIENT_SECRET does not belong"),
        (400, {"status": "BAD_REDIRECT_URI", "error": "invalid_grant"}, "add this relay's /oauth/callback to the app"),
        (400, {"status": "BAD_SCOPES"}, "relay channel app"),
        (400, {"status": "BAD_GRANT_TYPE"}, "RELAY_HUBSPOT_OAUTH_VERSION"),
        (400, {"error": "unsupported_grant_type"}, "RELAY_HUBSPOT_OAUTH_VERSION"),
    ],
    ids=str,
)
def test_what_is_wrong_with_our_settings_blames_no_portal(
    http: Http, status: int, body: dict[str, str], sentence: str
) -> None:
    error = refusal(http, Reply(status, json.dumps(body).encode()))
    assert isinstance(error, Transient)
    assert (error.reason, error.everybody) == ("app_settings", True)
    assert sentence in error.hint


def test_a_portal_that_was_closed_has_its_own_sentence(http: Http) -> None:
    gone, removed = ({"status": "BAD_HUB"}, {"status": "BAD_REFRESH_TOKEN"})
    assert "in a portal that is open" in refusal(http, Reply(403, json.dumps(gone).encode())).hint
    assert "was removed from this portal" in refusal(http, Reply(400, json.dumps(removed).encode())).hint


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(429, b"{}"), RateLimited),
        (Reply(503, b"<html>"), HubSpotUnavailable),
        (Reply(404, b"<html>"), HubSpotUnavailable),
        (Reply(200, b"<html>"), HubSpotUnavailable),
        (Reply(200, b""), HubSpotUnavailable),
        (Reply(200, b'{"access_token": "acc'), HubSpotUnavailable),
        (Reply(200, b'{"access_token": ""}'), HubSpotUnavailable),
        (Reply(200, b'{"access_token": "a", "expires_in": "soon"}'), HubSpotUnavailable),
        (Reply(reset=True), HubSpotUnavailable),
    ],
    ids=lambda value: f"{value.status} {value.body!r} {value.reset}" if isinstance(value, Reply) else "",
)
def test_trouble_keeps_the_tokens_for_later(http: Http, reply: Reply, kind: type[RelayError]) -> None:
    assert type(refusal(http, reply)) is kind


def test_no_secret_stands_in_an_unreadable_answers_error(http: Http) -> None:
    error = refusal(http, Reply(200, b'{"access_token": "top-secret", "expires_in": "soon"}'))
    assert (
        "top-secret"
        not in f"{error} {error.detail} {error.__cause__} {error.__context__ and error.__suppress_context__}"
    )


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_every_version_of_the_simulated_endpoint(http: Http, scene: Scene, version: str) -> None:
    chosen = settings(scene.simulator.url, hubspot_oauth_version=version)
    tokens = oauth.refresh(chosen, http, seed.REFRESH_TOKEN)
    assert tokens.expires_in == 1800
    assert tokens.hub_id in {PORTAL, None}


def test_a_rotated_refresh_token_is_handed_out(scene: Scene) -> None:
    scene.world.switch(rotate_refresh_tokens=True)
    first = scene.hubspot.refresh(seed.REFRESH_TOKEN)
    assert first.refresh_token != seed.REFRESH_TOKEN
    assert scene.hubspot.refresh(first.refresh_token).access_token != first.access_token


def test_a_portal_that_removed_the_app(scene: Scene) -> None:
    with pytest.raises(Unauthorized) as caught:
        scene.hubspot.refresh("never-issued")
    assert caught.value.reason == "reinstall"


def test_another_apps_secret_blames_the_settings(http: Http, scene: Scene) -> None:
    chosen = settings(scene.simulator.url).model_copy(update={"hubspot_client_id": "other"})
    with pytest.raises(Transient) as caught:
        oauth.refresh(chosen, http, seed.REFRESH_TOKEN)
    assert caught.value.reason == "app_settings"


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
def test_a_lost_answer_is_tried_again_later(scene: Scene, kind: FaultKind) -> None:
    scene.fault(kind)
    with pytest.raises(HubSpotUnavailable):
        scene.hubspot.refresh(seed.REFRESH_TOKEN)
    assert scene.hubspot.refresh(seed.REFRESH_TOKEN).access_token


def exchange(http: Http, *replies: Reply, version: str = "2026-03") -> tuple[Tokens, Scripted]:
    with Scripted(*replies) as server:
        return oauth.exchange(settings(server.url, hubspot_oauth_version=version), http, "code-1"), server


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_a_code_is_exchanged_by_a_form(http: Http, version: str) -> None:
    tokens, server = exchange(http, granted(scopes=["oauth", "files"]), version=version)
    assert tokens == Tokens("access", "refresh-2", 1800, 7, frozenset({"oauth", "files"}))
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("POST", f"/oauth/{version}/token", {})
    form = parse_qs(asked.body.decode())
    assert form.pop("redirect_uri")[0].endswith("/oauth/callback")
    assert form == {
        "grant_type": ["authorization_code"],
        "client_id": [seed.CLIENT_ID],
        "client_secret": [seed.CLIENT_SECRET],
        "code": ["code-1"],
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"status": "BAD_AUTH_CODE", "error": "invalid_grant"}, "code_refused"),
        ({"status": "BAD_CODE_VERIFIER"}, "code_refused"),
        ({"error": "invalid_grant"}, "code_refused"),
        ({"status": "BAD_REDIRECT_URI", "error": "invalid_grant"}, "redirect_refused"),
        ({"status": "BAD_SCOPES"}, "scopes_refused"),
        ({"error": "invalid_scope"}, "scopes_refused"),
        ({"status": "BAD_CLIENT_SECRET", "error": "invalid_grant"}, "app_settings"),
        ({"status": "BAD_HUB", "error": "access_denied"}, "reinstall"),
        ({}, "refresh_refused"),
    ],
)
def test_why_a_code_is_refused(http: Http, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(RelayError) as caught:
        exchange(http, Reply(400, json.dumps(body).encode()))
    assert caught.value.reason == reason


def test_an_installation_without_a_refresh_token_is_none(http: Http) -> None:
    with pytest.raises(HubSpotUnavailable):
        exchange(http, granted(refresh_token=None))


def describe(http: Http, *replies: Reply, version: str = "2026-03") -> tuple[oauth.Installation, Scripted]:
    with Scripted(*replies) as server:
        return oauth.describe(settings(server.url, hubspot_oauth_version=version), http, "access-1"), server


def test_introspection_names_the_token_in_both_ways(http: Http) -> None:
    body = {"active": True, "hub_id": 7, "app_id": 3001, "scopes": ["oauth"]}
    found, server = describe(http, Reply(200, json.dumps(body).encode()))
    assert found == oauth.Installation(7, "3001", frozenset({"oauth"}))
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/oauth/2026-03/token/introspect", {})
    form = parse_qs(asked.body.decode())
    assert form["token"] == form["access_token"] == ["access-1"]
    assert form["token_type_hint"] == ["access_token"]


def test_v1_tells_about_a_token_at_its_own_address(http: Http) -> None:
    found, server = describe(http, Reply(200, b'{"hub_id": 7}'), version="v1")
    assert found == oauth.Installation(7)
    assert [(one.method, one.path) for one in server.asked] == [("GET", "/oauth/v1/access-tokens/access-1")]


def test_a_thinner_answer_is_no_failure(http: Http) -> None:
    assert describe(http, Reply(200, b'{"active": true}'))[0] == oauth.Installation(None)


def test_a_token_that_is_not_active(http: Http) -> None:
    with pytest.raises(Unauthorized) as caught:
        describe(http, Reply(200, b'{"active": false}'))
    assert caught.value.reason == "token_refused"
