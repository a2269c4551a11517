"""What real APIs are like: their answers take a while that nobody can foresee, and some are refusals."""

from __future__ import annotations

from app.bench import scene
from app.bench.cluster import Cluster
from app.http import Http

#: Longest delay of a call (seconds).
_JITTER = 0.05
_APIS = ("hubspot", "loopback")
_MESSAGES = "/messages"
#: So many calls in ten seconds nobody here makes.
UNLIMITED = 1_000_000


def no_limit(cluster: Cluster, http: Http) -> None:
    """Let HubSpot allow as many calls as one likes; the relay is to be told by its own setting."""
    scene.ask(http, "PUT", f"{cluster.page}/_sim/switches", {"rate_limit": UNLIMITED})


def jitter(cluster: Cluster, http: Http) -> None:
    """Let every call about messages take 0 to 50 ms more, at both APIs."""
    for api in _APIS:
        _fault(cluster, http, api, {"kind": "slow", "seconds": 0, "spread": _JITTER})


def refuse(cluster: Cluster, http: Http, share: float) -> None:
    """Let a share of the calls about messages be answered 503, at both APIs."""
    for api in _APIS:
        _fault(cluster, http, api, {"kind": "status", "status": 503}, probability=share)


def refused(cluster: Cluster, http: Http) -> int:
    """Count the calls that were answered 503 so far."""
    rules = scene.ask(http, "GET", f"{cluster.page}/_sim/faults")
    return sum(int(one["hits"]) for one in rules if one["fault"]["kind"] == "status")


def _fault(cluster: Cluster, http: Http, api: str, fault: dict[str, object], *, probability: float = 1.0) -> None:
    rule = {"api": api, "path": _MESSAGES, "probability": probability, "fault": fault}
    scene.ask(http, "POST", f"{cluster.page}/_sim/faults", rule)
