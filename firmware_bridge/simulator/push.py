"""Virtual meters that push: P1, SML and DLMS telegrams on a TCP port or a serial line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import serial

from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    ACTIVE_POWER_EXPORT,
    ACTIVE_POWER_IMPORT,
    Obis,
)
from firmware_bridge.crc import arc
from firmware_bridge.simulator import dlms_encoding, sml_encoding
from firmware_bridge.simulator.meter import VirtualMeter

Telegrams = Callable[[VirtualMeter], bytes]
_SHOWN = (ACTIVE_IMPORT, ACTIVE_EXPORT, ACTIVE_POWER_IMPORT, ACTIVE_POWER_EXPORT)
_ENERGIES = (ACTIVE_IMPORT, ACTIVE_EXPORT)
_DUTCH = ZoneInfo("Europe/Amsterdam")
_WATT, _WATT_HOUR = 27, 30
_MAKER = b"MTL"


def _numbers(meter: VirtualMeter, at: datetime) -> dict[Obis, int]:
    shown = {code: meter.show(code, at) for code in _SHOWN}
    return {code: number.mantissa * 10**number.exponent for code, number in shown.items()}


def p1_telegram(meter: VirtualMeter) -> bytes:
    """A DSMR 5 telegram: import and export in Wh resolution, powers in W."""
    at = meter.clock()
    local = at.astimezone(_DUTCH)
    letter = "S" if local.dst() else "W"
    lines = [
        "/MTL5METERLINE-VIRTUAL",
        "",
        "1-3:0.2.8(50)",
        f"0-0:1.0.0({local:%y%m%d%H%M%S}{letter})",
        f"0-0:96.1.1({meter.serial_at(at).encode().hex().upper()})",
    ]
    for code, number in _numbers(meter, at).items():
        text = str(code).removesuffix("*255")
        unit, whole = ("kWh", 10) if code in _ENERGIES else ("kW", 6)
        lines.append(f"{text}({number // 1000:0{whole - 4}d}.{number % 1000:03d}*{unit})")
    covered = "\r\n".join(lines).encode() + b"\r\n!"
    return covered + f"{arc(covered):04X}\r\n".encode()


def sml_file(meter: VirtualMeter) -> bytes:
    """An SML file with the meter's registers; energies in Wh, powers in W."""
    at = meter.clock()
    digits = "".join(char for char in meter.serial_at(at) if char.isdigit()) or "0"
    server = b"\x0a\x01" + _MAKER + b"\x00" + (int(digits) & 0xFFFFFFFF).to_bytes(4, "big")
    entries = [
        sml_encoding.Entry(
            code.code,
            sml_encoding.integer(number, 8),
            _WATT_HOUR if code in _ENERGIES else _WATT,
            0,
        )
        for code, number in _numbers(meter, at).items()
    ]
    stamp = sml_encoding.unsigned(int(at.timestamp()), 4)
    time = sml_encoding.listing(sml_encoding.unsigned(2, 1), stamp)
    return sml_encoding.list_file(server, entries, time=time)


@dataclass(frozen=True, slots=True)
class Cipher:
    """Keys of a virtual DLMS meter that encrypts.

    Args:
        key: Global unicast key.
        authentication: Authentication key.
    """

    key: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


def dlms_push(meter: VirtualMeter, cipher: Cipher | None = None) -> bytes:
    """A data notification in HDLC frames, ciphered where the meter has keys."""
    at = meter.clock()
    registers = [
        dlms_encoding.Register(
            code.code, number & 0xFFFFFFFF, 0, _WATT_HOUR if code in _ENERGIES else _WATT
        )
        for code, number in _numbers(meter, at).items()
    ]
    apdu = dlms_encoding.notification(at, meter.serial_at(at), registers)
    if cipher is not None:
        title = _MAKER + meter.serial_at(at).encode()[-5:].rjust(5, b"\x00")
        counter = int(at.timestamp()) & 0xFFFFFFFF
        apdu = dlms_encoding.cipher(apdu, title, counter, cipher.key, cipher.authentication)
    return dlms_encoding.hdlc(apdu, segment=120)


PUSHES: Mapping[str, Telegrams] = {"dsmr": p1_telegram, "sml": sml_file, "dlms": dlms_push}


class VirtualPushPort:
    """A meter that pushes to whoever is connected, on TCP or a serial device.

    Use it as an async context manager; `port` is known inside.

    Args:
        meter: What it shows.
        telegrams: What it says each time.
        interval_s: Pause between telegrams. [s]
        host: Where it listens; nobody else is let in by default.
        port: 0 takes a free one.
        serial_port: A serial device to write to instead.
    """

    def __init__(  # noqa: PLR0913 - a meter, what it says, and where
        self,
        meter: VirtualMeter,
        telegrams: Telegrams,
        interval_s: float = 1.0,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        serial_port: str | None = None,
    ) -> None:
        self._meter = meter
        self._telegrams = telegrams
        self._interval_s = interval_s
        self.host = host
        self.port = port
        self._serial_port = serial_port
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Future[None]] = set()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._serial_port is not None:
            self._task = asyncio.create_task(self._to_serial(self._serial_port))
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
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
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
        if self._meter.faults.silent:
            return b""
        raw = self._telegrams(self._meter)
        tamper = self._meter.faults.tamper
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

    async def _to_serial(self, path: str) -> None:
        with serial.Serial(path, timeout=0, write_timeout=0) as device:
            while True:
                # A line that nobody reads loses bytes, as a UART does.
                with suppress(BlockingIOError):
                    os.write(device.fileno(), self._telegram())
                await asyncio.sleep(self._interval_s)
