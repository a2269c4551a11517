"""The ``relay`` command. Each command's module is imported when it is called, so that a role starts fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

import click
from typing_extensions import override

from app.cli.output import Failure, sentence
from app.errors import ConfigurationError, RelayError

__all__ = ["COMMANDS", "main"]


@dataclass(frozen=True)
class Entry:
    """Where a command is (``module:name``), and what ``relay --help`` says of it."""

    target: str
    help: str


COMMANDS: Final[Mapping[str, Entry]] = {
    "up": Entry("app.cli.up:up", "Run everything in one terminal on one machine."),
    "demo": Entry("app.cli.demo:demo", "Run everything with a simulated HubSpot and messaging services."),
    "web": Entry("app.cli.roles:web", "Run the web role: webhooks, media links, pages."),
    "worker": Entry("app.cli.roles:worker", "Run a worker: lanes, media or both."),
    "scheduler": Entry("app.cli.roles:scheduler", "Run the scheduler."),
    "simulator": Entry("app.cli.roles:simulator", "Run the simulated HubSpot and messaging services."),
    "db": Entry("app.cli.database:db", "Bring the database's tables up to date."),
    "doctor": Entry("app.cli.doctor:doctor", "Check the whole set-up, with a fix for what is wrong."),
    "channel": Entry("app.cli.channel:channel", "Register, show, compare and change the channel at HubSpot."),
    "portals": Entry("app.cli.portals:portals", "List, add, pause and resume HubSpot accounts."),
    "accounts": Entry("app.cli.accounts:accounts", "List, add, test, pause, resume and remove channel accounts."),
    "keys": Entry("app.cli.keys:keys", "See which keys seal tokens and credentials, and seal all with the newest."),
    "messages": Entry("app.cli.messages:messages", "Find, show and replay messages."),
    "trace": Entry("app.cli.trace:trace", "Follow a message by any id of either side, hop by hop."),
    "forget": Entry("app.cli.forget:forget", "Erase what is stored of a conversation or a person."),
    "envelopes": Entry("app.cli.envelopes:envelopes", "See what was not understood, and open it again."),
    "dead-letters": Entry("app.cli.dead_letters:dead_letters", "See, replay and drop messages that need a person."),
    "reconcile": Entry("app.cli.reconcile:reconcile", "Compare with HubSpot after an outage, and fill the gaps."),
    "connectors": Entry("app.cli.catalogue:connectors", "List the connectors and what their services can do."),
    "settings": Entry("app.cli.catalogue:settings", "List every setting with its value; secrets stay hidden."),
    "test-connector": Entry("app.cli.catalogue:test_connector", "Check that a connector keeps the contract."),
    "bench": Entry("app.bench.command:bench", "Measure the relay, and prove its promises under load."),
}


class LazyGroup(click.Group):
    """A group whose commands are named in ``COMMANDS``, and whose errors end in one sentence."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.target.partition(":")
        return cast("click.Command", getattr(import_module(module), name))

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigurationError, RelayError) as error:
            raise Failure(sentence(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename:
                raise Failure(_unusable(error)) from error
            if _is_database_away(error):
                raise Failure("The database does not answer: see RELAY_DATABASE_URL and `relay doctor`.") from error
            raise


def _unusable(error: OSError) -> str:
    return f"{error.filename} cannot be used ({error.strerror}): set RELAY_DATA_DIR to a folder that can be written."


def _is_database_away(error: Exception) -> bool:
    from app.storage.database import DatabaseAway  # noqa: PLC0415 - SQLAlchemy is slow to import; only after an error

    return isinstance(error, DatabaseAway)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hubspot-relay", prog_name="relay")
def main() -> None:
    """Relay messages between HubSpot's inbox and any messaging service.

    Every listing takes --json. Exit status: 0 done, 1 a check failed or something was not found, 2 wrong usage.
    """
