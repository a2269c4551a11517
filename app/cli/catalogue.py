"""What there is: connectors, settings, and the check of a connector."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import click
from pydantic import SecretStr

from app.cli.output import FAILED, json_option, print_json, print_markdown, print_rows
from app.connectors import registry
from app.connectors.base import (
    Connector,
    FetchesMedia,
    Handshakes,
    LooksUp,
    MarksRead,
    RegistersWebhook,
    ShowsTyping,
    TestsCredentials,
)
from app.domain.capability import Capabilities
from app.settings import PREFIX, Settings, load

#: The optional abilities, and how they are called here.
_ABILITIES: Final[Mapping[str, Any]] = {
    "tests credentials": TestsCredentials,
    "registers its webhook": RegistersWebhook,
    "fetches media": FetchesMedia,
    "looks messages up": LooksUp,
    "answers handshakes": Handshakes,
    "marks read": MarksRead,
    "shows typing": ShowsTyping,
}

_markdown_option = click.option("--markdown", is_flag=True, help="Print a table for the documentation.")


@click.command()
@_markdown_option
@json_option
def connectors(*, markdown: bool, as_json: bool) -> None:
    """List the connectors, what their services can do, and their credentials."""
    lines = [_connector(registry.get(name)) for name in registry.names()]
    if markdown:
        titles = ["name", "service", "text", "attachments", "receipts", "if an answer is lost", "credentials"]
        print_markdown(titles, [_connector_cells(line) for line in lines])
    else:
        columns = ("name", "title", "text_length", "attachments", "receipts", "unknown_outcome", "credentials")
        plain = [line if as_json else {**line, **_joined(line)} for line in lines]
        print_rows(plain, columns, as_json=as_json, empty="There is no connector.")


def _connector(connector: Connector) -> dict[str, Any]:
    can = connector.capabilities
    return {
        "name": connector.name,
        "title": connector.title,
        "text_length": can.text_length,
        "text_unit": can.text_unit.value,
        "rich_text": can.rich_text.value,
        "replies": can.replies,
        "attachments": {kind.value: one.size for kind, one in sorted(can.attachments.items())},
        "receipts": sorted(one.value for one in can.receipts),
        "unknown_outcome": _policy(can),
        "rates": [f"{one.count} in {one.seconds:g} s per {one.scope}" for one in can.rates],
        "abilities": [name for name, protocol in _ABILITIES.items() if isinstance(connector, protocol)],
        "credentials": [_credential(connector, name) for name in connector.credentials.model_fields],
        "api_url": connector.api_url,
    }


def _policy(can: Capabilities) -> str:
    return "resend with the same key" if can.idempotent else can.unknown_outcome.value


def _credential(connector: Connector, name: str) -> dict[str, object]:
    field = connector.credentials.model_fields[name]
    return {
        "name": name,
        "title": field.title or name,
        "description": field.description or "",
        "required": field.is_required(),
        "secret": field.annotation is SecretStr,
    }


def _joined(line: Mapping[str, Any]) -> dict[str, str]:
    """Return the lists of a connector as texts."""
    return {
        "attachments": ", ".join(line["attachments"]),
        "receipts": ", ".join(line["receipts"]),
        "credentials": ", ".join(one["name"] + ("" if one["required"] else "?") for one in line["credentials"]),
    }


def _connector_cells(line: Mapping[str, Any]) -> list[str]:
    joined = _joined(line)
    return [
        f"`{line['name']}`",
        line["title"],
        f"{line['text_length']:,} {line['text_unit']}",
        _sizes(line["attachments"]) or "none",
        joined["receipts"] or "none",
        line["unknown_outcome"],
        ", ".join(f"`{one['name']}`{'' if one['required'] else ' (optional)'}" for one in line["credentials"]),
    ]


def _sizes(attachments: Mapping[str, int]) -> str:
    """Name kinds with the same limit together."""
    kinds = {
        size: ", ".join(kind for kind in attachments if attachments[kind] == size) for size in attachments.values()
    }
    return "; ".join(f"{names} up to {size:,} bytes" for size, names in kinds.items())


@click.command()
@_markdown_option
@json_option
def settings(*, markdown: bool, as_json: bool) -> None:
    """List every setting: its value, default and description. Of secrets only whether they are set."""
    if markdown:
        lines = _settings(None)
        cells = [[f"`{one['name']}`", _code(one["default"]), str(one["description"])] for one in lines]
        print_markdown(["setting", "default", "description"], cells)
    else:
        columns = ("name", "value", "default", "description")
        print_rows(_settings(load()), columns, as_json=as_json, empty="There are no settings.")


def _code(text: object) -> str:
    return f"`{text}`" if text else ""


def _settings(current: Settings | None) -> list[dict[str, object]]:
    """Return every setting; without ``current`` no values, so that the documentation is the same everywhere."""
    found: list[dict[str, object]] = [
        {
            "name": PREFIX + name.upper(),
            "value": _value(name, getattr(current, name)) if current is not None else None,
            "default": _default(field.default),
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    return found + [_api_url(registry.get(name), current) for name in registry.names()]


def _api_url(connector: Connector, current: Settings | None) -> dict[str, object]:
    return {
        "name": f"{PREFIX}{connector.name.upper()}_API_URL",
        "value": current.api_url(connector.name, connector.api_url) if current is not None else None,
        "default": connector.api_url,
        "description": f"Base address of {connector.title}'s API.",
    }


def _default(value: object) -> str:
    return "" if isinstance(value, SecretStr) or value == () else _text(value)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(name: str, value: object) -> str:
    """Return a value as it may be shown."""
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "not set"
    if name == "secret_keys" and isinstance(value, tuple):
        return f"{len(value)} set" if value else "not set"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return without_password(_text(value))


def without_password(url: str) -> str:
    """Return an address without the password in it; any other text as it is."""
    parts = urlsplit(url)
    if not (parts.scheme and parts.netloc and "@" in parts.netloc):
        return url
    who, _, place = parts.netloc.rpartition("@")
    user, colon, _ = who.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{':***' if colon else ''}@{place}"))


@click.command(name="test-connector")
@click.argument("name")
@json_option
@click.pass_context
def test_connector(ctx: click.Context, *, name: str, as_json: bool) -> None:
    """Check that a connector keeps the contract. Checks that need recorded payloads are left out.

    Exit status 1 when a check fails.
    """
    connector = registry.get(name)
    # By name: the suite stands beside the command line, and neither knows the other.
    report = import_module("app.conformance").run(connector)
    if as_json:
        print_json({"connector": report.connector, "passed": report.passed, "results": list(report.results)})
    else:
        click.echo(report.text())
    ctx.exit(0 if report.passed else FAILED)
