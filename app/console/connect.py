"""The page that HubSpot opens in its pop-up: choose a service, enter its credentials, go back to HubSpot."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request

from app import logs
from app.connectors.base import Connector
from app.console import forms
from app.console.forms import Form
from app.console.languages import preferred
from app.console.pages import Trouble, prepare, services, set_cookie, show, tickets, trouble
from app.console.tickets import Purpose, TicketExpired, TicketInvalid, same
from app.hubspot.popup import PARAMETERS, Popup, PopupInvalid, read_popup
from app.relay import connect as use
from app.relay.connect import Draft
from app.relay.not_connected import NotConnected, Problem

#: Binds a form to the browser that was shown it.
COOKIE: Final = "relay_window"
#: So long (seconds) a form may be filled in. How long HubSpot waits is not documented.
LIFE: Final = 3_600

#: What can be mended by entering something else...
_IN_FORM: Final = frozenset({Problem.CREDENTIALS_REFUSED, Problem.SERVICE_REFUSED})
#: ...and by sending the same again.
_AGAIN: Final = frozenset({Problem.SERVICE_AWAY, Problem.HUBSPOT_AWAY, Problem.NOT_REGISTERED})
#: ...and by asking for the page again, before there is a form: a new channel is not seen at once.
_RELOAD: Final = frozenset({Problem.CHANNEL_UNKNOWN, Problem.HUBSPOT_AWAY})
#: ...and by installing the app again.
_INSTALL: Final = frozenset({Problem.PORTAL_UNKNOWN, Problem.PORTAL_PAUSED, Problem.SCOPES_MISSING})

_STATUS: Final[Mapping[Problem, int]] = {
    Problem.PORTAL_UNKNOWN: HTTPStatus.NOT_FOUND,
    Problem.CHANNEL_UNKNOWN: HTTPStatus.NOT_FOUND,
    Problem.CONNECTED_HERE: HTTPStatus.CONFLICT,
    Problem.CONNECTED_ELSEWHERE: HTTPStatus.CONFLICT,
    Problem.WINDOW_EXPIRED: HTTPStatus.GONE,
    Problem.CREDENTIALS_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.SERVICE_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.SERVICE_AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Problem.HUBSPOT_AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Problem.NOT_REGISTERED: HTTPStatus.SERVICE_UNAVAILABLE,
}

log = logs.get_logger(__name__)

blueprint = prepare(Blueprint("connect", __name__, template_folder="templates"))


@dataclass(frozen=True)
class Window:
    """What a form remembers while it is filled in: whose it is, where it leads, and what was entered so far."""

    browser: str
    popup: Popup
    connector: str
    key: str
    draft: Draft | None = None

    def sealed(self) -> str:
        """Return it as a ticket."""
        return tickets().issue(Purpose.CONNECT, asdict(self))

    @classmethod
    def opened(cls, body: Mapping[str, Any]) -> Window:
        """Read what ``sealed`` has written."""
        draft = Draft(**body["draft"]) if body["draft"] else None
        return cls(body["browser"], Popup(**body["popup"]), body["connector"], body["key"], draft)


@blueprint.get("/connect")
def begin() -> Response:
    """Check what HubSpot's pop-up has brought along; show the services to choose from, or the form of the one."""
    try:
        popup = read_popup(request.args, services().settings)
    except PopupInvalid as error:
        log.warning("window_refused", parameter=error.parameter, reason=error.wrong.value)
        return trouble(Trouble(error.wrong.value, HTTPStatus.BAD_REQUEST))
    try:
        use.check(services(), popup)
    except NotConnected as error:
        return trouble(replace(_trouble(error), reload=_address(popup) if error.problem in _RELOAD else ""))
    served = use.served(services().settings)
    chosen = next((one for one in served if one.name == request.args.get("connector")), None)
    if len(served) == 1:
        chosen = served[0]
    if chosen is None:
        return show("choose.html", served=[(one.title, _address(popup, one)) for one in served])
    browser = _browser() or secrets.token_urlsafe(24)
    window = Window(browser, popup, chosen.name, secrets.token_urlsafe(24))
    response = _form(window, forms.blank(chosen, preferred()))
    set_cookie(response, COOKIE, tickets().issue(Purpose.BROWSER, {"id": browser}), path="/connect")
    return response


