"""Who calls. [D] Channel registration takes the developer key, everything else a bearer token, never crosswise."""

from __future__ import annotations

from flask import request

from app.simulator.hubspot.errors import OAUTH_HINT, ApiError
from app.simulator.hubspot.grants import AccessToken
from app.simulator.hubspot.state import App
from app.simulator.world import World

CATEGORY_INVALID = "INVALID_AUTHENTICATION"
CATEGORY_EXPIRED = "EXPIRED_AUTHENTICATION"
SECONDS_PER_DAY = 86400

KEY_LINKS = {"api key": "https://app.hubspot.com/l/api-key/"}
SCOPE_LINKS = {"scopes": "https://developers.hubspot.com/scopes"}


def developer(world: World) -> App:
    """The app of the `hapikey` and `appId` query parameters.

    Raises:
        ApiError: 401. [C] a bearer alone counts as no credentials; a wrong key is told with `links["api key"]`.
    """
    key = request.args.get("hapikey")
    if not key:
        raise ApiError(401, OAUTH_HINT, category=CATEGORY_INVALID)
    app = world.hubspot.apps.get(request.args.get("appId", ""))
    if app is None or app.developer_key != key:
        raise wrong_key()
    return app


def bearer(world: World, scopes: frozenset[str]) -> AccessToken:
    """The token of the Authorization header; it must hold one of `scopes`, where any are named.

    Raises:
        ApiError: 401 for none, unknown or expired, 403 for a missing scope. [C] all four.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        if "hapikey" in request.args:
            world.hubspot.observed.key_on_oauth_endpoint += 1
        raise ApiError(401, OAUTH_HINT, category=CATEGORY_INVALID)
    token = world.hubspot.access_tokens.get(value)
    if token is None:
        # [C] An unknown token is reported as one that expired at the epoch.
        raise _expired(world, 0)
    if token.expires_at <= world.clock.now():
        raise _expired(world, token.expires_at)
    if scopes and (world.switches.portal_plan == "starter" or not scopes & token.scopes):
        raise _missing(scopes)
    return token


def wrong_key() -> ApiError:
    """[C] The answer to a wrong developer key, and at times to malformed JSON."""
    return ApiError(401, "The API key provided is invalid.", category=CATEGORY_INVALID, links=KEY_LINKS)


def _expired(world: World, at: float) -> ApiError:
    ago = int(world.clock.now() - at)
    unit = f"{ago} second(s)" if ago < SECONDS_PER_DAY else f"{ago // SECONDS_PER_DAY} day(s)"
    return ApiError(
        401,
        f"The OAuth token used to make this call expired {unit} ago.",
        category=CATEGORY_EXPIRED,
        context={"expire time": [world.clock.iso(at)]},
    )


def _missing(scopes: frozenset[str]) -> ApiError:
    return ApiError(
        403,
        "This app hasn't been granted all required scopes to make this call.",
        category="MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": sorted(scopes)},
            }
        ],
        links=SCOPE_LINKS,
    )
