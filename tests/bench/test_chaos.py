"""Small seeds of chaos through real processes and servers: nothing lost, doubled, reordered or left undone."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from app.bench.chaos import command
from tests.servers.presence import Server, require

SEEDS = (1, 2, 3)
#: How fast all is done depends on what else this machine does.
SPEED = "beyond them, slowest seed"


@pytest.mark.slow
@pytest.mark.xdist_group("crowd")
@pytest.mark.redis
@pytest.mark.postgresql
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_chaos_breaks_no_promise(seed: int) -> None:
    require(Server.REDIS)
    require(Server.POSTGRESQL)
    size = ["--seconds", "6", "--messages", "80", "--cold", "20"]
    run = CliRunner().invoke(command.command, ["--first-seed", str(seed), *size, "--json"])
    (report,) = json.loads(run.stdout)
    breaches = {one["name"]: one["median"] for one in report["figures"] if one["breach"]}
    assert run.exit_code == bool(breaches)
    assert breaches.keys() <= {SPEED}, "\n".join(report["notes"])
