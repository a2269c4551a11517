"""The web application: blueprints, error handlers, security headers, nothing else."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app import logs, metrics
from app.connectors import registry
from app.console import connect, install, pages
from app.errors import SignatureInvalid
from app.receiver import health, media, webhooks
from app.relay.accept import HUBSPOT, UnknownAccountError
from app.relay.journal import NotTaken
from app.relay.journal_store import with_journal
from app.relay.outages import Heartbeat
from app.relay.services import Services, build
from app.settings import Settings, load, secrets
from app.storage.database import DatabaseAway

#: Pages of the relay load nothing from elsewhere and are never framed.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
}

log = logs.get_logger(__name__)


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """Make the web application.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.body_limit
    # A webhook's address is signed as it was asked for: a redirect to a tidier one would not be followed.
    app.url_map.merge_slashes = False
    services = services or build(settings, pool=settings.web_threads + 2)
    app.extensions["relay"] = with_journal(services) if settings.journal else services
    for module in (webhooks, media, health, pages, install, connect):
        app.register_blueprint(module.blueprint)
    app.register_error_handler(SignatureInvalid, _signature_invalid)
    app.register_error_handler(UnknownAccountError, _unknown_account)
    app.register_error_handler(NotTaken, _not_taken)
    for away in DatabaseAway:
        app.register_error_handler(away, _database_away)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _internal_error)
    app.after_request(_finish)
    return app


def from_environment() -> Flask:
    """Make the web application of a process of its own: Gunicorn calls this in each of its workers.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    settings = load()
    logs.configure(settings, secrets(settings))
    metrics.configure_multiprocess(settings.data_dir / "metrics")
    app = create_app(settings)
    Heartbeat(app.extensions["relay"])
    return app


def _signature_invalid(error: SignatureInvalid) -> tuple[Response, int]:
    log.warning("signature_refused", path=_safe_path(), code=error.reason, hint=error.hint)
    return _sentence(error.hint, 401)


def _unknown_account(error: UnknownAccountError) -> tuple[Response, int]:
    log.warning("unknown_account", path=_safe_path(), hint=error.hint)
    return _sentence("There is no such account.", 404)


def _database_away(error: Exception) -> tuple[Response, int]:
    log.error("database_away", error=type(error).__name__, hint="see RELAY_DATABASE_URL and `relay doctor`")
    return _sentence("The database is away; nothing was stored. Come again.", 503)


def _not_taken(error: NotTaken) -> tuple[Response, int]:
    log.error("journal_refused", path=_safe_path(), hint=error.hint)
    return _sentence(error.hint, 503)


def _http_error(error: HTTPException) -> tuple[Response, int]:
    code = error.code or 500
    if code == 413:  # noqa: PLR2004 - the status code itself
        log.warning("body_too_large", path=_safe_path(), hint="RELAY_BODY_LIMIT is the largest that is taken")
    response, code = _sentence(error.description or error.name, code)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response, code


def _internal_error(error: Exception) -> tuple[Response, int]:
    log.error("request_raised", path=_safe_path(), exc_info=error, hint="nothing was stored; the sender comes again")
    return _sentence("The relay failed; nothing was stored. Come again.", 500)


def _sentence(text: str, status: int) -> tuple[Response, int]:
    return jsonify(error=text), status


def _safe_path() -> str:
    """Return the path without an account's key, which is half of a secret."""
    return "/".join(request.path.split("/")[:3])


def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.blueprint == webhooks.blueprint.name:
        metrics.WEBHOOKS.labels(source=_source(), outcome=str(response.status_code)).inc()
    return response


def _source() -> str:
    """Name who called, out of a closed list: whoever calls wrong addresses must not make new metrics."""
    connector = (request.view_args or {}).get("connector", HUBSPOT)
    return connector if connector in (HUBSPOT, *registry.names()) else "unknown"
