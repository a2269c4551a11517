from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.playground import keep
from app.settings import Settings, load


def test_what_a_demo_keeps_makes_commands_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path, broker_url="redis://:word@127.0.0.1:1/0")
    environment = {"RELAY_ENVIRONMENT": "demo", "RELAY_SECRET_KEYS": "only-for-this-test"}
    file = keep(tmp_path, environment, settings)
    assert file.stat().st_mode & 0o077 == 0  # it holds secrets
    monkeypatch.chdir(tmp_path)
    # As the shell does in `export $(cat file)`.
    for word in file.read_text().split():
        name, _, value = word.partition("=")
        monkeypatch.setenv(name, value)
    seen = load()
    assert (seen.database, seen.broker_url, seen.limiter_url) == (
        settings.database,
        settings.broker_url,
        settings.limiter_url,
    )
    assert [key.get_secret_value() for key in seen.secret_keys] == ["only-for-this-test"]
