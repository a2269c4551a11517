"""The simulator's own controls under /_sim: for the page, the demo and the tests; the relay never calls them."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from app.settings import Settings
from app.simulator import assertions, seed, stage, stage_conversations, stage_desk, stage_files
from app.simulator.events import HEARTBEAT_SECONDS
from app.simulator.faults import Api, FaultRule
from app.simulator.hubspot.errors import ApiError, not_found, render
from app.simulator.stage_given import RoutesGiven, arguments
from app.simulator.switches import describe
from app.simulator.world import World


def blueprint(world: World, settings: Settings) -> Blueprint:
    """The controls of one world."""
    controls = Blueprint("sim", __name__, url_prefix="/_sim")
    _add_control_routes(controls, world, settings)
    stage.add_routes(controls, world)
    stage_desk.add_routes(controls, world)
    stage_files.add_routes(controls, world)
    stage_conversations.add_routes(controls, world)
    controls.register_error_handler(ApiError, lambda error: render(error, world))
    controls.register_error_handler(ValidationError, _refuse)
    return controls


def _add_control_routes(controls: Blueprint, world: World, settings: Settings) -> None:
    for method, path, view in (
        ("GET", "/switches", lambda: _switches(world)),
        ("PUT", "/switches", lambda: _set_switches(world)),
        ("GET", "/faults", lambda: jsonify(world.faults.list())),
        ("POST", "/faults", lambda: _add_fault(world)),
        ("DELETE", "/faults", lambda: _clear_faults(world)),
        ("DELETE", "/faults/<rule_id>", lambda rule_id: _remove_fault(world, rule_id)),
        ("POST", "/clock", lambda: _move_clock(world)),
        ("PUT", "/routes", lambda: _set_routes(world)),
        ("GET", "/deliveries", lambda: _deliveries(world)),
        ("GET", "/calls", lambda: jsonify(world.calls.list())),
        ("GET", "/assertions", lambda: jsonify(assertions.report(world, request.args.getlist("excused")))),
        ("POST", "/secrets", lambda: jsonify(assertions.secrets_in(world, request.get_data(as_text=True)))),
        ("GET", "/events", lambda: _events(world)),
        ("POST", "/reset", lambda: _reset(world)),
        ("POST", "/seed", lambda: _seed(world, settings)),
    ):
        controls.add_url_rule(path, endpoint=f"{method} {path}", view_func=view, methods=[method])


def _switches(world: World) -> Response:
    values = world.switches.model_dump(mode="json")
    return jsonify({"values": values, "switches": describe()})


def _set_switches(world: World) -> Response:
    return jsonify(world.switch(**arguments()).model_dump(mode="json"))


def _add_fault(world: World) -> Response:
    rule = world.faults.add(FaultRule.model_validate(arguments()))
    response = jsonify(rule.model_dump(mode="json"))
    response.status_code = 201
    return response


def _clear_faults(world: World) -> Response:
    world.faults.clear()
    return Response(status=204)


def _remove_fault(world: World, rule_id: str) -> Response:
    if not world.faults.remove(rule_id):
        raise not_found("No fault rule has this id.")
    return Response(status=204)


def _move_clock(world: World) -> Response:
    seconds = arguments().get("advance", 0)
    if not isinstance(seconds, int | float) or seconds < 0:
        raise ApiError(400, "advance is a number of seconds.")
    world.advance(seconds)
    return jsonify({"now": world.clock.iso()})


def _set_routes(world: World) -> Response:
    routes = RoutesGiven.model_validate(arguments()).root
    world.delivery.routes.set(routes)
    return jsonify(routes)


def _deliveries(world: World) -> Response:
    api = Api(request.args["api"]) if request.args.get("api") in set(Api) else None
    return jsonify(
        {
            "pending": world.delivery.pending(api=api),
            "attempts": [attempt.as_json() for attempt in world.delivery.attempts(api=api)],
        }
    )


def _events(world: World) -> Response:
    last = request.headers.get("Last-Event-ID") or request.args.get("after")
    heartbeat = request.args.get("heartbeat", HEARTBEAT_SECONDS, type=float)
    stream = world.events.subscribe(int(last) if last and last.isdecimal() else None, heartbeat=heartbeat)
    return Response(stream, mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


def _reset(world: World) -> Response:
    world.reset()
    return Response(status=204)


def _seed(world: World, settings: Settings) -> Response:
    relay_url = arguments().get("relayUrl")
    if not isinstance(relay_url, str) or not relay_url.startswith("http"):
        raise ApiError(400, "relayUrl is the address of the relay.")
    return jsonify(seed.seed(world, settings, relay_url.rstrip("/")))


def _refuse(error: ValidationError) -> tuple[Response, int]:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return jsonify({"status": "error", "message": f"{place}: {first['msg']}"}), 400
