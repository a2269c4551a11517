"""HubSpot's API as one blueprint at the root, as on api.hubapi.com."""

from __future__ import annotations

from flask import Blueprint, Response

from app.simulator.faults import Api, guard
from app.simulator.hubspot import (
    accounts,
    channels,
    contacts,
    conversations,
    file_imports,
    files,
    limits,
    messages,
    oauth,
    thread_changes,
)
from app.simulator.hubspot.errors import ApiError, render, render_fault
from app.simulator.hubspot.routing import Router
from app.simulator.world import World

JSON_TYPE = "application/json;charset=utf-8"


def blueprint(world: World) -> Blueprint:
    """The API and its file host on one world."""
    api = Blueprint("hubspot", __name__)
    router = Router(api, world)
    oauth.register(api, world, router)
    for module in (channels, accounts, messages, file_imports, files, conversations, thread_changes, contacts):
        module.register(router)
    files.register_host(api, world)
    guard(api, Api.HUBSPOT, world.faults, lambda fault: render_fault(fault, world))
    api.register_error_handler(ApiError, lambda error: render(error, world))
    api.after_request(lambda response: _finish(response, world))
    return api


def _finish(response: Response, world: World) -> Response:
    if response.mimetype == "application/json":
        response.headers["Content-Type"] = JSON_TYPE
    return limits.announce(response, world)
