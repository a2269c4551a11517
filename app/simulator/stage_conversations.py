"""The part of /_sim in which conversations are archived and forgotten, and any events sent to the app's address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.simulator import seed
from app.simulator.hubspot import subscriptions, threads
from app.simulator.hubspot.errors import not_found
from app.simulator.hubspot.state import Thread
from app.simulator.world import World


def add_routes(controls: Blueprint, world: World) -> None:
    """Add the controls; each runs under the world's lock."""

    def act(path: str, action: Callable[[World, Thread], None]) -> None:
        def view(thread_id: str) -> Response:
            with world.lock:
                thread = world.hubspot.threads.get(thread_id)
                if thread is None:
                    raise not_found("The thread does not exist.")
                action(world, thread)
                threads.changed(world, thread)
            return jsonify(id=thread_id)

        controls.add_url_rule(f"/threads/<thread_id>/{path}", endpoint=path, view_func=view, methods=["POST"])

    act("archive", lambda world, thread: subscriptions.archive(world, thread, archived=True))
    act("unarchive", lambda world, thread: subscriptions.archive(world, thread, archived=False))
    act("erase", subscriptions.erase)

    @controls.post("/events/conversations")
    def inject() -> dict[str, Any]:
        """Send any array, rightly signed, to the app's events address."""
        with world.lock:
            app = world.hubspot.apps.get(request.args.get("app", seed.APP_ID))
            if app is None or not app.events_url:
                raise not_found("The app does not exist or has no eventsUrl.")
            return {"delivery": subscriptions.send(world, app, request.get_json(force=True))}
