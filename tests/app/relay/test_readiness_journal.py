from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.relay import readiness
from app.relay.services import Services
from tests.app.relay.journaling import away, from_hubspot, journaling, until_empty
from tests.app.relay.world import RelayWorld, outgoing


@pytest.fixture
def services(light_relay: RelayWorld) -> Iterator[Services]:
    with journaling(light_relay) as found:
        yield found


def test_with_a_journal_a_database_that_is_away_is_only_a_warning(light_relay: RelayWorld, services: Services) -> None:
    assert readiness.check(light_relay.services).ready
    with away(light_relay):
        assert not readiness.check(light_relay.services).ready
        from_hubspot(services, outgoing())
        report = readiness.check(services)
        assert report.ready
        assert any("does not answer" in one for one in report.warnings)
        assert any("bytes wait" in one for one in report.warnings)
    until_empty(services)
    assert not any("journal" in one for one in readiness.check(services).warnings)


def test_a_journal_that_knows_no_accounts_cannot_take_the_databases_place(light_relay: RelayWorld) -> None:
    with away(light_relay), journaling(light_relay) as services:
        report = readiness.check(services)
        assert not report.ready
        assert "knows no accounts" in report.reasons[0]
