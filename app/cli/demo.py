"""The demo: the relay's real processes between a simulated HubSpot and simulated messengers."""

from __future__ import annotations

import signal
import sys
import time

import click

from app.cli import up
from app.cli.playground import Demo, running
from app.cli.smoke import converse


@click.command()
@click.option("--smoke", is_flag=True, help="Run one conversation through the real processes and end.")
def demo(smoke: bool) -> None:  # noqa: FBT001 - click's signature
    """Run the relay with a simulated HubSpot and simulated messengers: no accounts needed. Not for production."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(anywhere=smoke) as found:
            _show(found, started)
            if smoke:
                sys.exit(0 if converse(found) else 1)
            found.machine.supervisor.run()
    except KeyboardInterrupt:
        click.echo("\nended")


def _show(found: Demo, started: float) -> None:
    click.echo(f"database   {up.without_password(found.machine.settings.database)}")
    click.echo(f"broker     {found.machine.broker}")
    click.echo(f"ready in   {time.monotonic() - started:.1f} s")
    click.echo("")
    click.echo(f"Open       {found.page}")
    click.echo("Write as a customer on the left, answer as an agent on the right. Ctrl-C ends it.")
    click.echo(f"For `relay doctor` and the like in another terminal:  export $(cat {found.environment})")
