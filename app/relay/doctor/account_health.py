"""Checks of the channel accounts: whether they run here, and what HubSpot itself says of them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.domain.account import RunState
from app.hubspot.answers import ChannelAccount
from app.relay.findings import Finding, Level
from app.relay.services import Services
from app.storage import accounts as rows
from app.storage import connections
from app.storage.accounts import AccountRow


def accounts(services: Services) -> Iterator[Finding]:
    """Say which accounts stand still here, and why."""
    with services.database.read() as connection:
        known = rows.every(connection)
    if not known:
        yield Finding("accounts", Level.WARN, "No account is connected.", "`relay accounts add` adds one.")
        return
    stopped = list(filter(None, map(_stopped, known)))
    yield from stopped
    if not stopped:
        yield Finding("accounts", Level.OK, f"All {len(known)} accounts run.")


def compare(portal_id: int, ours: Sequence[AccountRow], theirs: Mapping[str, ChannelAccount]) -> Iterator[Finding]:
    """Compare a portal's accounts with what HubSpot lists for their channels, by HubSpot's id."""
    name = f"portal {portal_id} accounts"
    wrong = list(filter(None, (_at_hubspot(row, theirs.get(row.hubspot_id)) for row in ours)))
    yield from wrong
    if not wrong:
        yield Finding(name, Level.OK, f"HubSpot has all {len(ours)} accounts, switched on and authorised.")
    known = {row.hubspot_id for row in ours}
    strange = [f"{one.id} ({one.name})" for one in theirs.values() if one.id not in known and not one.archived]
    if strange:
        sentence = f"HubSpot has accounts that are connected to nothing here: {', '.join(strange)}."
        fix = "Remove them in HubSpot's inbox settings, or `relay accounts add` connects them; what comes is kept."
        yield Finding(name, Level.WARN, sentence, fix)


def _at_hubspot(row: AccountRow, there: ChannelAccount | None) -> Finding | None:
    """Return what HubSpot says against an account. Its switch ``active`` is a user's alone: no API moves it."""
    name = f"account {row.id} at HubSpot"
    if connections.is_staged(row):
        fix = "Go back to HubSpot in the connect window, or connect the account anew."
        return Finding(name, Level.WARN, f"HubSpot has not confirmed {row.name} yet.", fix)
    if there is None or there.archived:
        fix = "Connect it anew in HubSpot's inbox settings; its conversations are kept and go on."
        return Finding(name, Level.FAIL, f"HubSpot has {row.name} ({row.hubspot_id}) no more.", fix)
    if not there.active:
        fix = "Switch it on in HubSpot's inbox settings: only a user can. A new account may begin switched off."
        return Finding(name, Level.FAIL, f"{row.name} is switched off in HubSpot.", fix)
    if not there.authorized:
        fix = (
            f"HubSpot was told that its service refuses us: `relay accounts test {row.id}` says whether it still does."
        )
        return Finding(name, Level.FAIL, f"{row.name} counts as not authorised in HubSpot.", fix)
    return None


def _stopped(row: AccountRow) -> Finding | None:
    """Return what stops an account; a portal that is paused is told once, and not for each of its accounts."""
    name = f"account {row.id}"
    if row.state is RunState.PURGED:
        return Finding(name, Level.WARN, f"{row.name}: {row.hint}")
    states = ((row.state, row.hint), (row.service_state, row.service_hint), (row.hubspot_state, row.hubspot_hint))
    hints = [hint for state, hint in states if state is not RunState.RUNNING]
    if not hints:
        return None
    return Finding(name, Level.FAIL, f"{row.name} is paused. {' '.join(hints)}", f"`relay accounts resume {row.id}`")
