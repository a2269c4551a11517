"""Where HubSpot and the messaging services call: verify, store, answer. No work is done here."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.webhook import Answer, RawRequest
from app.relay import accept, round_trip
from app.relay.services import Services

#: Every method, because services use more than POST: Matrix puts, others ask with GET whether an address is ours.
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.post("/hubspot")
def hubspot() -> Response:
    """Take a webhook of HubSpot's, or the doctor's request that follows their way."""
    raw = raw_request()
    challenged = round_trip.answer(services(), raw)
    if challenged is not None:
        return respond(challenged)
    accept.accept_hubspot(services(), raw)
    return respond(Answer(204))


@blueprint.post("/hubspot/events")
def hubspot_events() -> Response:
    """Take an array of events of the app's conversation subscriptions."""
    accept.accept_hubspot(services(), raw_request(), events=True)
    return respond(Answer(204))


@blueprint.route("/<connector>/<key>", methods=METHODS)
@blueprint.route("/<connector>/<key>/<path:rest>", methods=METHODS)
def service(connector: str, key: str, rest: str = "") -> Response:
    """Take a webhook of a messaging service. ``rest`` is what the service itself appends."""
    raw = raw_request(path=f"/{rest}" if rest else "")
    return respond(accept.accept_service(services(), connector, key, raw))


def services() -> Services:
    """Return the services of this process."""
    found: Services = current_app.extensions["relay"]
    return found


def raw_request(path: str = "") -> RawRequest:
    """Return the request as it came, with its public address.

    The address is built from the settings and the raw request line. Flask's own would show the proxy's inner host,
    and normalises what HubSpot signed.
    """
    target = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or _requoted()
    public = services().settings.public_url
    return RawRequest(
        method=request.method,
        url=public + target,
        path=path,
        query=request.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_body(),
    )


def _body() -> bytes:
    """Return the body.

    Raises:
        RequestEntityTooLarge: it is larger than the limit. Werkzeug says so itself where a length is announced; a
            chunked body it cuts there in silence.
    """
    body = request.get_data()
    limit = request.max_content_length
    if request.content_length is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge
    return body


def respond(answer: Answer) -> Response:
    """Make Flask's response of ours."""
    return Response(answer.body, status=answer.status, content_type=answer.content_type)


def _requoted() -> str:
    """Return path and query where the server does not hand over the raw request line (Flask's own test client)."""
    query = request.query_string.decode("latin-1")
    return request.path + (f"?{query}" if query else "")
