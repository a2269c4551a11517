"""What every test of a client may end with: HubSpot's rules were kept, and no log holds a secret."""

from __future__ import annotations

from collections.abc import Collection

from app.simulator.assertions import report, secrets_in
from app.simulator.world import World


def assert_rules_kept(world: World, *, excused: Collection[str] = (), logs: str = "") -> None:
    """Fail with a sentence for each broken rule. ``excused``: messages that may stay without a status."""
    broken = [
        *report(world, excused)["broken"],
        *(f"The logs hold a secret: {kind}" for kind in secrets_in(world, logs)),
    ]
    if broken:
        raise AssertionError("\n".join(broken))
