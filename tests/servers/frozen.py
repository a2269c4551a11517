"""A server that neither answers nor says no."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.bench.servers.process import ServerProcess


@contextmanager
def frozen(server: ServerProcess) -> Iterator[None]:
    """Stop a server and its children, each of which may lead a group of its own, and let them go on afterwards."""
    os.kill(server.pid, signal.SIGSTOP)  # first: it starts no more of them
    stopped = [server.pid, *_children(server.pid)]
    for pid in stopped[1:]:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
