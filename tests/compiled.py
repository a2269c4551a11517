"""Engines of one test process share what they have compiled: each test has its own, with the same statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine
from typing_extensions import override

_Key = tuple[Any, ...]


class _Compiled(dict[_Key, Any]):
    """What is compiled, by the name of its dialect and not by the dialect, which is the engine's own."""

    @override
    def get(self, key: _Key, default: Any = None) -> Any:
        return super().get(_named(key), default)

    @override
    def __setitem__(self, key: _Key, compiled: Any) -> None:
        super().__setitem__(_named(key), compiled)


def _named(key: _Key) -> _Key:
    dialect, *rest = key
    return (dialect.name, *rest)


_compiled = _Compiled()


def create(url: Any, **options: Any) -> Engine:
    """Create an engine that compiles no statement which another one of its kind has compiled."""
    engine = create_engine(url, **options)
    engine.update_execution_options(compiled_cache=_compiled)
    return engine
