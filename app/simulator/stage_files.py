"""Files as agents see and drop them: the part of /_sim that holds bytes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.simulator import seed
from app.simulator.hubspot import agent, files
from app.simulator.hubspot.errors import not_found
from app.simulator.showing import shown
from app.simulator.stage_given import FileGiven, arguments, locked
from app.simulator.world import World


def add_routes(controls: Blueprint, world: World) -> None:
    """Add the controls; each runs under the world's lock."""
    for method, path, handler in (("GET", "/files/<file_id>", show_file), ("POST", "/files", add_file)):
        controls.add_url_rule(path, endpoint=f"{method} {path}", view_func=locked(world, handler), methods=[method])


def show_file(world: World, file_id: str) -> Response:
    """A file's bytes whatever its access, as an agent sees them."""
    file = world.hubspot.files.get(file_id)
    if file is None:
        raise not_found("The file does not exist.")
    return shown(file.content, file.mime)


def add_file(world: World) -> dict[str, Any]:
    """An agent puts a picture into a text: where it lies, and where the page sees it."""
    given = FileGiven.model_validate(arguments())
    file = agent.keep_file(world, given.portal or seed.PORTAL_ID, given.model_dump(), within_text=True)
    return {"id": file.id, "url": files.address_of(world, file), "viewUrl": f"/_sim/files/{file.id}"}
