from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.relay.doctor.settings_health import public_url, settings_of
from app.relay.findings import Finding, Level
from tests.app.relay.world import basic_settings


def found(folder: Path, **changes: Any) -> list[Finding]:
    return list(settings_of(basic_settings(folder).model_copy(update=changes)))


def test_missing_and_weak_secrets_fail_in_production(tmp_path: Path) -> None:
    for changes in ({"secret_keys": ()}, {"hubspot_client_secret": SecretStr("short")}):
        [one] = found(tmp_path, environment="production", **changes)
        assert (one.level, "RELAY_" in one.sentence) == (Level.FAIL, True)


def test_whoever_only_tries_is_told_that_secrets_may_be_weak(tmp_path: Path) -> None:
    assert "weak secrets" in found(tmp_path)[0].sentence


def test_an_app_that_is_not_named(tmp_path: Path) -> None:
    named = {one.sentence for one in found(tmp_path) if one.fix}
    assert named == {"RELAY_HUBSPOT_APP_ID is not set.", "RELAY_HUBSPOT_CLIENT_ID is not set."}


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("", Level.FAIL),
        ("relay.example.com", Level.FAIL),
        ("http://a.example", Level.WARN),
        ("https://a.example", Level.OK),
        ("https://a.example:8443", Level.OK),
        ("https://a.example/relay", Level.FAIL),
    ],
)
def test_the_public_address(tmp_path: Path, url: str, level: Level) -> None:
    assert public_url(basic_settings(tmp_path).model_copy(update={"public_url": url})).level is level
