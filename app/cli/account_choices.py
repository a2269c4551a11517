"""``relay accounts``: what can be chosen for an account."""

from __future__ import annotations

from typing import Final

import click

from app.cli.options import Switch, account_argument
from app.cli.session import open_services
from app.domain.account import ContactPolicy, Options
from app.relay import actors
from app.relay import contacts as contact_use
from app.relay import options as use

_CONTACTS_SET = {
    ContactPolicy.OFF: "Customers of account {} are associated with no contact.",
    ContactPolicy.FIND: "Customers of account {} whose messenger vouches for a phone number or an e-mail address are "
    "associated with the one contact that has it.",
    ContactPolicy.CREATE: "The same for account {}; where no contact has it, one is made.",
}
#: Every option with what it does, below the command's own words.
_OPTIONS: Final = "\n".join(f"{name}: {field.description}" for name, field in Options.model_fields.items())


@click.command(name="set", epilog=f"\b\n{_OPTIONS}")
@account_argument
@click.argument("changes", metavar="NAME=on|off...", type=Switch(), nargs=-1, required=True)
def set_options(account_id: int, changes: tuple[tuple[str, bool], ...]) -> None:
    """Switch what an account relays beside messages, from the next event on."""
    with open_services() as services:
        use.switch(services, account_id, dict(changes))
    for name, is_on in changes:
        click.echo(f"{name} is {'on' if is_on else 'off'} for account {account_id}.")


@click.command()
@account_argument
@click.argument("policy", type=click.Choice(ContactPolicy, case_sensitive=False))
def contacts(account_id: int, policy: ContactPolicy) -> None:
    """Associate customers with CRM contacts (find), also make those that are missing (create), or do not (off).

    Only by a phone number or an e-mail address that the messenger itself vouches for.
    """
    with open_services() as services:
        contact_use.set_policy(services, account_id, policy)
    click.echo(_CONTACTS_SET[policy].format(account_id))


@click.command()
@account_argument
@click.argument("shown", metavar="on|off", type=click.Choice(["on", "off"], case_sensitive=False))
def names(account_id: int, shown: str) -> None:
    """Show customers the name of the agent who answers, in front of the text, or do not."""
    with open_services() as services:
        actors.show_names(services, account_id, shown=shown == "on")
    seen = "see" if shown == "on" else "do not see"
    click.echo(f"Customers of account {account_id} {seen} the name of the agent who answers.")


#: The commands of this module, for the group of accounts.
COMMANDS: Final = (set_options, contacts, names)
