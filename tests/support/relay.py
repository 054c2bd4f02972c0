"""A line between a client and a server of this machine that may go dead without a word."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self


class Relay:
    """Passes TCP connections on, until it is cut: then they stay open, and nothing comes through.

    Args:
        port: Where the server listens, on loopback.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.mend()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Let nothing through; neither side is told."""
        self._whole.clear()

    def mend(self) -> None:
        """Let new connections through. Those of before are reset, as by a host that forgot them."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        self._whole.set()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._writers.add(back)
        try:
            await self._whole.wait()
            try:
                far, on = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                return
            self._writers.add(on)
            try:
                await asyncio.gather(self._pass(near, on), self._pass(far, back))
            finally:
                self._writers.discard(on)
                on.transport.abort()
        finally:
            self._writers.discard(back)
            back.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
