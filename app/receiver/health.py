"""Is the process alive, are its dependencies there, and what has it counted."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app import metrics
from app.receiver.webhooks import services
from app.relay import readiness

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """Answer 200 while the process can answer at all."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer 200 when webhooks can be accepted, else 503 with the reasons.

    A broker that is away is told but does not count: everything is accepted without it.
    """
    report = readiness.check(services())
    return jsonify(ready=report.ready, reasons=report.reasons, warnings=report.warnings), 200 if report.ready else 503


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Answer with every metric in Prometheus' text format."""
    body, content_type = metrics.render()
    return Response(body, content_type=content_type)
