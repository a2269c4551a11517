"""A RabbitMQ server that knows no other: its own node, ports, cookie and files, and its own Erlang name server."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

from kombu import Connection
from typing_extensions import override

from app.bench.servers import programs
from app.bench.servers.process import ServerError, ServerProcess, free_port, is_listening

#: Seconds that a command to a running node may take.
_PATIENCE = 30
#: So many virtual hosts are made with one command: each starts an Erlang of its own.
_VHOSTS = 5
#: What `add_vhost` and `set_permissions` do.
_NEW_VHOSTS = """
    [begin
        ok = rabbit_vhost:add(Name, <<"relay">>),
        Everything = <<".*">>,
        ok = rabbit_auth_backend_internal:set_permissions(
            <<"guest">>, Name, Everything, Everything, Everything, <<"relay">>)
    end || Name <- [{names}]].
"""
#: The distribution's own port listens on every address unless it is told so.
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


class _NameServer(ServerProcess):
    """Erlang's name server, in the foreground. A node without one starts a daemon, which nobody would end."""

    def __init__(self) -> None:
        """Choose a port.

        Raises:
            ProgramMissing: there is no Erlang here.
        """
        self._program: Path = programs.needed(programs.epmd(), "epmd (of Erlang)")
        super().__init__()

    @property
    @override
    def url(self) -> str:
        return f"epmd://127.0.0.1:{self.port}"

    @override
    def command(self) -> list[str]:
        return [str(self._program), "-port", str(self.port), "-address", "127.0.0.1"]

    @override
    def is_ready(self) -> bool:
        return is_listening(self.port)


class RabbitmqServer(ServerProcess):
    """RabbitMQ on loopback, one node without plugins; durable queues survive a `kill -9` once they are settled."""

    patience: ClassVar[float] = 60

    def __init__(self, *, port: int | None = None) -> None:
        """Choose ports.

        Raises:
            ProgramMissing: there is no RabbitMQ here, or no Erlang.
        """
        self._program: Path = programs.needed(programs.rabbitmq(), "rabbitmq-server")
        self._names = _NameServer()
        super().__init__(port=port)
        self._distribution = free_port()
        self._numbers = itertools.count(1)
        self._empty_vhosts: list[str] = []

    @property
    @override
    def url(self) -> str:
        return self.vhost_url("/")

    def vhost_url(self, vhost: str) -> str:
        """The address of one virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{vhost}"

    @property
    def node(self) -> str:
        """The node's name."""
        return f"relay-{self.port}@localhost"

    @override
    def prepare(self) -> None:
        """Start the name server and write the configuration: small limits, so that a full disk stops no test."""
        self._names.start()
        settings = {"listeners.tcp.1": f"127.0.0.1:{self.port}", "disk_free_limit.absolute": "10MB"}
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        (self.folder / "rabbitmq.conf").write_text("".join(lines), encoding="utf-8")
        (self.folder / "plugins").write_text("[].\n", encoding="utf-8")

    @override
    def command(self) -> list[str]:
        return self._in_its_own_world([str(self._program)])

    @override
    def is_ready(self) -> bool:
        if not is_listening(self.port):
            return False  # kombu would wait two seconds and try again
        try:
            with Connection(self.url, connect_timeout=2, transport_options={"read_timeout": 2}) as connection:
                connection.connect()
        except Exception:  # noqa: BLE001 - a node that starts answers in many ways
            return False
        return True

    @override
    def stop(self) -> None:
        """End it the polite way, then the name server, which it signs off from."""
        super().stop()
        self._names.stop()

    @override
    def kill(self) -> None:
        """`kill -9`, for the node and the name server."""
        super().kill()
        self._names.kill()

    @override
    def close(self) -> None:
        super().close()
        self._names.close()

    def settle(self) -> None:
        """Write down which quorum queues there are, as the node does by itself about a second later.

        One that a `kill -9` meets before is broken: it takes no message until it is deleted (RabbitMQ 3.10.8).
        """
        self.control("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def wipe(self) -> None:
        """Forget everything, virtual hosts too. It must not run."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self._empty_vhosts.clear()

    def create_vhost(self) -> str:
        """Return an empty virtual host's name. It stays: removing one after a kill takes five seconds."""
        if not self._empty_vhosts:
            names = [f"relay_{next(self._numbers)}" for _ in range(_VHOSTS)]
            self.control("eval", _NEW_VHOSTS.format(names=", ".join(f'<<"{name}">>' for name in names)))
            self._empty_vhosts += names
        return self._empty_vhosts.pop()

    def control(self, *words: str) -> str:
        """Run `rabbitmqctl` with these words and return what it prints.

        Raises:
            ServerError: it failed; the message says what it wrote.
        """
        program = self._program.with_name("rabbitmqctl")
        command = self._in_its_own_world([str(program), "--quiet", "--node", self.node, *words])
        ended = subprocess.run(  # noqa: S603 - our own command
            command, cwd=self.folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        if ended.returncode != 0:
            raise ServerError(f"rabbitmqctl {words[0]}: {ended.stderr or ended.stdout}")
        return ended.stdout

    def _in_its_own_world(self, command: list[str]) -> list[str]:
        """Return a command that sees nothing of the system's RabbitMQ, nor of the caller's environment."""
        here = self.folder
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(here),  # where the cookie is made
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._names.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONF_ENV_FILE": str(here / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "none.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK_ONLY,
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "very_short",  # with none it starts half as fast
            "RUNNING_UNDER_SYSTEMD": "1",  # the start script becomes the node, instead of watching over it
        }
        return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command]
