from __future__ import annotations

import subprocess
import sys

import pytest

from app.connectors import registry
from app.connectors.base import Connector
from app.errors import ConfigurationError


def test_names_are_sorted_and_hold_the_connectors_only() -> None:
    names = registry.names()

    assert names == tuple(sorted(names))
    assert {"loopback", "telegram"} <= set(names)
    assert not {"base", "registry"} & set(names)


@pytest.mark.parametrize("name", registry.names())
def test_every_module_holds_a_connector_of_its_name(name: str) -> None:
    connector = registry.get(name)

    assert isinstance(connector, Connector)
    assert connector.name == name
    assert registry.get(name) is connector


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no connector 'pigeon'.*loopback.*telegram"):
        registry.get("pigeon")


def test_a_connector_is_imported_when_first_used() -> None:
    code = (
        "import sys; from app.connectors import registry; registry.names();"
        "assert 'app.connectors.loopback' not in sys.modules; registry.get('loopback');"
        "assert 'app.connectors.loopback' in sys.modules; assert 'app.connectors.telegram' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own line

    assert done.returncode == 0, done.stderr
