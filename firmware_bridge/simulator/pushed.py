"""Virtual meters that push, on a TCP port or a serial line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import serial

from firmware_bridge.end_task import end_task
from firmware_bridge.simulator.dlms.telegrams import dlms_push
from firmware_bridge.simulator.iec62056_21.p1 import p1_telegram
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.sml.telegrams import sml_file

Telegrams = Callable[[VirtualMeter], bytes]
PUSHES: Mapping[str, Telegrams] = {"dsmr": p1_telegram, "sml": sml_file, "dlms": dlms_push}


class VirtualPushedPort:
    """Meters that push to whoever is connected, on TCP or a serial device.

    Use it as an async context manager; `port` is known inside.

    Args:
        meter: What is shown; several behind one radio receiver.
        telegrams: What each says every time.
        interval_s: Pause between telegrams. [s]
        host: Where it listens; only this machine by default.
        port: 0 takes a free one.
        serial_port: A serial device to write to instead.
        baudrate: Of that device.
    """

    def __init__(  # noqa: PLR0913 - a meter, what it says, and where
        self,
        meter: VirtualMeter | tuple[VirtualMeter, ...],
        telegrams: Telegrams,
        interval_s: float = 1.0,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        serial_port: str | None = None,
        baudrate: int = 9600,
    ) -> None:
        self._meters = (meter,) if isinstance(meter, VirtualMeter) else meter
        self._telegrams = telegrams
        self._interval_s = interval_s
        self.host = host
        self.port = port
        self._serial_port = serial_port
        self._baudrate = baudrate
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Future[None]] = set()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._serial_port is not None:
            device = serial.Serial(
                self._serial_port, baudrate=self._baudrate, timeout=0, write_timeout=0
            )
            self._task = asyncio.create_task(self._to_serial(device))
            return self
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await end_task(self._task)
        if self._server is not None:
            self._server.close()
            self._ended.set()
            await asyncio.gather(*self._conversations)
            await self._server.wait_closed()

    def hang_up(self) -> None:
        """Close all connections, as a gateway that restarts does."""
        for writer in self._writers:
            writer.close()

    def _telegram(self) -> bytes:
        return b"".join(map(self._telegram_of, self._meters))

    def _telegram_of(self, meter: VirtualMeter) -> bytes:
        if meter.faults.silent:
            return b""
        raw = self._telegrams(meter)
        tamper = meter.faults.tamper
        return tamper(raw) if tamper else raw

    async def _serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        done = asyncio.get_running_loop().create_future()
        self._conversations.add(done)
        try:
            while not (self._ended.is_set() or writer.is_closing()):
                writer.write(self._telegram())
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval_s):
                        await self._ended.wait()
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            done.set_result(None)

    async def _to_serial(self, device: serial.Serial) -> None:
        with device:
            while True:
                # A line that nobody reads loses bytes, as a UART does.
                with suppress(BlockingIOError):
                    os.write(device.fileno(), self._telegram())
                await asyncio.sleep(self._interval_s)
