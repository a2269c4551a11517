"""``relay accounts``: channel accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click

from app.cli.account_choices import COMMANDS
from app.cli.options import ID, Pair, account_argument
from app.cli.output import given, json_option, print_fields, print_json, print_rows, printable
from app.cli.session import open_database, open_services
from app.connectors import registry
from app.connectors.base import Connector
from app.domain.account import DeadLetterPolicy
from app.relay import accounts as use
from app.relay import removal
from app.relay.credentials import CredentialsIncomplete
from app.settings import load
from app.storage import accounts as rows
from app.storage import breakers
from app.storage.accounts import AccountRow
from app.storage.breakers import Breaker, Scope

_set_option = click.option(
    "--set",
    "pairs",
    multiple=True,
    type=Pair(),
    metavar="KEY=VALUE",
    help="A credential; KEY=@FILE reads it from a file.",
)
_test_option = click.option(
    "--test/--no-test", default=True, show_default=True, help="Ask the service first; to add, HubSpot too."
)
_POLICY_SET = {
    DeadLetterPolicy.HOLD: "Lanes of account {} wait behind a dead letter until a person replays or drops it.",
    DeadLetterPolicy.SKIP: "Lanes of account {} go on behind a dead letter, with a placeholder in its place.",
}
_INBOXES = {"INBOX": "inbox", "HELP_DESK": "help desk"}
_SIDES = {Scope.SERVICE: "service side", Scope.HUBSPOT: "HubSpot side"}


@click.group()
def accounts() -> None:
    """List, add, test, pause, resume and remove channel accounts, and choose what they relay."""


for _command in COMMANDS:
    accounts.add_command(_command)


@accounts.command(name="list")
@json_option
def list_accounts(as_json: bool) -> None:  # noqa: FBT001 - click's signature
    """List the accounts with their webhook addresses."""
    base = load().public_url
    with open_database() as database, database.read() as connection:
        failing = [one for one in breakers.every(connection) if one.is_open and not one.refused]
        lines = [_line(row, base, failing) for row in rows.every(connection)]
    columns = (
        *("id", "connector", "name", "portal", "channel", "hubspot_account", "inbox"),
        *("state", "webhook_url", "hint"),
    )
    print_rows(lines, columns, as_json=as_json, empty="No account is connected: `relay accounts add` adds one.")


def _line(row: AccountRow, base: str, failing: Iterable[Breaker]) -> dict[str, object]:
    mine = [one for one in failing if one.key.scope is not Scope.PORTAL and one.key.id == row.id]
    hints = (row.hint, row.service_hint, row.hubspot_hint, *(one.hint for one in mine))
    return {
        "id": row.id,
        "connector": row.connector,
        "name": row.name,
        "portal": row.portal_id,
        "channel": row.channel_id,
        "hubspot_account": row.hubspot_id,
        "inbox": " ".join(filter(None, (row.inbox_id, _INBOXES.get(row.inbox_type, row.inbox_type)))),
        "inbox_id": row.inbox_id,
        "inbox_type": row.inbox_type,
        "authorized": row.authorized,
        "identifier": row.identifier.value,
        "state": _state(row, mine),
        "own_state": row.state,
        "service_state": row.service_state,
        "hubspot_state": row.hubspot_state,
        "portal_state": row.portal_state,
        "failing": [one.key.scope for one in mine],
        "dead_letters": row.dead_letters,
        "contacts": row.contacts,
        "agent_names": row.agent_names,
        "options": row.options.switches,
        "webhook_url": f"{base}/webhooks/{row.connector}/{row.key}",
        "hint": " ".join(hint for hint in hints if hint),
    }


def _state(row: AccountRow, failing: Iterable[Breaker]) -> str:
    """Return one word or two: what does not run, where not all of it does."""
    if row.state != "running":
        return row.state
    sides = {"portal": row.portal_state, "service side": row.service_state, "HubSpot side": row.hubspot_state}
    stopped = [f"{side} {state}" for side, state in sides.items() if state != "running"]
    stopped += [f"{_SIDES[one.key.scope]} fails" for one in failing]
    return ", ".join(stopped) or row.state


@accounts.command()
@click.argument("connector")
@click.option("--portal", type=ID, required=True, help="HubSpot's id of the portal.")
@click.option("--channel", required=True, help="HubSpot's id of the channel.")
@click.option("--account", required=True, help="HubSpot's id of the channel account.")
@click.option("--name", required=True, help="How HubSpot and listings call it.")
@_set_option
@_test_option
@click.option("--register/--no-register", default=True, show_default=True, help="Tell the service the webhook address.")
@json_option
def add(
    connector: str,
    *,
    portal: int,
    channel: str,
    account: str,
    name: str,
    pairs: tuple[tuple[str, str], ...],
    test: bool,
    register: bool,
    as_json: bool,
) -> None:
    """Connect an account of a messaging service, and print the address to which the service sends.

    `relay connectors` lists the connectors with their credentials.
    """
    wanted = use.Wanted(connector, portal, channel, account, name=name, credentials=_values(pairs))
    with open_services() as services, _fields_named(connector):
        added = use.add(services, wanted, test=test, register=register)
    _show_added(added, as_json=as_json)


def _show_added(added: use.Added, *, as_json: bool) -> None:
    fields = {
        "id": added.id,
        "webhook_url": added.url,
        "tested": added.profile is not None,
        "identifier": added.profile.identifier.value if added.profile is not None else None,
        "name_at_service": added.profile.name if added.profile is not None else None,
        "registered": added.registered,
        "opened_messages": added.messages,
    }
    if as_json:
        print_json({**fields, "warning": added.warning, "registration": added.registration})
    else:
        print_fields(fields, as_json=False)
        if added.registration is not None:
            click.echo(f"\nThe service's administrator installs this file; it holds secrets:\n\n{added.registration}")
    if added.warning:
        click.echo(f"relay: {added.warning}", err=True)


@accounts.command()
@account_argument
@_set_option
@_test_option
@click.option(
    "--dead-letters",
    "policy",
    type=click.Choice(DeadLetterPolicy, case_sensitive=False),
    help="Behind a dead letter its lane waits for a person (hold) or goes on (skip).",
)
def change(account_id: int, *, pairs: tuple[tuple[str, str], ...], test: bool, policy: DeadLetterPolicy | None) -> None:
    """Give an account other credentials, and let it run again at its service; or change what it does."""
    if not pairs and policy is None:
        raise click.UsageError("Nothing to change: name what with --set KEY=VALUE or --dead-letters.")
    with open_services() as services:
        if pairs:
            with services.database.read() as connection:
                connector = use.known(connection, account_id).connector
            with _fields_named(connector):
                use.change(services, account_id, _values(pairs), ask=test)
            click.echo(f"Account {account_id} has new credentials.")
        if policy is not None:
            use.set_dead_letters(services, account_id, policy)
            click.echo(_POLICY_SET[policy].format(account_id))


@accounts.command()
@account_argument
@json_option
def show(account_id: int, *, as_json: bool) -> None:
    """Show one account with everything that can be chosen for it."""
    base = load().public_url
    with open_database() as database, database.read() as connection:
        failing = [one for one in breakers.every(connection) if one.is_open and not one.refused]
        row = use.known(connection, account_id)
        line = _line(row, base, failing)
    print_fields(line if as_json else {**line, "options": "", **row.options.switches}, as_json=as_json)


@accounts.command()
@account_argument
@json_option
def test(account_id: int, *, as_json: bool) -> None:
    """Ask the service whether an account's credentials work."""
    with open_services() as services:
        profile = use.test(services, account_id)
    if as_json:
        identifier = profile.identifier.value if profile is not None else None
        print_json({"id": account_id, "tested": profile is not None, "identifier": identifier})
    elif profile is None:
        click.echo(f"The service of account {account_id} cannot be asked: its credentials show with the first message.")
    else:
        click.echo(f"The credentials work: {printable(profile.name)} ({printable(profile.identifier.value)}).")


