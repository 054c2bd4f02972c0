"""A serial cable without hardware: two pseudo-terminals joined back to back."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from contextlib import suppress
from pathlib import Path
from typing import Self

from firmware_bridge.simulator.meter import VirtualMeterError

_SPEED = 5


class SerialCable:
    """Two serial devices; what is written to one is read from the other.

    Use it as an async context manager; both ends are known inside. Neither end notices when the
    other is closed, as on a real line.

    Args:
        strict: Whether the two ends need the same speed, as on a real line: otherwise the agent
            gets garbled bytes, and the meter none that it would look at. Pseudo-terminals have
            neither parity nor stop bits.
        link: A symbolic link to the agent's end, so that it keeps its name from run to run.
    """

    def __init__(self, *, strict: bool = False, link: Path | None = None) -> None:
        self._strict = strict
        self._link = link
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
        self._make_link()
        loop = asyncio.get_running_loop()
        for source, sink in (self._masters, self._masters[::-1]):
            os.set_blocking(source, False)
            loop.add_reader(source, self._carry, source, sink)
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for master in self._masters:
            loop.remove_reader(master)
        for file in self._files:
            os.close(file)
        self._files = []
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def _make_link(self) -> None:
        if self._link is None:
            return
        try:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(self.agent_end)
        except OSError as error:
            message = f"The link {self._link} cannot be created: {error.strerror}."
            remedy = "Name a path that does not exist yet, in a folder that can be written."
            raise VirtualMeterError(message, value=str(self._link), remedy=remedy) from error

    def _carry(self, source: int, sink: int) -> None:
        # A full far end loses bytes, as a UART without flow control does.
        with suppress(BlockingIOError):
            data = os.read(source, 4096)
            if self._same_speed():
                os.write(sink, data)
            elif source == self._masters[0]:
                os.write(sink, garble(data))

    def _same_speed(self) -> bool:
        speeds = {termios.tcgetattr(master)[_SPEED] for master in self._masters}
        return not self._strict or len(speeds) == 1


def garble(data: bytes) -> bytes:
    """What a UART makes of bytes that come at another speed: others, none of them in ASCII."""
    return bytes(byte * 37 + 113 & 0x5F | 0x80 for byte in data)
