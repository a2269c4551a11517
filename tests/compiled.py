"""Engines of one test process share what they have compiled: each test has its own, with the same statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Engine, create_engine, event

#: What is compiled, by dialect and statement.
_compiled: dict[Any, Any] = {}
#: The dialects that know their server's version, because an engine has connected; by name.
_known: dict[str, Dialect] = {}


def create(url: Any, **options: Any) -> Engine:
    """Create an engine that compiles no statement which an earlier one of its kind has compiled."""
    engine = create_engine(url, **options)
    engine.dialect = _known.get(engine.dialect.name, engine.dialect)
    engine.update_execution_options(compiled_cache=_compiled)

    @event.listens_for(engine, "engine_connect", once=True)
    def learn(_connection: object) -> None:
        _known.setdefault(engine.dialect.name, engine.dialect)

    return engine
