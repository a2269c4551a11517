"""The scheduler process: looks again and again, until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time

from app import logs, metrics
from app.relay import connect, reconcile, schedule
from app.relay.reconcile.paced import Interrupted
from app.relay.services import Services, build
from app.settings import load, secrets
from app.storage.database import DatabaseAway

#: Seconds between two clean-ups of what is old.
_CLEAN_UP = 600.0
#: Seconds between two looks at the backlog for the metrics, and at accounts.
_MEASURE = 5.0
#: Seconds between two questions whether HubSpot is to be compared with.
_COMPARE = 5.0
#: Seconds to wait while the database is away.
_AWAY = 1.0

log = logs.get_logger(__name__)


def run(services: Services, stop: threading.Event) -> None:
    """Look until ``stop`` is set. An error of one look is logged; the next one is tried."""
    cleaned = measured = time.monotonic()
    while not stop.is_set():
        try:
            pause = schedule.look(services)
            if time.monotonic() - measured > _MEASURE:
                schedule.tend(services)
                schedule.measure(services)
                measured = time.monotonic()
            if time.monotonic() - cleaned > _CLEAN_UP:
                connect.confirm(services)
                schedule.clean_up(services)
                cleaned = time.monotonic()
        except DatabaseAway as error:
            log.warning("database_away", error=type(error).__name__, again_in=_AWAY)
            pause = _AWAY
        except Exception:
            log.exception("look_raised")
            pause = _AWAY
        stop.wait(pause)


def compare(services: Services, stop: threading.Event) -> None:
    """Compare with HubSpot where that is asked for, until ``stop`` is set. Beside the looks: it waits for answers."""
    while not stop.is_set():
        try:
            reconcile.run_due(services, stop)
        except Interrupted:
            return
        except DatabaseAway as error:
            log.debug("database_away", error=type(error).__name__)
        except Exception:
            log.exception("reconcile_raised", hint="what was filled stays filled; it is tried again")
        stop.wait(_COMPARE)


def run_until_signal(services: Services) -> None:
    """Look until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("scheduler_started", name=services.name)
    comparing = threading.Thread(target=compare, args=(services, stop), name="compare", daemon=True)
    comparing.start()
    run(services, stop)
    comparing.join(services.settings.call_timeout)
    services.close()


def main() -> None:
    """Run the role."""
    settings = load()
    logs.configure(settings, secrets(settings))
    metrics.configure_multiprocess(settings.data_dir / "metrics")
    run_until_signal(build(settings))


if __name__ == "__main__":
    main()
