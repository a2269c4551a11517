"""OAuth: consent, token endpoints of every version, introspection, revocation, uninstallation."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, render_template, request

from app.simulator.hubspot import settings_page
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.grants import AccessToken, AuthorizationCode, RefreshToken
from app.simulator.hubspot.routing import Call, Router, no_content
from app.simulator.hubspot.state import App
from app.simulator.world import World

# [D] v1 stops in February 2027; the others share one shape.
VERSIONS = ("v1", "v3", "2026-03", "2026-09")
FORM = "application/x-www-form-urlencoded"

UNINSTALL = {"v3": "/appinstalls/v3/external-install", "2026-09": "/appinstalls/2026-09/external-install"}
ACCOUNT_INFO = {"v3": "/account-info/v3/details", "2026-09": "/account-info/2026-09/details"}


def register(blueprint: Blueprint, world: World, router: Router) -> None:
    """Add the endpoints."""
    for version in VERSIONS:
        _post(blueprint, world, f"/oauth/{version}/token", lambda version=version: token(world, version))
        _post(
            blueprint, world, f"/oauth/{version}/token/introspect", lambda version=version: introspect(world, version)
        )
        _post(blueprint, world, f"/oauth/{version}/token/revoke", lambda: revoke(world))
    blueprint.add_url_rule("/oauth/authorize", endpoint="oauth_authorize", view_func=lambda: authorize(world))
    blueprint.add_url_rule(
        "/oauth/v1/access-tokens/<value>",
        endpoint="oauth_v1_describe",
        view_func=lambda value: jsonify(describe(world, value)),
    )
    blueprint.add_url_rule(
        "/oauth/v1/refresh-tokens/<value>",
        endpoint="oauth_v1_revoke",
        methods=["DELETE"],
        view_func=lambda value: _revoke_v1(world, value),
    )
    settings_page.register(blueprint, world)
    router.add("DELETE", UNINSTALL, "", uninstall)
    router.add("GET", ACCOUNT_INFO, "", account_info)


def authorize(world: World) -> Response:
    """The consent page; with `decision` and `portal` in the query it answers at once, as a click would."""
    with world.lock:
        app = _app_of(world, request.args.get("client_id", ""))
        target = request.args.get("redirect_uri", "")
        if app is None or (app.redirect_urls and target not in app.redirect_urls):
            return Response("The redirect address or client id is not known.", status=400, mimetype="text/plain")
        if world.switches.portal_plan == "starter":
            # [C] Nothing reaches the app.
            return Response("This account has no access to the scopes that the app needs.", 403, mimetype="text/plain")
        decision = request.args.get("decision")
        if decision is None:
            return _consent_page(world)
        state = {"state": request.args["state"]} if "state" in request.args else {}
        if decision != "allow":
            refused = {"error": "access_denied", "error_description": "The user refused", **state}
            return _redirect(target, refused)
        code = AuthorizationCode(
            value=world.ids.uuid(),
            app_id=app.id,
            portal_id=request.args.get("portal", next(iter(world.hubspot.portals), "")),
            redirect_uri=target,
            scopes=_granted(),
            expires_at=world.clock.now() + world.switches.code_seconds,
        )
        world.hubspot.codes[code.value] = code
        return _redirect(target, {"code": code.value, **state})


def _granted() -> frozenset[str]:
    """[D] What is optional is left out where the account does not have it; `without` in the query plays that."""
    optional = set(request.args.get("optional_scope", "").split()) - set(request.args.get("without", "").split())
    return frozenset(request.args.get("scope", "").split()) | optional | {"oauth"}


def token(world: World, version: str) -> dict[str, Any]:
    """The token endpoint. [D] A form in the body; [I] v1 also takes the query."""
    fields = _fields(version)
    app = _client(world, version, fields)
    grant = fields.get("grant_type")
    if grant == "authorization_code":
        return _exchange(world, version, app, fields=fields)
    if grant == "refresh_token":
        return _refresh(world, version, app, fields=fields)
    raise _bad(world, version, "BAD_GRANT_TYPE", "missing or unknown grant type", error="unsupported_grant_type")


def introspect(world: World, version: str) -> dict[str, Any]:
    """What a token is. [D] 2026-09 tells whether it is active, and no more."""
    found = _introspected(world)
    thin = version == "2026-09" and world.switches.introspection_thin
    return {"active": found["active"]} if thin else found


def _introspected(world: World) -> dict[str, Any]:
    """[D] the token may come under three names; [C] unknown: not active."""
    fields = _fields("v3")
    _client(world, "v3", fields)
    value = next((fields[name] for name in ("token", "access_token", "refresh_token") if name in fields), "")
    access = world.hubspot.access_tokens.get(value)
    if access is not None and access.expires_at > world.clock.now():
        return {"active": True, "token_use": "access_token", **describe(world, value)}
    held = world.hubspot.refresh_tokens.get(value)
    if held is None or held.revoked:
        return {"active": False}
    app = world.hubspot.apps[held.app_id]
    known = {"hub_id": int(held.portal_id), "app_id": int(app.id), "client_id": app.client_id, "token": value}
    return {"active": True, "token_use": "refresh_token", "scopes": sorted(held.scopes), **known}


def revoke(world: World) -> dict[str, Any]:
    """[C] Kills the refresh token; access tokens live out their time."""
    fields = _fields("v3")
    _client(world, "v3", fields)
    for name in ("token", "refresh_token"):
        held = world.hubspot.refresh_tokens.get(fields.get(name, ""))
        if held is not None:
            held.revoked = True
    return {}


def describe(world: World, value: str) -> dict[str, Any]:
    """What v1 tells about an access token.

    Raises:
        ApiError: 404 when it is unknown or expired.
    """
    access = world.hubspot.access_tokens.get(value)
    if access is None or access.expires_at <= world.clock.now():
        raise not_found("the token does not exist or has expired")
    app = world.hubspot.apps[access.app_id]
    return {
        "token": value,
        "hub_id": int(access.portal_id),
        "user_id": 101,
        "app_id": int(app.id) if app.id.isdecimal() else 0,
        "client_id": app.client_id,
        "scopes": sorted(access.scopes),
        "token_type": "access",
        "expires_in": int(access.expires_at - world.clock.now()),
    }


def uninstall(call: Call) -> Response:
    """[D] The app leaves the portal: refresh tokens die, access tokens after their life."""
    for held in call.state.refresh_tokens.values():
        if (held.app_id, held.portal_id) == (call.app_id, call.portal_id):
            held.revoked = True
    return no_content()


def account_info(call: Call) -> dict[str, Any]:
    """[D] The portal's data."""
    return {
        "portalId": int(call.portal_id),
        "timeZone": "UTC",
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
        "accountType": "DEVELOPER_TEST",
        "utcOffset": "+00:00",
        "utcOffsetMilliseconds": 0,
    }


