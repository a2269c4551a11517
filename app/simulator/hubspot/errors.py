"""Error answers: one shape, built in one place.

[D] the fields; [C] `status` and the particular answers. HubSpot calls every field optional, which the switch
`sparse_errors` takes at its word, and `patchy_errors` field by field.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from app.simulator.faults import Fault
from app.simulator.world import World

# Fields that stay when errors are sparse.
BARE_FIELDS = ("status", "message")

OAUTH_HINT = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details "
    "at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)


class ApiError(Exception):
    """An answer that is not a success. `raw` replaces HubSpot's general shape; `headers` are added."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        category: str | None = "VALIDATION_ERROR",
        sub_category: str | None = None,
        context: dict[str, list[str]] | None = None,
        errors: list[dict[str, Any]] | None = None,
        links: dict[str, str] | None = None,
        raw: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.raw = raw
        self.headers = headers or {}
        self._fields = {
            "category": category,
            "subCategory": sub_category,
            "context": context,
            "errors": errors,
            "links": links,
        }

    def body(self, *, correlation_id: str, sparse: bool) -> dict[str, Any]:
        """The JSON object of the answer."""
        if self.raw is not None:
            return self.raw
        full: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        full |= {name: value for name, value in self._fields.items() if value is not None}
        return {name: full[name] for name in BARE_FIELDS} if sparse else full


def render(error: ApiError, world: World) -> Response:
    """The HTTP answer."""
    body = error.body(correlation_id=world.ids.uuid(), sparse=world.switches.sparse_errors)
    if world.switches.patchy_errors:
        body = {name: value for name, value in body.items() if world.ids.chance()}
    response = jsonify(body)
    response.status_code = error.status
    response.headers.extend(error.headers)
    return response


def render_fault(fault: Fault, world: World) -> Response:
    """A `status` fault in HubSpot's shape; a 429 in that of the rate limit."""
    if fault.body is not None:
        return Response(fault.body, status=fault.status, content_type="application/json;charset=utf-8")
    if fault.status == 429:  # noqa: PLR2004 - the status code itself
        return render(rate_limited(world, "TEN_SECONDLY_ROLLING"), world)
    message = _FAULT_MESSAGES.get(fault.status, "internal error")
    return render(ApiError(fault.status, message, category=None), world)


def rate_limited(world: World, policy: str, *, retry_after: int | None = None) -> ApiError:
    """[D] The body carries errorType and not category; [U] Retry-After, so it is a switch."""
    raw = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": world.ids.uuid(),
        "policyName": policy,
        "groupName": "publicapi:simulated",
        "requestId": world.ids.uuid(),
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ApiError(429, str(raw["message"]), raw=raw, headers=headers)


def channel_missing(channel_id: str) -> ApiError:
    """[C] Also the answer to a token of another app."""
    return ApiError(
        404,
        f"Channel {channel_id} not found",
        category="OBJECT_NOT_FOUND",
        sub_category="ChannelIntegrationMessagePublishError.CHANNEL_DOES_NOT_EXIST",
        context={"channelId": [channel_id]},
    )


def not_found(message: str = "resource not found") -> ApiError:
    """[C] The plain 404 of a resource: status, message and correlation id only."""
    return ApiError(404, message, category=None)


def empty_update() -> ApiError:
    """[C] Nothing that can be updated was in the body."""
    return ApiError(
        400,
        "Failed to update object. The body of the request is empty.",
        sub_category="CustomChannelsError.EMPTY_UPDATE_REQUEST_BODY",
    )


def bad_path_id(name: str) -> ApiError:
    """[C] A path id that is not a number."""
    return ApiError(400, f"Unable to parse value for path parameter: {name}", category=None)


_FAULT_MESSAGES = {
    423: "Locked: a bulk operation is running.",
    477: "This account is being migrated between data centers.",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}
