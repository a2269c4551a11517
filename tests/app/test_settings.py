from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.errors import ConfigurationError
from app.settings import PREFIX, Settings, check_production, check_times, load, secrets

KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder with an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for variable in list(os.environ):
        if variable.startswith(PREFIX) or variable == "PORT":
            monkeypatch.delenv(variable)


def production(**changes: Any) -> Settings:
    complete = {"secret_keys": KEY, "hubspot_client_secret": KEY, "public_url": "https://relay.example"}
    return load(**{**complete, **changes})


def test_every_setting_has_a_default_and_a_sentence() -> None:
    load()
    for name, field in Settings.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name
        assert field.description.rstrip().endswith("."), name


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_DEADLINE", "30")
    monkeypatch.setenv("RELAY_SECRET_KEYS", " new , old,")
    monkeypatch.setenv("RELAY_ALLOWED_PRIVATE_HOSTS", "127.0.0.1,simulator")
    settings = load()
    assert settings.deadline == 30
    assert [key.get_secret_value() for key in settings.secret_keys] == ["new", "old"]
    assert settings.allowed_private_hosts == ("127.0.0.1", "simulator")


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("RELAY_DEADLINE=30\nRELAY_LEASE=7\nRELAY_LOOPBACK_API_URL=http://here/\n")
    monkeypatch.setenv("RELAY_DEADLINE", "40")
    settings = load()
    assert (settings.deadline, settings.lease) == (40, 7)
    assert settings.api_url("loopback", "https://default.example") == "http://here"


@pytest.mark.parametrize("name", ["public_url", "hubspot_api_url", "hubspot_app_url"])
@pytest.mark.parametrize(
    "address",
    ["http://[", "https://a.example?x=1", "https://a.example/#top", "https://me@a.example", "https://a b", "\\"],
)
def test_an_address_to_which_no_path_can_be_appended_is_told(name: str, address: str) -> None:
    with pytest.raises(ConfigurationError, match=f"RELAY_{name.upper()} is not valid"):
        load(**{name: address})


def test_blanks_and_slashes_around_an_address_do_no_harm() -> None:
    assert load(public_url=" https://a.example/ ").public_url == "https://a.example"


@pytest.mark.parametrize("variable", ["PORT", "RELAY_PORT"])
def test_platforms_name_the_port_without_a_prefix(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "5005")
    assert load().port == 5005


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("RELAY_HUBSPOT_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert load().hubspot_client_secret.get_secret_value() == "from a file"


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_HUBSPOT_CLIENT_SECRET_FILE", "/nowhere/secret")
    with pytest.raises(ConfigurationError, match="RELAY_HUBSPOT_CLIENT_SECRET_FILE names a file that cannot be read"):
        load()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("RELAY_DEADLINE", "soon", "RELAY_DEADLINE is no number"),
        ("RELAY_DEADLINE", "0", "RELAY_DEADLINE is too small: it has to be more than 0"),
        ("RELAY_LOG_FORMAT", "xml", "RELAY_LOG_FORMAT is none of the values it may have: write 'console' or 'json'"),
        (
            "RELAY_HUBSPOT_API_URL",
            "api.hubapi.com",
            "RELAY_HUBSPOT_API_URL is not valid: an address begins with https://",
        ),
    ],
)
def test_a_malformed_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=sentence):
        load()


def test_secrets_are_not_shown() -> None:
    assert "hush-hush" not in repr(load(hubspot_client_secret="hush-hush", secret_keys="hush-hush"))


def test_all_secrets_are_known_to_the_redaction() -> None:
    settings = load(secret_keys="one,two", hubspot_client_secret="three", console_password="four")
    assert set(secrets(settings)) == {"one", "two", "three", "four"}


def test_a_complete_production_starts() -> None:
    check_production(production())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"secret_keys": ""}, "RELAY_SECRET_KEYS is missing"),
        ({"secret_keys": "short"}, "RELAY_SECRET_KEYS is shorter than 16"),
        ({"hubspot_client_secret": ""}, "RELAY_HUBSPOT_CLIENT_SECRET is missing"),
        ({"console_password": "short"}, "RELAY_CONSOLE_PASSWORD is shorter"),
        ({"public_url": ""}, "RELAY_PUBLIC_URL is missing"),
        (
            {"public_url": "relay.example"},
            "RELAY_PUBLIC_URL is not valid: an address begins with https://.* https://relay.example",
        ),
    ],
)
def test_production_refuses_missing_and_weak_secrets(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        check_production(production(**change))


@pytest.mark.parametrize("environment", ["demo", "test"])
def test_elsewhere_nothing_is_required(environment: str) -> None:
    check_production(load(environment=environment))


def test_addresses_lose_their_last_slash() -> None:
    settings = load(public_url="https://relay.example/", hubspot_api_url="http://127.0.0.1:8100/")
    assert (settings.public_url, settings.hubspot_api_url) == ("https://relay.example", "http://127.0.0.1:8100")


def test_an_empty_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    assert load(data_dir=tmp_path).database == f"sqlite:///{tmp_path / 'relay.db'}"
    assert load(database_url="postgresql://db/relay").database == "postgresql://db/relay"


def test_a_connectors_address_is_read_by_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().api_url("telegram", "https://api.example/") == "https://api.example"
    monkeypatch.setenv("RELAY_TELEGRAM_API_URL", "http://127.0.0.1:8100/telegram/")
    assert load().api_url("telegram", "https://api.example/") == "http://127.0.0.1:8100/telegram"


def test_threads_follow_the_database() -> None:
    assert load().threads == 8
    assert load(database_url="postgresql://db/relay").threads == 32
    assert load(worker_threads=3).threads == 3


@pytest.mark.parametrize("times", [{"lease": 30, "call_timeout": 20}, {"deadline": 20, "call_timeout": 20}])
def test_times_that_contradict_one_another_stop_the_start(times: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="RELAY_CALL_TIMEOUT"):
        check_times(load(**times))


def test_the_times_that_are_set_by_default_agree() -> None:
    check_times(load())


def test_client_secrets_of_before_are_a_list_and_stay_secret() -> None:
    settings = load(hubspot_client_secret_old="of-last-year, of-the-year-before,", secret_keys="one")
    assert [one.get_secret_value() for one in settings.hubspot_client_secret_old] == [
        "of-last-year",
        "of-the-year-before",
    ]
    assert {"of-last-year", "of-the-year-before", "one"} <= set(secrets(settings))
    assert "of-last-year" not in repr(settings)


def test_the_channel_has_a_name() -> None:
    with pytest.raises(ConfigurationError, match="RELAY_CHANNEL_NAME"):
        load(channel_name="")