def issue(world: World, held: RefreshToken) -> AccessToken:
    """A fresh access token of an installation. [D] It lives 1800 seconds."""
    access = AccessToken(
        value=f"sim-access-{world.ids.hex()}",
        app_id=held.app_id,
        portal_id=held.portal_id,
        expires_at=world.clock.now() + world.switches.access_token_seconds,
        scopes=held.scopes,
    )
    world.hubspot.access_tokens[access.value] = access
    return access


def install(
    world: World, app_id: str, portal_id: str, *, scopes: frozenset[str], value: str | None = None
) -> RefreshToken:
    """Install an app in a portal."""
    held = RefreshToken(value or f"na1-{world.ids.uuid()}", app_id, portal_id, scopes)
    world.hubspot.refresh_tokens[held.value] = held
    return held


def _exchange(world: World, version: str, app: App, *, fields: dict[str, str]) -> dict[str, Any]:
    code = world.hubspot.codes.get(fields.get("code", ""))
    if code is None or code.used or code.app_id != app.id or code.expires_at <= world.clock.now():
        raise _bad(world, version, "BAD_AUTH_CODE", "missing or unknown auth code", error="invalid_grant")
    if code.redirect_uri != fields.get("redirect_uri"):
        raise _bad(world, version, "BAD_REDIRECT_URI", "redirect uri does not match", error="invalid_grant")
    code.used = True
    return _answer(world, version, install(world, app.id, code.portal_id, scopes=code.scopes))


