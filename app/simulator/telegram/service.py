"""The Bot API and its file host over HTTP."""

from __future__ import annotations

import re

from flask import Blueprint, Response, jsonify, request

from app.simulator.faults import Api, Fault, guard
from app.simulator.telegram.call import read_call
from app.simulator.telegram.errors import TelegramError, unauthorized
from app.simulator.telegram.messenger import Telegram, telegram_of
from app.simulator.telegram.methods import run
from app.simulator.telegram.state import Bot
from app.simulator.world import World

#: What a token looks like; anything else is no address at all.
TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    429: "Too Many Requests: retry after {seconds}",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


def blueprint(world: World) -> Blueprint:
    """The Bot API, under /telegram."""
    telegram = telegram_of(world)
    service = Blueprint("telegram", __name__, url_prefix="/telegram")
    guard(service, Api.TELEGRAM, world.faults, _fault)
    service.register_error_handler(TelegramError, _refused)

    @service.route("/bot<token>/<method>", methods=["GET", "POST"])
    def call(token: str, method: str) -> Response:
        bot = _bot(telegram, token)
        return jsonify(ok=True, result=run(read_call(telegram, bot, request), method))

    @service.get("/file/bot<token>/<path:path>")
    def file(token: str, path: str) -> Response:
        _bot(telegram, token)
        found = next((one for one in telegram.files.values() if one.path == path), None)
        if found is None:
            raise TelegramError(404, "Not Found")
        return Response(found.content, content_type="application/octet-stream")

    return service


def _bot(telegram: Telegram, token: str) -> Bot:
    if not TOKEN.fullmatch(token):
        raise TelegramError(404, "Not Found")
    bot = telegram.with_token(token)
    if bot is None or bot.revoked:
        raise unauthorized()
    return bot


def _refused(error: TelegramError) -> Response:
    response = jsonify(error.as_json())
    response.status_code = error.code
    if "retry_after" in error.parameters:
        response.headers["Retry-After"] = str(error.parameters["retry_after"])
    return response


def _fault(fault: Fault) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status)
    seconds = fault.retry_after or 1
    parameters = {"retry_after": seconds} if fault.status == 429 else {}  # noqa: PLR2004 - Too Many Requests
    reason = REASONS.get(fault.status, "Internal Server Error").format(seconds=seconds)
    return _refused(TelegramError(fault.status, reason, **parameters))
