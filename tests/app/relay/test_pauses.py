from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.domain.account import RunState
from app.hubspot.portal import fingerprint
from app.relay import pauses
from app.relay.verdict import Next, Verdict
from app.storage.accounts import Side
from app.storage.attempts import Outcome
from app.storage.tables import accounts
from app.storage.tables import portals as portal_table
from tests.app.relay.world import RelayWorld

CURRENT = "access-token-of-today"


def refusal(what: Next, credential: str = "") -> Verdict:
    return Verdict(
        what, Outcome.UNAUTHORIZED, "pending", "token_refused", "Install the app again.", credential=credential
    )


def pause(relay: RelayWorld, verdict: Verdict) -> None:
    account = relay.account_now()
    with relay.services.database.write() as connection:
        pauses.pause(relay.services, connection, account, side=Side.SERVICE, verdict=verdict)


def portal_state(relay: RelayWorld) -> str:
    with relay.services.database.read() as connection:
        return str(connection.execute(select(portal_table.c.state)).scalar_one())


@pytest.mark.parametrize(
    ("refused", "state"), [(CURRENT, "paused"), ("access-token-of-yesterday", "running"), (None, "paused")]
)
def test_only_the_refusal_of_todays_token_pauses_the_portal(
    light_relay: RelayWorld, refused: str | None, state: str
) -> None:
    light_relay.execute(update(portal_table).values(access_token=light_relay.services.vault.seal(CURRENT)))
    pause(light_relay, refusal(Next.PAUSE_PORTAL, fingerprint(refused) if refused else ""))
    assert portal_state(light_relay) == state


def test_a_refusal_of_old_credentials_does_not_pause_the_account(light_relay: RelayWorld) -> None:
    account = light_relay.account_now()
    light_relay.execute(update(accounts).values(credentials_version=accounts.c.credentials_version + 1))
    with light_relay.services.database.write() as connection:
        verdict = refusal(Next.PAUSE_ACCOUNT)
        pauses.pause(light_relay.services, connection, account, side=Side.SERVICE, verdict=verdict)
    assert light_relay.account_now().service_state is RunState.RUNNING


def test_a_refusal_of_the_credentials_in_use_pauses_that_side_alone(light_relay: RelayWorld) -> None:
    pause(light_relay, refusal(Next.PAUSE_ACCOUNT))
    found = light_relay.account_now()
    assert (found.service_state, found.hubspot_state) == (RunState.PAUSED, RunState.RUNNING)
    assert found.service_hint == "Install the app again."
    assert portal_state(light_relay) == "running"
