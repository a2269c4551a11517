"""Import of files from addresses: a task that is polled until it is over. [D] unless a line says otherwise."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Response, jsonify, request

from app.simulator.hubspot import files
from app.simulator.hubspot.bodies import Body, read
from app.simulator.hubspot.errors import ApiError, not_found
from app.simulator.hubspot.import_tasks import ImportTask, TaskStatus
from app.simulator.hubspot.routing import Call, Router
from app.simulator.hubspot.state import Access, StoredFile
from app.simulator.hubspot.views import file_view, present
from app.simulator.world import World

IMPORT = "/import-from-url/async"
TIMEOUT_SECONDS = 5
OK = 200


class ImportRequest(Body):
    """[D] The document asks for `overwrite` and both duplicate fields, the reference page does not: a switch."""

    url: str
    access: Access
    name: str | None = None
    folderId: str | None = None  # noqa: N815 - HubSpot's word
    folderPath: str | None = None  # noqa: N815 - likewise
    ttl: str | None = None
    overwrite: bool | None = None
    duplicateValidationScope: Literal["ENTIRE_PORTAL", "EXACT_FOLDER"] | None = None  # noqa: N815 - likewise
    duplicateValidationStrategy: Literal["NONE", "REJECT", "RETURN_EXISTING"] | None = None  # noqa: N815 - likewise


def register(router: Router) -> None:
    """Add the endpoints."""
    router.add("POST", files.EVERY_VERSION, IMPORT, begin, scopes=files.WRITERS)
    router.add("GET", files.EVERY_VERSION, f"{IMPORT}/tasks/<task_id>/status", show, scopes=files.READERS)


def begin(call: Call) -> Response:
    """Take an order: 202 and the task's id. The file is fetched meanwhile."""
    body = read(ImportRequest)
    optional = ("overwrite", "duplicateValidationScope", "duplicateValidationStrategy")
    absent = [name for name in optional if getattr(body, name) is None]
    if absent and call.world.switches.import_strict:
        raise ApiError(
            400, f"Cannot build ImportRequest, some of required attributes are not set [{', '.join(absent)}]"
        )
    folder = files.one_folder(body.folderId, body.folderPath)
    files.expiry(body.ttl, call.world.clock.now())
    task = ImportTask(call.world.ids.number(), call.portal_id, call.world.clock.now())
    call.state.imports[task.id] = task
    threading.Thread(target=_work, args=(call.world, task, body, folder), daemon=True).start()
    status = f"{call.world.base_url}{request.path.rstrip('/')}/tasks/{task.id}/status"
    response = jsonify({"id": task.id, "links": {"status": status}})
    response.status_code = 202
    return response


def show(call: Call, task_id: str) -> dict[str, Any]:
    """How far a task is. [I] The first look finds it waiting; a task may be complete without a file, with errors."""
    task = call.state.imports.get(task_id)
    if task is None or task.portal_id != call.portal_id:
        raise not_found()
    task.looks += 1
    seen = task.status
    if task.looks == 1:
        seen = TaskStatus.PENDING
    over = seen in {TaskStatus.COMPLETE, TaskStatus.CANCELED}
    clock, file = call.world.clock, call.state.files.get(task.file_id or "") if over else None
    return present(
        {
            "status": seen.value,
            "taskId": task.id,
            "requestedAt": clock.iso(task.requested_at),
            "startedAt": clock.iso(task.requested_at),
            "completedAt": clock.iso(task.completed_at) if over and task.completed_at is not None else None,
            "result": file_view(file, clock, call.world.base_url) if file else None,
            "numErrors": 1 if over and task.problem else None,
            "errors": [{"message": task.problem}] if over and task.problem else None,
        }
    )


def _work(world: World, task: ImportTask, body: ImportRequest, folder: str) -> None:
    """Fetch outside the lock, keep the file inside it."""
    host = urlsplit(body.url).netloc
    with world.lock:
        allowed = host in world.hubspot.importable_hosts
        limit = world.switches.file_size_limit
    content, mime, problem = _fetch(body.url, limit) if allowed else (b"", "", f"The address {host} cannot be reached")
    with world.lock:
        if world.hubspot.imports.get(task.id) is not task:
            return  # the world was emptied meanwhile: what was ordered before is nobody's now
        outcome = world.switches.import_outcome
        if outcome == "errors":
            problem = problem or "The file could not be stored"
        if outcome != "canceled" and not problem:
            task.file_id, task.problem = _kept(world, task, body, folder=folder, content=content, mime=mime)
        task.problem = task.problem or problem
        task.completed_at = world.clock.now()
        task.status = TaskStatus.CANCELED if outcome == "canceled" else TaskStatus.COMPLETE


def _kept(
    world: World, task: ImportTask, body: ImportRequest, *, folder: str, content: bytes, mime: str
) -> tuple[str | None, str]:
    """The stored file's id, or what speaks against it. [D] Overwriting deletes the old file; the new id is another."""
    name = body.name or urlsplit(body.url).path.rpartition("/")[2] or "file"
    twins = [one for one in _twins(world, task, body, folder=folder) if (one.name, one.content) == (name, content)]
    if twins and body.duplicateValidationStrategy == "RETURN_EXISTING":
        return twins[0].id, ""
    if twins and body.duplicateValidationStrategy == "REJECT":
        return None, "The file exists already"
    if body.overwrite:
        for old in [one for one in _twins(world, task, body, folder=folder) if one.name == name]:
            del world.hubspot.files[old.id]
    file = files.keep(world, task.portal_id, name, mime=mime, content=content, access=body.access)
    file.folder, file.expires_at = folder, files.expiry(body.ttl, world.clock.now())
    return file.id, ""


def _twins(world: World, task: ImportTask, body: ImportRequest, *, folder: str) -> list[StoredFile]:
    everywhere = body.duplicateValidationScope == "ENTIRE_PORTAL"
    return [
        one
        for one in world.hubspot.files.values()
        if one.portal_id == task.portal_id and (everywhere or one.folder == folder)
    ]


def _fetch(url: str, limit: int) -> tuple[bytes, str, str]:
    """An address's bytes and type, or what went wrong."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)) as connection:
            connection.request("GET", f"{address.path or '/'}{f'?{address.query}' if address.query else ''}")
            answer = connection.getresponse()
            content = answer.read(limit + 1)
            mime = answer.headers.get_content_type()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return b"", "", f"The address cannot be read: {type(error).__name__}"
    if answer.status != OK:
        return b"", "", f"The address answered {answer.status}"
    return (b"", "", "The file is too large") if len(content) > limit else (content, mime, "")
