"""Lists in pages. [D] total, results and paging.next.after."""

from __future__ import annotations

from typing import Any

from flask import request

from app.simulator.hubspot.errors import ApiError

DEFAULT_PAGE = 100
LONGEST_PAGE = 500


def page(results: list[dict[str, Any]], *, with_total: bool = True) -> dict[str, Any]:
    """The page that `after` and `limit` of the request ask for; cursors are positions.

    Raises:
        ApiError: 400 for a cursor or limit that is no number.
    """
    start = _number("after", 0)
    limit = min(_number("limit", _number("defaultPageLength", DEFAULT_PAGE)), LONGEST_PAGE)
    body: dict[str, Any] = {"total": len(results)} if with_total else {}
    body["results"] = results[start : start + limit]
    if start + limit < len(results):
        body["paging"] = {"next": {"after": str(start + limit), "link": f"{request.base_url}?after={start + limit}"}}
    return body


def flag(name: str) -> bool:
    """A yes/no query parameter, no by default."""
    return request.args.get(name, "false").lower() == "true"


def _number(name: str, default: int) -> int:
    value = request.args.get(name, "")
    if not value:
        return default
    if not value.isdecimal():
        raise ApiError(400, f"Unable to parse value for query parameter: {name}", category=None)
    return int(value)
