"""Files: upload, look-up, signed addresses, deletion, and the file host that serves the bytes."""

from __future__ import annotations

import json
import mimetypes
import re
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.utils import secure_filename

from app.simulator.hubspot import attachments
from app.simulator.hubspot.bodies import Body, build, malformed
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.paging import page
from app.simulator.hubspot.routing import FILES, Call, Router, created, no_content
from app.simulator.hubspot.state import Access, StoredFile
from app.simulator.hubspot.views import file_type, file_view, path_of
from app.simulator.world import World

# [D] The documents of 2025-09 and 2026-09 hold the search and the import from an address alone,
# those of v3 and 2026-09-beta the download besides.
EVERY_VERSION = FILES | {"2025-09": "/files/2025-09/files", "2026-09": "/files/2026-09/files"}
WITH_DOWNLOAD = {version: base for version, base in FILES.items() if version in {"v3", "2026-09-beta"}}

READERS = frozenset({"files", "files.read", "files.write"})
WRITERS = frozenset({"files", "files.write"})

# [D] ttl: one day to one year, as an ISO 8601 period.
PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
DAYS = (365, 30, 7, 1)
SECONDS_PER_DAY = 86400
LONGEST_TTL_DAYS = 366

PUBLIC = frozenset({Access.PUBLIC_INDEXABLE, Access.PUBLIC_NOT_INDEXABLE})
MEGABYTE = 1_000_000


class UploadOptions(Body):
    """The JSON in the `options` part; [D] access is required."""

    access: Access
    ttl: str | None = None


def register(router: Router) -> None:
    """Add the API's endpoints."""
    router.add("POST", FILES, "", upload, scopes=WRITERS)
    router.add("GET", EVERY_VERSION, "/search", search, scopes=READERS)
    router.add("GET", FILES, "/stat/<path:file_path>", stat, scopes=READERS)
    router.add("GET", WITH_DOWNLOAD, "/<file_id>/download", download, scopes=READERS)
    router.add("GET", FILES, "/<file_id>", get_file, scopes=READERS)
    router.add("GET", FILES, "/<file_id>/signed-url", sign_url, scopes=READERS)
    router.add("DELETE", FILES, "/<file_id>", delete_file, scopes=WRITERS)
    router.add("DELETE", FILES, "/<file_id>/gdpr-delete", delete_file, scopes=WRITERS)


def register_host(blueprint: Blueprint, world: World) -> None:
    """Add the file host: no authentication, unguessable addresses. [D] A PRIVATE file's plain address answers 404."""

    def serve(portal_id: str, secret: str, name: str) -> Response:
        with world.lock:
            if "Authorization" in request.headers:
                world.hubspot.observed.bearer_at_file_host += 1
            return _serve(world, portal_id, secret, name=name)

    blueprint.add_url_rule("/hubfs/<portal_id>/<secret>/<path:name>", endpoint="file_host", view_func=serve)


def upload(call: Call) -> Response:
    """Store a file. [D] The parts; [U] the largest size: a switch."""
    part = request.files.get("file")
    if part is None:
        raise ApiError(400, "The file part is missing")
    if len(request.files.getlist("file")) > 1:
        raise ApiError(400, "Multiple files cannot be uploaded in one request")
    options = _options()
    folder = one_folder(request.form.get("folderId"), request.form.get("folderPath"))
    content = part.read()
    limit = call.world.switches.file_size_limit
    if len(content) > limit:
        raise ApiError(413, f"The file is larger than {limit // MEGABYTE} MB", category=None)
    expires_at = expiry(options.ttl, call.world.clock.now())
    name = request.form.get("fileName") or part.filename or "file"
    mime = part.mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = keep(call.world, call.portal_id, name, mime=mime, content=content, access=options.access)
    file.folder = folder
    file.expires_at = expires_at
    return created(_view(call, file), f"{request.path.rstrip('/')}/{file.id}")


def keep(world: World, portal_id: str, name: str, *, mime: str, content: bytes, access: Access) -> StoredFile:
    """Put a file into a portal. Call with the lock held."""
    file = StoredFile(
        id=world.ids.number(),
        portal_id=portal_id,
        name=secure_filename(name) or "file",
        mime=mime,
        content=content,
        access=access,
        secret=world.ids.hex(),
        created_at=world.clock.now(),
    )
    world.hubspot.files[file.id] = file
    return file


