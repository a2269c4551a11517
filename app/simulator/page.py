"""The page: customers' messengers on one side, the agent's inbox on the other; and the messengers' admin API."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, render_template

from app.simulator import loopback, telegram
from app.simulator.faults import Api, Fault, FaultKind
from app.simulator.world import World


@dataclass(frozen=True)
class OfferedFault:
    """A row of the fault switchboard: its name, what people call it, what it means, and the fault itself."""

    name: str
    title: str
    about: str
    fault: Fault

    @property
    def rule(self) -> str:
        """The fault as the admin API takes it."""
        return self.fault.model_dump_json(exclude_defaults=True)


FAULTS = (
    OfferedFault("slow", "Slow answers", "Each call takes three seconds longer", Fault(kind=FaultKind.SLOW, seconds=3)),
    OfferedFault(
        "limit",
        "Rate limit",
        "Calls are answered 429, try again in 2 s",
        Fault(kind=FaultKind.STATUS, status=429, retry_after=2),
    ),
    OfferedFault("error", "Server errors", "Calls are answered 500", Fault(kind=FaultKind.STATUS, status=500)),
    OfferedFault(
        "lost",
        "Lost answers",
        "The call works, the connection breaks before the answer: Telegram cannot recognise what is sent again",
        Fault(kind=FaultKind.RESET_AFTER),
    ),
    OfferedFault("twice", "Webhooks twice", "Every webhook is sent a second time", Fault(kind=FaultKind.DUPLICATE)),
)

TITLES = {Api.HUBSPOT: "HubSpot", Api.TELEGRAM: "Telegram", Api.LOOPBACK: "Loopback"}


def blueprint(world: World) -> Blueprint:
    """The page at /, its files, and /_sim/loopback, /_sim/telegram and /_sim/messengers."""
    page = Blueprint(
        "page", __name__, template_folder="templates", static_folder="static", static_url_path="/_sim/static"
    )
    page.register_blueprint(loopback.admin(world), url_prefix="/_sim/loopback")
    page.register_blueprint(telegram.admin(world), url_prefix="/_sim/telegram")
    services = (loopback.loopback_of(world), telegram.telegram_of(world))

    @page.get("/")
    def index() -> str:
        return render_template("page.html", faults=FAULTS, apis=[(api.value, title) for api, title in TITLES.items()])

    @page.get("/_sim/messengers")
    def messengers() -> Response:
        found = [messenger for service in services for messenger in service.messengers()]
        return jsonify([messenger.model_dump(mode="json") for messenger in found])

    return page
