"""``python -m app.cli`` is ``relay``: the supervisor starts roles with the interpreter of its own process."""

from __future__ import annotations

from app.cli import main

main(prog_name="relay")
