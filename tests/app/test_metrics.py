from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app import metrics

COUNT_IN_TWO_PROCESSES = """
import os, sys
from pathlib import Path
from app import metrics
metrics.configure_multiprocess(Path(sys.argv[1]))
child = os.fork()
metrics.RINGS.labels(outcome="rung").inc(2)
metrics.CALL_SECONDS.labels(api="hubspot").observe(0.3)
metrics.TOKENS_REFRESHED.inc()
metrics.LANES_DUE.set(7 if child else 3)
if child:
    assert os.waitpid(child, 0)[1] == 0
    metrics.LANES_DUE.set(7)
    sys.stdout.buffer.write(metrics.render()[0])
"""


def test_render_shows_what_was_counted() -> None:
    metrics.RINGS.labels(outcome="test").inc(3)
    body, content_type = metrics.render()
    assert b'relay_rings_total{outcome="test"} 3.0' in body
    assert b"process_resident_memory_bytes" in body
    assert content_type.startswith("text/plain")


def test_a_metric_can_be_read_as_it_is_rendered() -> None:
    metrics.SIGNATURES_REFUSED.labels(cause="test").inc(2)
    assert [one.value for one in metrics.read(metrics.SIGNATURES_REFUSED) if one.labels == {"cause": "test"}] == [2]
    metrics.LANES_DUE.set(5)
    assert [one.value for one in metrics.read(metrics.LANES_DUE)] == [5]


def test_the_catalogue_names_every_metric_that_is_rendered() -> None:
    body = metrics.render()[0].decode()
    shown = {line.split()[2] for line in body.splitlines() if line.startswith("# TYPE relay_")}
    listed = [entry.name for entry in metrics.catalogue()]
    assert {name for name in shown if not name.endswith("_created")} == set(listed)
    assert len(listed) == len(set(listed))


def test_every_metric_is_described() -> None:
    for entry in metrics.catalogue():
        assert entry.description.endswith("."), entry.name
        assert entry.kind in {"counter", "gauge", "histogram"}
        assert entry.name.endswith("_total") == (entry.kind == "counter")


def test_processes_that_share_a_folder_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", COUNT_IN_TWO_PROCESSES, str(folder)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=30).stdout  # noqa: S603
    assert 'relay_rings_total{outcome="rung"} 4.0' in shown
    assert 'relay_call_seconds_count{api="hubspot"} 2.0' in shown
    assert "relay_tokens_refreshed_total 2.0" in shown
    assert "relay_lanes_due 7.0" in shown
