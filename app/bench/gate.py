"""A gate before a server: connections pass, or are refused, or are taken and never answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from app.bench.servers.process import free_port

_CHUNK = 65_536
_PATIENCE = 10.0

Result = TypeVar("Result")


class Gate:
    """A TCP gate on a free loopback port, open at first. It lives in a thread of its own."""

    def __init__(self, target: int) -> None:
        """Remember the port that it stands before; nobody has to listen there yet."""
        self.port = free_port()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[Any]] = set()
        self._silent = False

    @property
    def url(self) -> str:
        """The address before the gate."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Let connections pass."""
        self._run(self._listen(silent=False))

    def refuse(self) -> None:
        """Refuse connections, and cut those there are."""
        self._run(self._shut())

    def silence(self) -> None:
        """Take connections and what they bring, and answer nothing; cut those there are."""
        self._run(self._listen(silent=True))

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _listen(self, *, silent: bool) -> None:
        await self._shut()
        self._silent = silent
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, backlog=1024)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        cut = list(self._passing)
        for one in cut:
            one.cancel()
        await asyncio.gather(*cut, return_exceptions=True)

    async def _pass(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's coroutine is one
        self._passing.add(task)
        try:
            if self._silent:
                await _swallow(near)
            else:
                await self._forward(near, back)
        except asyncio.CancelledError:
            back.transport.abort()
        finally:
            self._passing.discard(task)
            back.close()

    async def _forward(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far, there = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                await asyncio.wait(
                    [asyncio.create_task(_copy(near, there)), asyncio.create_task(_copy(far, back))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                there.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()


async def _swallow(source: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await source.read(_CHUNK):
            pass