@accounts.command()
@account_argument
def register(account_id: int) -> None:
    """Tell the service again where to send its webhooks."""
    with open_services() as services:
        url = use.register(services, account_id)
    click.echo(f"The service sends to {url}.")


@accounts.command()
@account_argument
def pause(account_id: int) -> None:
    """Stop an account on both sides; what comes in is stored and waits."""
    with open_services() as services:
        use.pause(services, account_id)
    click.echo(f"Account {account_id} is paused.")


@accounts.command()
@account_argument
def resume(account_id: int) -> None:
    """Let an account run again, whoever paused it."""
    with open_services() as services:
        use.resume(services, account_id)
    click.echo(f"Account {account_id} runs.")


@accounts.command()
@account_argument
def remove(account_id: int) -> None:
    """Remove an account here: its credentials are deleted, what it has queued is cancelled, its history is kept."""
    with open_services() as services:
        warning = removal.remove(services, account_id)
    click.echo(f"Account {account_id} is removed. In HubSpot only its inbox settings remove it for good.")
    if warning:
        click.echo(f"relay: {warning}", err=True)


def _values(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {key: given(value) for key, value in pairs}


@contextmanager
def _fields_named(connector: str) -> Iterator[None]:
    """Turn credentials that are not complete into wrong usage, with all fields of the connector."""
    try:
        yield
    except CredentialsIncomplete as error:
        fields = "\n".join(f"  {line}" for line in credential_lines(registry.get(connector)))
        raise click.UsageError(f"{error} Its fields, each given with --set:\n{fields}") from error


def credential_lines(connector: Connector) -> list[str]:
    """Return a line for each credential of a connector: name, whether it is required, and what it is."""
    return [
        f"{name} ({'required' if field.is_required() else 'optional'}): {field.description or field.title or name}"
        for name, field in connector.credentials.model_fields.items()
    ]
