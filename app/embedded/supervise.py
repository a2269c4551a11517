"""A supervisor for the roles of one machine: starts them as processes, restarts one that dies, ends them all."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app import logs

#: A role that dies is started again after this time (seconds), doubled at each death up to the last.
_RESTART_AFTER = (0.2, 0.5, 1.0, 2.0, 5.0)
#: A role that has lived this long (seconds) has started well.
_WELL = 30.0
#: A worker finishes what it has in hand within 25 s; after this time (seconds) a role is killed.
_GRACE = 30.0
#: Linux: the kernel sends this signal to a child whose parent has died, so that kill -9 leaves no orphans.
_PR_SET_PDEATHSIG = 1

log = logs.get_logger(__name__)


@dataclass
class Role:
    """One role as a process of its own."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    again_at: float = field(default=0.0)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None


class Supervisor:
    """Keeps roles running until it is told to stop."""

    def __init__(
        self, environment: Mapping[str, str], *, look: Callable[[], None] | None = None, in_a_hurry: bool = False
    ) -> None:
        """Remember the roles' environment.

        ``look`` is called again and again beside them (the embedded broker). ``in_a_hurry``: what they do is forgotten
        anyway (the demo), so that they are ended without being asked.
        """
        self._environment = dict(environment)
        self._look = look
        self._in_a_hurry = in_a_hurry
        self.roles: list[Role] = []
        self.stopping = threading.Event()

    def start(self, role: Role) -> None:
        """Start a role and keep it running."""
        self.roles.append(role)
        self._spawn(role)

    def run(self) -> None:
        """Look after the roles until SIGINT, SIGTERM or ``stopping``, then end them."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            while not self.stopping.wait(0.2):
                self.look_after()
        finally:
            self.stop()

    def look_after(self) -> None:
        """Start again what has died."""
        if self._look is not None:
            self._look()
        for role in self.roles:
            if role.process is not None and role.process.poll() is not None:
                self._died(role, role.process.returncode)
            elif role.process is None and time.monotonic() >= role.again_at:
                self._spawn(role)

    def stop(self) -> None:
        """End every role: a request first, so that calls in flight are finished; then by force."""
        for role in self.roles:
            if role.process is not None and role.pid is not None:
                _signal(role.process, in_a_hurry=self._in_a_hurry)
        deadline = time.monotonic() + _GRACE
        for role in self.roles:
            _end(role, max(0.0, deadline - time.monotonic()))

    def _spawn(self, role: Role) -> None:
        role.started = time.monotonic()
        role.process = subprocess.Popen(  # noqa: S603 - our own commands
            role.arguments,
            env=self._environment,
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which ends the roles in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )
        log.debug("role_started", role=role.name, pid=role.process.pid)

    def _died(self, role: Role, code: int) -> None:
        role.deaths = 0 if time.monotonic() - role.started > _WELL else role.deaths + 1
        pause = _RESTART_AFTER[min(role.deaths, len(_RESTART_AFTER) - 1)]
        role.process, role.again_at = None, time.monotonic() + pause
        log.warning("role_died", role=role.name, code=code, again_in=pause)


def relay_command(*arguments: str) -> list[str]:
    """Return the command that runs ``relay`` with the interpreter of this process."""
    return [sys.executable, "-m", "app.cli", *arguments]


def _signal(process: subprocess.Popen[bytes], *, in_a_hurry: bool) -> None:
    if in_a_hurry:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGTERM)


def _end(role: Role, patience: float) -> None:
    if role.process is None:
        return
    try:
        role.process.wait(patience)
    except subprocess.TimeoutExpired:
        os.killpg(role.process.pid, signal.SIGKILL)
        role.process.wait()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
