"""A simulator on a port of one's choice, and the accounts of a relay that was started without one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack

from app.bench import scene
from app.bench.cluster import Cluster
from app.bench.scene import CHANNEL, Connected
from app.embedded.supervise import Role, Supervisor, relay_command
from app.http import Http
from app.relay import accounts
from app.settings import PREFIX
from app.simulator import seed

_PATIENCE = 60.0


def simulate(stack: ExitStack, port: int, settings: Mapping[str, str]) -> None:
    """Run a simulator until the stack is unwound; ``settings`` hold HubSpot's client id and secret."""
    named = {"environment": "demo", "log_level": "ERROR", "hubspot_app_id": seed.APP_ID, **settings}
    variables = {f"{PREFIX}{name.upper()}": value for name, value in named.items()}
    supervisor = Supervisor({"PATH": os.defpath, **variables}, in_a_hurry=True)
    stack.callback(supervisor.stop)
    quiet = ["/bin/sh", "-c", 'exec "$@" >/dev/null', "simulator", *relay_command("simulator", "--port", str(port))]
    supervisor.start(Role("simulator", quiet))
    scene.wait_for(f"http://127.0.0.1:{port}/_sim/switches", within=_PATIENCE)


def furnish(found: Cluster, http: Http) -> None:
    """Put into the simulator's world what the relay's tables say that there is, and register the webhooks."""
    at = f"{found.page}/_sim"
    scene.ask(http, "POST", f"{at}/seed", {"relayUrl": found.settings.public_url})
    for one in found.accounts:
        scene.ask(http, "POST", f"{at}/portals", {"id": str(one.portal_id), "refreshToken": f"refresh-{one.portal_id}"})
        scene.ask(http, "POST", f"{at}/loopback/accounts", {"token": one.token, "id": one.name, "name": one.name})
        scene.ask(http, "POST", f"{at}/channel-accounts", _account(one))
        accounts.register(found.services, one.id)


def _account(one: Connected) -> dict[str, object]:
    identifier = {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": one.name}
    place = {"portal": str(one.portal_id), "channel": CHANNEL, "inbox": seed.INBOX_ID}
    return {"id": one.hubspot_id, "name": one.name, "identifier": identifier, **place}
