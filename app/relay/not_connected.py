"""Why an account was not connected, as people are told."""

from __future__ import annotations

from enum import StrEnum

from app.errors import OutcomeUnknown, RelayError, Transient, Unauthorized


class Problem(StrEnum):
    """What stands in the way; each has its sentence in every language."""

    PORTAL_UNKNOWN = "portal_unknown"
    PORTAL_PAUSED = "portal_paused"
    CHANNEL_UNKNOWN = "channel_unknown"
    SCOPES_MISSING = "scopes_missing"
    CREDENTIALS_REFUSED = "credentials_refused"
    SERVICE_AWAY = "service_away"
    SERVICE_REFUSED = "service_refused"
    CONNECTED_HERE = "connected_here"
    CONNECTED_ELSEWHERE = "connected_elsewhere"
    WINDOW_EXPIRED = "window_expired"
    HUBSPOT_AWAY = "hubspot_away"
    HUBSPOT_REFUSED = "hubspot_refused"
    NOT_REGISTERED = "not_registered"


#: HubSpot's refusals by the code of our error; any other is just a refusal.
_BY_CODE = {
    "channel_unknown": Problem.CHANNEL_UNKNOWN,
    "missing_scopes": Problem.SCOPES_MISSING,
    "unknown_portal": Problem.PORTAL_UNKNOWN,
    "reinstall": Problem.PORTAL_PAUSED,
    "app_settings": Problem.HUBSPOT_REFUSED,
    "token_refused": Problem.PORTAL_PAUSED,
    "refresh_refused": Problem.PORTAL_PAUSED,
}


class NotConnected(Exception):
    """The account was not connected. ``hint`` is the other side's sentence (English), ``name`` the account's."""

    def __init__(self, problem: Problem, hint: str = "", *, name: str = "") -> None:
        """Keep what people are told."""
        super().__init__(hint or problem.value)
        self.problem = problem
        self.hint = hint
        self.name = name


def hubspot_problem(error: Exception) -> NotConnected:
    """Return what an error of a call to HubSpot means at the window."""
    if isinstance(error, RelayError):
        away = isinstance(error, Transient | OutcomeUnknown)
        other = Problem.HUBSPOT_AWAY if away else Problem.HUBSPOT_REFUSED
        return NotConnected(_BY_CODE.get(error.reason, other), error.hint)
    return NotConnected(Problem.HUBSPOT_REFUSED, str(error))


def service_problem(error: RelayError) -> NotConnected:
    """Return what an error of a test at the messaging service means at the window."""
    if isinstance(error, Unauthorized):
        return NotConnected(Problem.CREDENTIALS_REFUSED, error.hint)
    if isinstance(error, Transient | OutcomeUnknown):
        return NotConnected(Problem.SERVICE_AWAY, error.hint)
    return NotConnected(Problem.SERVICE_REFUSED, error.hint)
