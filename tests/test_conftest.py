"""What the run of the tests itself has to hold."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """Where pytest and pytest-xdist do not fit together, groups are ignored in silence."""
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@together")
