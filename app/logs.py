"""Logs: one line an event, for people or machines, and never a secret in it.

Every line passes here, those of libraries too. Two nets catch secrets: the values that are known (settings at the
start, credentials when they are opened) and patterns of what looks like one.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from app.settings import Settings

#: What stands in the place of a secret.
MASK: Final = "[redacted]"

#: A longer value is cut (characters): nobody reads on, and it is probably somebody's message.
_LONGEST = 2_000
#: Of a traceback the end is kept; it names the error.
_LONGEST_TRACE = 8_000
#: Known secrets are found by their first characters; a shorter one would blacken ordinary words.
_SHORTEST_SECRET = 4

_SECRET_FIELD = re.compile(r"(?i)(?:.*_)?(?:token|secret|password|authorization|api_?key|cookie|signature)")
_NAMES = r"hapikey|access_token|refresh_token|id_token|client_secret|api_?key|token|secret|password|signature|sig"
_PATTERNS: Final = (
    (re.compile(r"\bbot\d{3,}:[\w-]{10,}"), f"bot{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(rf"(?i)\b({_NAMES})=[^&\s\"'<>]+"), rf"\1={MASK}"),
    (re.compile(rf"(?i)(['\"])({_NAMES})\1\s*:\s*(['\"])(?:(?!\3).)+\3"), rf'"\2": "{MASK}"'),
    (re.compile(r"\b(?:pat-)?(?:na|eu|ap|au|ca)\d-[0-9a-f]{4,8}(?:-[0-9a-f]{4,12}){3,5}\b"), MASK),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{MASK}@"),
)

#: Loggers with handlers of their own; their lines go through ours instead.
_LIBRARIES = ("alembic", "celery", "gunicorn.access", "gunicorn.error", "werkzeug")
#: Loggers that tell every request with its whole address.
_TALKATIVE = (
    "alembic.runtime.plugins",
    "celery.app.trace",
    "celery.worker.strategy",
    "httpcore",
    "httpx",
    "urllib3",
    "watchfiles",
)


class _Secrets:
    """The secrets that are known. Finding them takes time by the text's length, not by their number."""

    def __init__(self) -> None:
        self._by_start: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def add(self, values: Iterable[str]) -> None:
        """Know these from now on, also as they look in an address or in JSON."""
        forms = {form for value in values for form in _forms(value) if len(form) >= _SHORTEST_SECRET}
        with self._lock:
            for form in forms:
                start = form[:_SHORTEST_SECRET]
                known = {form, *self._by_start.get(start, ())}
                self._by_start[start] = tuple(sorted(known, key=len, reverse=True))

    def hide(self, text: str) -> str:
        """Return the text with every known secret masked."""
        pieces: list[str] = []
        position = kept = 0
        while position < len(text):
            secret = self._at(text, position)
            if secret:
                pieces += [text[kept:position], MASK]
                kept = position = position + len(secret)
            else:
                position += 1
        return "".join([*pieces, text[kept:]]) if pieces else text

    def _at(self, text: str, position: int) -> str | None:
        for secret in self._by_start.get(text[position : position + _SHORTEST_SECRET], ()):
            if text.startswith(secret, position):
                return secret
        return None


def _forms(value: str) -> set[str]:
    return {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1]}


_secrets = _Secrets()


def configure(settings: Settings, secrets: Iterable[str], *, stream: TextIO | None = None) -> None:
    """Send all logs, those of libraries too, to ``stream`` (standard error), in the settings' format.

    May be called again; the last call counts. Contents of ``secrets`` never appear in a line.
    """
    add_secrets(secrets)
    _configure_structlog()
    handler = _Handler(stream)
    handler.setFormatter(_formatter(settings))
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _Handler)), handler]
    root.setLevel(settings.log_level)
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def add_secrets(values: Iterable[str]) -> None:
    """Never show these values in a line again. Values shorter than four characters are left out."""
    _secrets.add(values)


def get_logger(name: str) -> BoundLogger:
    """Return a module's logger. Events are constant names, values are keywords."""
    if not structlog.is_configured():
        _configure_structlog()
    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger


#: Adds fields to every line of a block: ``with bound(lane=7): ...``
bound = structlog.contextvars.bound_contextvars


def redact(text: str) -> str:
    """Return the text with secrets masked: the known ones, and what looks like one."""
    hidden = _secrets.hide(text)
    for pattern, replacement in _PATTERNS:
        hidden = pattern.sub(replacement, hidden)
    return hidden


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler that ``configure`` replaces."""


def _configure_structlog() -> None:
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_CHAIN, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=True,
    )


_CHAIN: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def _formatter(settings: Settings) -> ProcessorFormatter:
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return ProcessorFormatter(
        foreign_pre_chain=_CHAIN,
        processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, _clean, renderer],
    )


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    """Redact and shorten every value of a line."""
    return {name: _cleaned(name, value) for name, value in event.items()}


def _cleaned(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_FIELD.fullmatch(name):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): _cleaned(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(name, one) for one in value]
    text = redact(str(value))
    if name == "exception":
        return text[-_LONGEST_TRACE:]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
