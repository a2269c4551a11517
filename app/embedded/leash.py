"""Becomes another program that ends when its parent does, even by `kill -9`.

Run by path, with the parent's process id and the command. Between ``fork`` and ``exec`` of a process with threads
nothing may be done safely, so the step has a process of its own; the program takes its place.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: Linux: send me this signal when the thread that started me ends. Elsewhere only the polite end works.
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, and exec."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("The parent ended before its child began.")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
