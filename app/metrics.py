"""Every metric of the relay. Labels have few values: names and outcomes, never ids."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector


@dataclass(frozen=True)
class Entry:
    """A metric as the documentation lists it; ``kind`` is counter, gauge or histogram."""

    name: str
    kind: str
    labels: tuple[str, ...]
    description: str


_registry = CollectorRegistry()
_entries: list[tuple[Entry, MetricWrapperBase]] = []
#: The folder that processes share, as soon as there is one.
_shared: list[Path] = []

#: Boundaries in seconds. Accepting is local and quick; calls end with their deadline.
_ACCEPT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_CALL_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 20, 60)


def _counter(name: str, description: str, *labels: str) -> Counter:
    entry = Entry(f"relay_{name}", "counter", labels, description)
    metric = Counter(entry.name, description, labels, registry=_registry)
    _entries.append((entry, metric))
    return metric


def _gauge(name: str, description: str) -> Gauge:
    """Of several processes the one that wrote last counts: schedulers all look at the same database."""
    entry = Entry(f"relay_{name}", "gauge", (), description)
    metric = Gauge(entry.name, description, registry=_registry, multiprocess_mode="mostrecent")
    _entries.append((entry, metric))
    return metric


def _histogram(name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    entry = Entry(f"relay_{name}", "histogram", labels, description)
    metric = Histogram(entry.name, description, labels, registry=_registry, buckets=buckets)
    _entries.append((entry, metric))
    return metric


WEBHOOKS: Final = _counter(
    "webhooks_total", "Requests received, by sender and what became of them.", "source", "outcome"
)
SIGNATURES_REFUSED: Final = _counter(
    "signatures_refused_total", "Requests in HubSpot's name that were refused for their signature, by cause.", "cause"
)
SIGNATURE_REFUSED_AT: Final = _gauge(
    "signature_refused_timestamp_seconds", "When such a request was last refused; 0: never since the start."
)
ACCEPT_SECONDS: Final = _histogram("accept_seconds", "Time from a verified webhook to its commit.", _ACCEPT_BUCKETS)
JOURNAL_APPENDED: Final = _counter(
    "journal_appended_total", "Requests written into the journal because the database was away."
)
JOURNAL_WAITING: Final = _gauge("journal_waiting_bytes", "What waits in the journals of this machine, in bytes.")
RINGS: Final = _counter(
    "rings_total", "Rings of the doorbell; failed ones are made up for by the scheduler.", "outcome"
)
CALLS: Final = _counter("calls_total", "Calls to HubSpot and the services, by outcome.", "api", "outcome")
CALL_SECONDS: Final = _histogram(
    "call_seconds", "Time of those calls, from DNS to the last byte.", _CALL_BUCKETS, "api"
)
MESSAGES: Final = _counter("messages_total", "Messages that reached a status.", "direction", "status")
MEDIA: Final = _counter("media_total", "Attachments prepared, by outcome.", "outcome")
MEDIA_SERVED: Final = _counter("media_served_total", "Requests for media links, by status.", "status")
MEDIA_KEPT_BYTES: Final = _gauge("media_kept_bytes", "Bytes that are kept for messaging services.")
CONTACTS: Final = _counter("contacts_total", "Customers whose contact was looked for, by outcome.", "outcome")
CONVERSIONS: Final = _counter(
    "conversions_total", "Attachments made into what the other side shows, by outcome.", "form", "outcome"
)
DEAD_LETTERS: Final = _counter("dead_letters_total", "Messages that became dead letters.", "connector", "reason")
CONVERSATION_EVENTS: Final = _counter(
    "conversation_events_total",
    "Events of HubSpot's subscriptions, by what they tell and whether it was news.",
    "fact",
    "outcome",
)
ECHOES: Final = _counter(
    "echoes_total", "Messages of our own that came back as events and were dropped, by who told of them.", "source"
)
SWITCHED_OFF: Final = _counter(
    "events_switched_off_total", "Edits, deletions and reactions that their account does not show its agents."
)
TOKENS_REFRESHED: Final = _counter("tokens_refreshed_total", "Access tokens of portals that were refreshed.")
RECONCILED: Final = _counter("reconciled_total", "Gaps between HubSpot and us that were filled.", "gap")
HUBSPOT_SILENT: Final = _gauge(
    "hubspot_silent_seconds", "Office hours since HubSpot's last webhook, where `RELAY_SILENCE_ALARM` is set."
)
TOKENS_NOT_REFRESHED: Final = _counter(
    "tokens_not_refreshed_total", "Refreshes that HubSpot refused or did not answer, by code.", "code"
)
LANES_DUE: Final = _gauge("lanes_due", "Lanes that have something to do now.")
OLDEST_DUE_SECONDS: Final = _gauge("oldest_due_seconds", "How long the lane that waits longest has been due.")
BREAKERS_OPEN: Final = _gauge("breakers_open", "Sides of accounts, and portals, that fail or refuse us now.")
PAUSED_ACCOUNTS: Final = _gauge("paused_accounts", "Channel accounts that are paused.")

ProcessCollector(registry=_registry)


@dataclass(frozen=True)
class Sample:
    """One value of a metric, with its labels."""

    labels: Mapping[str, str]
    value: float


def render() -> tuple[bytes, str]:
    """Return all metrics as Prometheus reads them, and their content type."""
    return generate_latest(_everything()), CONTENT_TYPE_LATEST


def read(metric: Counter | Gauge) -> list[Sample]:
    """Return a metric's values, the sums of all processes that ``render`` tells of."""
    [entry] = [entry for entry, one in _entries if one is metric]
    samples = (one for family in _everything().collect() for one in family.samples)
    return [Sample(one.labels, one.value) for one in samples if one.name == entry.name]


def _everything() -> CollectorRegistry:
    if not _shared:
        return _registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(_shared[-1]))  # type: ignore[no-untyped-call]  # the library's own gap
    return registry


def configure_multiprocess(folder: Path) -> None:
    """Count in files of ``folder`` from now on, so that ``render`` tells the sum of all processes that use it.

    For every process of one machine, before it counts and before it forks. The first of them empties the folder:
    files of processes that are gone are counted on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The library reads the variable when it opens a file, and chooses the class when it is imported; it was already.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    _shared.append(folder)
    for entry, metric in _entries:
        if not entry.labels:
            metric._metric_init()  # type: ignore[no-untyped-call]  # noqa: SLF001  # makes its value anew; labelled ones do when a label is first seen


def catalogue() -> list[Entry]:
    """Return what there is, in the order of this file."""
    return [entry for entry, _ in _entries]
