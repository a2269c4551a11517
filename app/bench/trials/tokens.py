"""One refresh for everybody, when an access token has expired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import distinct, func, select, update

from app.bench.cluster import Cluster, Shape
from app.bench.report import Figure, Report, count
from app.bench.trials import weather
from app.bench.trials.customers import Customers, said
from app.bench.trials.hold import held
from app.bench.trials.observed import Observed, observing
from app.bench.trials.trial import Options, Trial
from app.bench.trials.watch import until, workers_up
from app.simulator.faults import Api, Fault, FaultKind, FaultRule
from app.storage import tables

LANES: Final = 50
_PATIENCE = 60.0
_UNAUTHORISED = 401
_REFRESHING = "token_refreshing"
#: All lanes are in flight at once: more slots than lanes, and shares that let them all pass.
_SHAPE = Shape(workers=3, threads=20)
_SETTINGS = {"hubspot_rate": str(weather.UNLIMITED), "account_share": "60", "portal_share": "60"}
#: A refresh takes so long (seconds) that everybody meets the expired token before it is over.
_REFRESH = FaultRule(api=Api.HUBSPOT, path="/oauth/", fault=Fault(kind=FaultKind.SLOW, seconds=3.0))


def run(options: Options) -> Report:
    """Let 50 lanes meet a token that HubSpot refuses, and then one of which the relay knows that it is over."""
    with observing(options, _SHAPE, _SETTINGS) as (found, observed):
        observed.world.switch(rate_limit=weather.UNLIMITED)
        observed.world.faults.add(_REFRESH)
        workers_up(found)
        trial = _Meeting(found, observed)
        trial.meet(1, lambda: None)
        refused = trial.figures("HubSpot refuses it", lambda: observed.world.advance(3600))
        known = trial.figures("its time is over", lambda: _expire(found))
        return Report(f"Tokens: {LANES} lanes meet an expired token, three workers", [*refused, *known])


def _expire(found: Cluster) -> None:
    """Let the relay believe that its token is over."""
    with found.services.database.write() as connection:
        connection.execute(update(tables.portals).values(access_expires_at=0.0))


class _Meeting:
    """Lanes that all begin in one moment."""

    def __init__(self, found: Cluster, observed: Observed) -> None:
        self._services = found.services
        self._account = found.accounts[0]
        self._observed = observed
        self._customers = Customers(self._account, found.webs)
        self._said = 0

    def meet(self, lanes: int, prepare: Callable[[], None]) -> bool:
        """Let so many lanes begin at once, after ``prepare``; return whether all of them arrived."""
        before = len(self._observed.world.hubspot.messages)
        with held(self._services, self._account.portal_id):
            self._customers.say(said(f"c{number}", self._said) for number in range(lanes))
            prepare()
        self._said += 1
        return until(lambda: len(self._observed.world.hubspot.messages) >= before + lanes, within=_PATIENCE)

    def figures(self, how: str, prepare: Callable[[], None]) -> list[Figure]:
        """Let all lanes meet an expired token; return what HubSpot saw."""
        before, waited = len(self._observed.calls), self._waited()
        arrived = self.meet(LANES, prepare)
        calls = self._observed.calls[before:]
        return [
            count(f"{how}: refresh calls", sum(one.is_refresh for one in calls), must_be=1),
            count(f"{how}: lanes that waited for another's refresh", self._waited() - waited),
            count(f"{how}: calls answered 401", sum(one.status == _UNAUTHORISED for one in calls)),
            count(f"{how}: all arrived", arrived, must_be=1),
        ]

    def _waited(self) -> int:
        """Count the messages that met a refresh under way, by the code of such an attempt."""
        met = select(func.count(distinct(tables.attempts.c.message_id))).where(tables.attempts.c.code == _REFRESHING)
        with self._services.database.read() as connection:
            return int(connection.execute(met).scalar_one())


TRIAL: Final = Trial("tokens", "50 lanes meet an expired token at once, three workers: one refresh", run)
