"""The simulator as one Flask application: HubSpot at the root, the messengers beside it, controls under /_sim."""

from __future__ import annotations

from flask import Flask

from app.settings import Settings
from app.simulator import admin, loopback, page, telegram
from app.simulator.hubspot import api
from app.simulator.world import World

# Bodies larger than this are refused by the server before any simulated limit is asked.
LARGEST_BODY = 160 * 1024 * 1024


def create_simulator(settings: Settings, *, world: World | None = None) -> Flask:
    """Build the application on a world; without one it gets a fresh, empty one.

    The world is at `app.extensions["world"]`.
    """
    world = world or World()
    app = Flask("app.simulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["world"] = world
    world.calls.watch(app)
    app.register_blueprint(api.blueprint(world))
    app.register_blueprint(admin.blueprint(world, settings))
    app.register_blueprint(telegram.blueprint(world), url_prefix="/telegram")
    app.register_blueprint(loopback.blueprint(world), url_prefix="/loopback")
    app.register_blueprint(page.blueprint(world))
    return app
