"""``relay channel``: the channel at HubSpot, made from the settings and the connectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app import logs
from app.cli.output import FAILED, Failure, cell, json_option, print_aligned, print_json, print_rows, printable
from app.errors import ConfigurationError
from app.http import Http
from app.hubspot.answers import Channel
from app.hubspot.channel import Difference, WantedChannel, compare, fields_of
from app.hubspot.client import HubSpot
from app.relay import app_project
from app.relay import channel as use
from app.settings import Settings, load, secrets

_channel_option = click.option("--channel", "channel_id", metavar="ID", help="HubSpot's id, where several could be it.")

_NONE = "The app has no such channel: `relay channel register` makes it, `--channel ID` names one of another name."


@dataclass(frozen=True)
class _Desk:
    """What the commands work with."""

    settings: Settings
    hubspot: HubSpot
    wanted: WantedChannel

    def find(self, channel_id: str | None) -> Channel | None:
        return use.find(self.hubspot, self.wanted, channel_id)

    def known(self, channel_id: str | None) -> Channel:
        """Return the channel; there being none ends the command."""
        there = self.find(channel_id)
        if there is None:
            raise Failure(_NONE)
        return there


@click.group()
def channel() -> None:
    """Register the channel at HubSpot, compare it with the settings and connectors, and change it."""


@channel.command()
@_channel_option
@json_option
@click.pass_context
def show(ctx: click.Context, *, channel_id: str | None, as_json: bool) -> None:
    """Show the channel as the settings and connectors make it, and as HubSpot has it."""
    with _desk() as desk:
        there = desk.find(channel_id)
        differing = {one.field for one in compare(desk.wanted, there)} if there is not None else set()
        found = fields_of(there) if there is not None else {}
        wanted = desk.wanted.fields()
    lines = [
        {"field": name, "settings": wanted.get(name), "hubspot": found.get(name), "differs": name in differing}
        for name in dict.fromkeys([*wanted, *found])
    ]
    if as_json:
        print_json({"channel": there.id if there is not None else None, "fields": lines})
    else:
        click.echo(f"Channel {there.id}" if there is not None else "No channel")
        titles = ["FIELD", "SETTINGS AND CONNECTORS", "HUBSPOT", ""]
        print_aligned([titles, *(_cells(line, known=there is not None) for line in lines)])
    if there is None:
        click.echo(f"relay: {_NONE}", err=True)
        ctx.exit(FAILED)


@channel.command()
@_channel_option
@json_option
@click.pass_context
def diff(ctx: click.Context, *, channel_id: str | None, as_json: bool) -> None:
    """Compare the channel at HubSpot field by field. Exit status 1 where it differs."""
    with _desk() as desk:
        there = desk.known(channel_id)
        found = compare(desk.wanted, there)
    if as_json:
        print_json({"channel": there.id, "differences": [_line(one) for one in found]})
    elif not found:
        click.echo(f"Channel {there.id} is as the settings and connectors make it.")
    else:
        _print_differences(there.id, found)
    ctx.exit(FAILED if found else 0)


@channel.command()
@_channel_option
@json_option
def apply(*, channel_id: str | None, as_json: bool) -> None:
    """Change at HubSpot what differs, and read it back."""
    with _desk() as desk:
        there = desk.known(channel_id)
        changed = use.apply(desk.hubspot, desk.wanted, there)
    if as_json:
        print_json({"channel": there.id, "changed": [_line(one) for one in changed]})
    elif not changed:
        click.echo(f"Channel {there.id} is as it should be; nothing was sent.")
    else:
        click.echo(f"Channel {there.id} was changed: {', '.join(one.field for one in changed)}.")


@channel.command()
@click.option("--force", is_flag=True, help="Register another channel although there is one of this name.")
@json_option
@click.pass_context
def register(ctx: click.Context, *, force: bool, as_json: bool) -> None:
    """Register the channel, once for all portals, and wait until HubSpot lists it."""
    with _desk() as desk:
        made = use.register(desk.settings, desk.hubspot, desk.wanted, force=force, tell=_tell)
    if as_json:
        different = [_line(one) for one in made.differences]
        print_json({"channel": made.id, "visible": made.visible, "differences": different})
    else:
        click.echo(f"Channel {made.id}")
    if made.differences:
        fields = ", ".join(one.field for one in made.differences)
        click.echo(f"relay: HubSpot made other values of {fields}: `relay channel diff` shows them.", err=True)
    if not made.visible:
        click.echo("relay: HubSpot does not list it yet. It may take longer: `relay channel show` looks.", err=True)
        ctx.exit(FAILED)


@channel.command(name="app")
@click.argument("folder", default="hubspot-app", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also over files with other contents.")
@json_option
def write_app(folder: Path, *, force: bool, as_json: bool) -> None:
    """Write the developer-platform project of the HubSpot app into a folder, for `hs project upload`."""
    written = app_project.write(load(), folder, force=force)
    rows = [{"file": str(path)} for path in written]
    print_rows(rows, ("file",), as_json=as_json, empty=f"The files in {folder} are as they should be.")


@contextmanager
def _desk() -> Iterator[_Desk]:
    """Make what the commands need. Neither database nor broker is asked.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    settings = load()
    logs.configure(settings.model_copy(update={"log_level": "ERROR"}), secrets(settings))
    for name in ("hubspot_app_id", "hubspot_developer_api_key"):
        value = getattr(settings, name)
        if not (value if isinstance(value, str) else value.get_secret_value()):
            raise ConfigurationError(f"RELAY_{name.upper()} is missing: channels belong to an app, and need its key.")
    http = Http(allowed_private_hosts=settings.allowed_private_hosts, call_timeout=settings.call_timeout)
    with closing(http):
        yield _Desk(settings, HubSpot(settings, http), use.build(settings))


def _tell(words: str) -> None:
    """Tell how far it is; standard output is for the result."""
    click.echo(words, err=True)


def _line(one: Difference) -> dict[str, Any]:
    return {"field": one.field, "settings": one.wanted, "hubspot": one.there, "meaning": use.sentence(one)}


def _print_differences(channel_id: str, found: Sequence[Difference]) -> None:
    for one in found:
        click.echo(printable(use.sentence(one)))
        print_aligned([["  settings", _value(one.wanted)], ["  HubSpot", _value(one.there)]])
    click.echo(f"Channel {channel_id} differs in {len(found)} fields: `relay channel apply` changes them.")


def _cells(line: dict[str, Any], *, known: bool) -> list[str]:
    mark = "differs" if line["differs"] else ""
    return [printable(line["field"]), _value(line["settings"]), _value(line["hubspot"]) if known else "-", mark]


def _value(value: object) -> str:
    return cell(", ".join(map(str, value)) if isinstance(value, list) else value)