@blueprint.post("/connect")
def go_on() -> Response:
    """Take a form: test what was entered, connect the account, and send the browser back to HubSpot."""
    try:
        window = Window.opened(tickets().read(Purpose.CONNECT, request.form.get("ticket", ""), life=LIFE))
    except TicketExpired:
        return trouble(Trouble("form_expired", HTTPStatus.GONE))
    except TicketInvalid:
        return trouble(Trouble("form_foreign", HTTPStatus.FORBIDDEN))
    if not same(window.browser, _browser()):
        return trouble(Trouble("browser_foreign", HTTPStatus.FORBIDDEN))
    connector = next((one for one in use.served(services().settings) if one.name == window.connector), None)
    if connector is None:
        return trouble(Trouble("form_expired", HTTPStatus.GONE))
    return _connected(window) if window.draft else _entered(window, connector)


def _entered(window: Window, connector: Connector) -> Response:
    """Read the form. A service that needs a file installed at its own side comes to that first."""
    form = forms.read(connector, preferred(), request.form)
    if not form.is_good:
        return _form(window, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    draft = Draft(connector.name, form.account_name, form.credentials, window.key)
    window = replace(window, draft=draft)
    file = use.registration(services(), window.popup, draft)
    return _registration(window, file) if file is not None else _connected(window, form)


def _connected(window: Window, form: Form | None = None) -> Response:
    draft = window.draft
    assert draft is not None  # noqa: S101 - both callers have one
    try:
        done = use.connect(services(), window.popup, draft)
    except NotConnected as error:
        return _not_connected(window, draft, form, error)
    if done.back:
        return redirect(window.popup.redirect_url, HTTPStatus.SEE_OTHER)  # type: ignore[return-value]
    return show("done.html", url=window.popup.redirect_url)


def _not_connected(window: Window, draft: Draft, form: Form | None, error: NotConnected) -> Response:
    """Show what went wrong where it can be mended: in the form, beside the file, or on a page of its own."""
    log.info("not_connected", problem=error.problem.value, portal=window.popup.portal_id, hint=error.hint)
    what = _trouble(error)
    if error.problem in _IN_FORM:
        file = use.registration(services(), window.popup, draft)
        if file is not None:
            return _registration(window, file, what)
        if form is not None:
            return _form(replace(window, draft=None), form, what.status, refused=what)
    return trouble(replace(what, again=window.sealed() if error.problem in _AGAIN else ""))


def _trouble(error: NotConnected) -> Trouble:
    problem = error.problem
    status = _STATUS.get(problem, HTTPStatus.BAD_GATEWAY)
    return Trouble(problem.value, status, error.hint, install=problem in _INSTALL, name=error.name)


def _form(window: Window, form: Form, status: int = HTTPStatus.OK, *, refused: Trouble | None = None) -> Response:
    several = len(use.served(services().settings)) > 1
    back = _address(window.popup) if several else ""
    return show("form.html", status, form=form, ticket=window.sealed(), refused=refused, back=back)


def _registration(window: Window, file: str, refused: Trouble | None = None) -> Response:
    status = refused.status if refused else HTTPStatus.OK
    return show("registration.html", status, file=file, ticket=window.sealed(), refused=refused)


def _address(popup: Popup, connector: Connector | None = None) -> str:
    """Return the page's own address, for one connector or for the choice."""
    query = {theirs: str(getattr(popup, ours)) for ours, theirs in PARAMETERS.items()}
    return f"{request.path}?{urlencode(query | ({'connector': connector.name} if connector else {}))}"


def _browser() -> str:
    """Return what tells this browser from others, an empty text where it is new here."""
    try:
        return str(tickets().read(Purpose.BROWSER, request.cookies.get(COOKIE, "")).get("id", ""))
    except TicketInvalid:
        return ""
