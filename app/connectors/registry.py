"""The connectors that there are: every module of this folder that holds one, imported when first used.

Adding a service touches nothing here.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from app import connectors
from app.connectors.base import Connector
from app.errors import ConfigurationError

_NOT_CONNECTORS = {"base", "registry"}


@cache
def names() -> tuple[str, ...]:
    """Every connector's name, sorted."""
    found = (module.name for module in pkgutil.iter_modules(connectors.__path__))
    return tuple(sorted(name for name in found if name not in _NOT_CONNECTORS))


@cache
def get(name: str) -> Connector:
    """Return the connector of that name.

    Raises:
        ConfigurationError: there is none; the sentence lists those there are.
    """
    if name not in names():
        raise ConfigurationError(f"There is no connector {name!r}. There are: {', '.join(names())}.")
    package = f"{connectors.__name__}.{name}"
    import_module(package)
    for cls in _subclasses(Connector):  # type: ignore[type-abstract]  # only concrete ones are made
        if cls.__module__.startswith(package) and cls.name == name:
            return cls()
    raise ConfigurationError(f"{package} holds no connector with the name {name!r}.")


def _subclasses(cls: type[Connector]) -> list[type[Connector]]:
    direct = cls.__subclasses__()
    return direct + [deeper for one in direct for deeper in _subclasses(one)]
