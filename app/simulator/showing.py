"""Bytes of strangers, shown on the page's own origin: nothing in them may run there."""

from __future__ import annotations

from flask import Response, request

_HEADERS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}


def shown(content: bytes, mime: str) -> Response:
    """The bytes as an answer of the page; players may ask for a part of them."""
    response = Response(content, content_type=mime, headers=_HEADERS)
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response
