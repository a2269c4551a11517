"""How pages are answered: in the reader's language, kept by nobody, and with a page for everything that fails."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from app import logs
from app.console.languages import Language, preferred
from app.console.tickets import Tickets
from app.relay.services import Services
from app.storage.database import DatabaseAway

log = logs.get_logger(__name__)

#: The files of the pages; the other blueprints here have templates alone.
blueprint = Blueprint("console", __name__, static_folder="static", static_url_path="/console/static")


@dataclass(frozen=True)
class Trouble:
    """A page that says what went wrong and what to do. ``key``: its texts; ``detail``: the other side's words."""

    key: str
    status: int = HTTPStatus.BAD_REQUEST
    detail: str = ""
    #: Sealed, where the same can be tried again at once.
    again: str = ""
    #: The address of the same page, where a later look may find it mended.
    reload: str = ""
    #: Leads to the install page, where installing anew mends it.
    install: bool = False
    name: str = ""


def services() -> Services:
    """Return the services of this process."""
    found: Services = current_app.extensions["relay"]
    return found


def tickets() -> Tickets:
    """Return who issues tickets here."""
    return Tickets(services().vault)


def show(template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Answer with a page."""
    language: Language = preferred()
    page = render_template(f"console/{template}", say=language.say, language=language, **values)
    response = make_response(page, status)
    response.headers["Content-Language"] = language.tag
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def trouble(what: Trouble) -> Response:
    """Answer with the page of something that went wrong."""
    return show("trouble.html", what.status, trouble=what)


def set_cookie(response: Response, name: str, value: str, *, path: str, life: int | None = None) -> None:
    """Give the browser a cookie that no script reads and that other sites' forms do not send."""
    secure = services().settings.public_url.startswith("https://")
    response.set_cookie(name, value, max_age=life, path=path, secure=secure, httponly=True, samesite="Lax")


def prepare(pages: Blueprint) -> Blueprint:
    """Let a blueprint's failures be pages, and let nobody keep what it answers."""
    for away in DatabaseAway:
        pages.register_error_handler(away, _database_away)
    pages.register_error_handler(HTTPException, _http_error)
    pages.register_error_handler(Exception, _failed)
    pages.after_request(_unkept)
    return pages


def _unkept(response: Response) -> Response:
    # No Cross-Origin-Opener-Policy: HubSpot's page that opened the window waits for it to come back.
    response.headers["Cache-Control"] = "no-store"
    return response


def _database_away(error: Exception) -> Response:
    log.error("database_away", error=type(error).__name__, hint="see RELAY_DATABASE_URL and `relay doctor`")
    return trouble(Trouble("relay_away", HTTPStatus.SERVICE_UNAVAILABLE))


def _http_error(error: HTTPException) -> Response:
    if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return trouble(Trouble("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
    return make_response(error)


def _failed(error: Exception) -> Response:
    log.error("page_raised", path=request.path, exc_info=error, hint="what was entered may have to be entered again")
    return trouble(Trouble("relay_failed", HTTPStatus.INTERNAL_SERVER_ERROR))
