"""Where messaging services fetch what agents attached: one address for each file, signed, and for a time."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import Headers

from app import metrics
from app.receiver.webhooks import services
from app.relay.attachments.serving import LinkEnded, NoSuchLink, Served, find

#: What a browser shows without running anything; everything else is only handed over.
_SHOWN: Final = re.compile(r"(?:image/(?!svg)|audio/|video/)[\w.+-]+|text/plain")
#: A page that somebody makes of our address runs nothing, whatever the file is.
_POLICY: Final = "default-src 'none'; sandbox"
_ONE_RANGE: Final = 1

blueprint = Blueprint("media", __name__, url_prefix="/media")


@blueprint.get("/<token>")
def media(token: str) -> Response:
    """Give out a file, or the range of it that is asked for; the bytes come from the store piece by piece."""
    try:
        served = find(services(), token)
    except NoSuchLink:
        response = _sentence("There is no such file: the link is not one of this relay's.", 404)
    except LinkEnded:
        response = _sentence("The file is not given out any more: the link's time is over.", 410)
    else:
        response = _answer(served)
    metrics.MEDIA_SERVED.labels(status=str(response.status_code)).inc()
    return response


def _sentence(text: str, status: int) -> Response:
    response = jsonify(error=text)
    response.status_code = status
    return response


def _answer(served: Served) -> Response:
    headers = Headers({"ETag": f'"{served.tag}"', "Accept-Ranges": "bytes", "Cache-Control": "private"})
    if request.if_none_match.contains_weak(served.tag):
        return Response(status=304, headers=headers)
    start, stop, status = _range(served)
    if start is None:
        headers["Content-Range"] = f"bytes */{served.size}"
        return Response(status=416, headers=headers)
    if status == 206:  # noqa: PLR2004 - the status code itself
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{served.size}"
    headers["Content-Length"] = str(stop - start)
    headers["Content-Type"] = served.mime or "application/octet-stream"
    headers["Content-Security-Policy"] = _POLICY
    _name(headers, served)
    body = () if request.method == "HEAD" else served.read(start, stop - start)
    return Response(body, status=status, headers=headers)


def _range(served: Served) -> tuple[int | None, int, int]:
    """Return first byte, the one behind the last, and the status; no first byte: nothing of it is there.

    Several ranges, another unit, and a range of what has changed are answered with the whole.
    """
    whole = (0, served.size, 200)
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) > _ONE_RANGE:
        return whole
    if "If-Range" in request.headers and request.if_range.etag != served.tag:
        return whole
    found = wanted.range_for_length(served.size)
    return (*found, 206) if found is not None else (None, 0, 416)


def _name(headers: Headers, served: Served) -> None:
    """Name the file as every browser reads it: in ASCII, and whole where that is not all."""
    how = "inline" if _SHOWN.fullmatch(served.mime) else "attachment"
    plain = unicodedata.normalize("NFKD", served.name).encode("ascii", "ignore").decode() or "file"
    names = {"filename": plain}
    if plain != served.name:
        names["filename*"] = f"UTF-8''{quote(served.name, safe='')}"
    headers.set("Content-Disposition", how, **names)
