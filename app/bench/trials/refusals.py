"""Order and completeness where the APIs refuse one call of twenty."""

from __future__ import annotations

from typing import Final

from app.bench.cluster import Shape
from app.bench.report import Bar, Figure, Report
from app.bench.trials import weather
from app.bench.trials.order import talking
from app.bench.trials.trial import Options, Trial

SHARE: Final = 0.05


def run(options: Options) -> Report:
    """Let both sides write while both APIs refuse calls, and count."""
    with talking(options, Shape(workers=2)) as (found, http, talk):
        weather.refuse(found, http, SHARE)
        talk.go()
        hits = Figure("calls that were refused", [weather.refused(found, http)], "", Bar.AT_LEAST, 1)
        return talk.report("Refusals: 5 % of the calls are answered 503 at both APIs", hits)


TRIAL: Final = Trial("refusals", "the same, and 5 % of the calls are answered 503", run)