def _refresh(world: World, version: str, app: App, *, fields: dict[str, str]) -> dict[str, Any]:
    held = world.hubspot.refresh_tokens.get(fields.get("refresh_token", ""))
    if held is None or held.revoked or held.app_id != app.id:
        sentence = "missing or invalid" if version == "v1" else "refresh token is invalid, expired or revoked"
        raise _bad(world, version, "BAD_REFRESH_TOKEN", sentence, error="invalid_grant")
    if held.portal_id not in world.hubspot.portals:
        raise _bad(world, version, "BAD_HUB", "missing or unknown hub id", error="access_denied")
    world.hubspot.observed.refreshes[held.portal_id] += 1
    if world.switches.rotate_refresh_tokens:
        held.revoked = True
        held = install(world, held.app_id, held.portal_id, scopes=held.scopes)
    return _answer(world, version, held)


def _answer(world: World, version: str, held: RefreshToken) -> dict[str, Any]:
    access = issue(world, held)
    named = version != "v1" or world.switches.v1_token_names_portal
    return {
        "access_token": access.value,
        "refresh_token": held.value,
        "expires_in": world.switches.access_token_seconds,
        "token_type": "bearer",
        "token_use": "access_token",
        "user_id": 101,
        "scopes": sorted(held.scopes),
        **({"hub_id": int(held.portal_id)} if named else {}),
    }


def _fields(version: str) -> dict[str, str]:
    query = request.args.to_dict() if version == "v1" else {}
    return {**query, **(request.form.to_dict() if request.mimetype == FORM else {})}


def _client(world: World, version: str, fields: dict[str, str]) -> App:
    app = _app_of(world, fields.get("client_id", ""))
    if app is None:
        raise _bad(world, version, "BAD_CLIENT_ID", "missing or unknown client id", error="invalid_client")
    if app.client_secret != fields.get("client_secret"):
        raise _bad(world, version, "BAD_CLIENT_SECRET", "missing or invalid client secret", error="invalid_client")
    return app


def _app_of(world: World, client_id: str) -> App | None:
    return next((app for app in world.hubspot.apps.values() if app.client_id == client_id), None)


def _bad(world: World, version: str, status: str, message: str, *, error: str) -> ApiError:
    raw: dict[str, Any] = {"status": status, "message": message, "correlationId": world.ids.uuid()}
    if version != "v1":
        raw |= {"error": error, "error_description": message}
    return ApiError(400, message, raw=raw)


def _revoke_v1(world: World, value: str) -> Response:
    with world.lock:
        held = world.hubspot.refresh_tokens.get(value)
        if held is None:
            raise not_found("the refresh token does not exist")
        held.revoked = True
    return no_content()


def _post(blueprint: Blueprint, world: World, path: str, handler: Any) -> None:
    def view() -> Response:
        with world.lock:
            if "hapikey" in request.args:
                world.hubspot.observed.key_on_oauth_endpoint += 1
            return jsonify(handler())

    blueprint.add_url_rule(
        path, endpoint=path.replace(".", "_"), view_func=view, methods=["POST"], strict_slashes=False
    )


def _consent_page(world: World) -> Response:
    def choice(**extra: str) -> str:
        return f"{request.path}?{urlencode({**request.args.to_dict(), **extra})}"

    portals = list(world.hubspot.portals)
    html = render_template(
        "consent.html",
        scopes=request.args.get("scope", "").split(),
        portals=portals,
        allow={portal: choice(decision="allow", portal=portal) for portal in portals},
        refuse=choice(decision="refuse"),
    )
    return Response(html, mimetype="text/html")


def _redirect(target: str, query: dict[str, str]) -> Response:
    separator = "&" if "?" in target else "?"
    return Response(status=302, headers={"Location": f"{target}{separator}{urlencode(query)}"})
