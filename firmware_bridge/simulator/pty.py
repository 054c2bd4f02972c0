"""A serial cable without hardware: two pseudo-terminals joined back to back."""

from __future__ import annotations

import asyncio
import os
import tty
from contextlib import suppress
from functools import partial
from typing import Self


class SerialCable:
    """Two serial devices; what is written to one is read from the other.

    Use it as an async context manager; both ends are known inside. Neither end notices when the
    other is closed, as on a real line.
    """

    def __init__(self) -> None:
        self._files: list[int] = []
        self._masters: tuple[int, ...] = ()
        self._paths: tuple[str, ...] = ()

    @property
    def meter_end(self) -> str:
        """The device that a virtual meter opens."""
        return self._paths[0]

    @property
    def agent_end(self) -> str:
        """The device that a driver opens."""
        return self._paths[1]

    async def __aenter__(self) -> Self:
        pairs = [os.openpty() for _ in range(2)]
        self._files = [file for pair in pairs for file in pair]
        # The far ends stay open here, or a master would fail whenever nobody else has them open.
        for _, far in pairs:
            tty.setraw(far)
        self._paths = tuple(os.ttyname(far) for _, far in pairs)
        self._masters = tuple(master for master, _ in pairs)
        loop = asyncio.get_running_loop()
        for source, sink in (self._masters, self._masters[::-1]):
            os.set_blocking(source, False)
            loop.add_reader(source, partial(_carry, source, sink))
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for master in self._masters:
            loop.remove_reader(master)
        for file in self._files:
            os.close(file)
        self._files = []


def _carry(source: int, sink: int) -> None:
    # A full far end loses bytes, as a UART without flow control does.
    with suppress(BlockingIOError):
        os.write(sink, os.read(source, 4096))