def address_of(world: World, file: StoredFile) -> str:
    """The file's plain address."""
    return f"{world.base_url}/hubfs/{file.portal_id}/{file.secret}/{quote(file.name)}"


def get_file(call: Call, file_id: str) -> dict[str, Any]:
    """One file's description."""
    return _view(call, _find(call, file_id))


def search(call: Call) -> dict[str, Any]:
    """The portal's files, by name and folder where asked."""
    name, path = request.args.get("name", ""), request.args.get("path", "")
    return page([_view(call, one) for one in _alive(call) if name in one.name and path in path_of(one)])


def stat(call: Call, file_path: str) -> dict[str, Any]:
    """The file at a path. [C] the sentence when there is none."""
    for file in _alive(call):
        if path_of(file).strip("/") == file_path.strip("/"):
            return {"file": _view(call, file)}
    raise not_found("No file or folder exists at path")


def download(call: Call, file_id: str) -> Response:
    """A file's bytes, whatever its access."""
    file = _find(call, file_id)
    return Response(file.content, content_type=file.mime, headers={"Content-Disposition": "attachment"})


def sign_url(call: Call, file_id: str) -> dict[str, Any]:
    """An address that opens a file of any access for a while."""
    file = _find(call, file_id)
    wanted = request.args.get("expirationSeconds", str(call.world.switches.signed_url_seconds))
    if not wanted.isdecimal():
        raise ApiError(400, "Unable to parse value for query parameter: expirationSeconds", category=None)
    expires_at = call.world.clock.now() + int(wanted)
    token = call.world.ids.hex()
    file.signed[token] = expires_at
    stem, _, extension = file.name.rpartition(".")
    return {
        "url": f"{address_of(call.world, file)}?signature={token}",
        "expiresAt": call.world.clock.iso(expires_at),
        "name": stem or file.name,
        "extension": extension if stem else "",
        "size": len(file.content),
        "type": file_type(file.mime),
    }


def delete_file(call: Call, file_id: str) -> Response:
    """Remove a file; messages keep its id."""
    del call.state.files[_find(call, file_id).id]
    return no_content()


def _alive(call: Call) -> list[StoredFile]:
    now = call.world.clock.now()
    return [one for key in call.state.files if (one := attachments.find_file(call.state, call.portal_id, key, now=now))]


def _view(call: Call, file: StoredFile) -> dict[str, Any]:
    return file_view(file, call.world.clock, call.world.base_url)


def _find(call: Call, file_id: str) -> StoredFile:
    if int(file_id) == 0:
        raise ApiError(400, "id must be > 0", context={"id": [file_id]})
    file = attachments.find_file(call.state, call.portal_id, file_id, now=call.world.clock.now())
    if file is None:
        raise not_found()
    return file


def _options() -> UploadOptions:
    try:
        given = json.loads(request.form.get("options", ""))
    except json.JSONDecodeError as error:
        raise malformed("options is not JSON", line=error.lineno, column=error.colno) from error
    if not isinstance(given, dict):
        raise malformed("options is not an object")
    return build(UploadOptions, given)


def one_folder(folder_id: str | None, folder_path: str | None) -> str:
    """The folder that a request names.

    Raises:
        ApiError: 400 when it names none or both.
    """
    folders = [value for value in (folder_id, folder_path) if value]
    if len(folders) != 1:
        raise ApiError(400, "Exactly one of folderId and folderPath is required")
    return folders[0]


def expiry(ttl: str | None, now: float) -> float | None:
    """When a file with this life ends; None: never.

    Raises:
        ApiError: 400 for what is no period between a day and a year.
    """
    if ttl is None:
        return None
    match = PERIOD.fullmatch(ttl)
    days = sum(int(count or 0) * length for count, length in zip(match.groups(), DAYS, strict=True)) if match else 0
    if not 1 <= days <= LONGEST_TTL_DAYS:
        raise ApiError(400, "ttl must be an ISO 8601 period between one day and one year")
    return now + days * SECONDS_PER_DAY


def _serve(world: World, portal_id: str, secret: str, *, name: str) -> Response:
    now = world.clock.now()
    for file in world.hubspot.files.values():
        if (file.portal_id, file.secret, file.name) == (portal_id, secret, name):
            alive = file.expires_at is None or file.expires_at > now
            signed = file.signed.get(request.args.get("signature", ""), 0) > now
            if alive and (signed or file.access in PUBLIC):
                return Response(file.content, content_type=file.mime)
    return Response("Not found", status=404, content_type="text/plain;charset=utf-8")
