"""Virtual meters that answer when asked: M-Bus slaves and optical heads, on TCP or serial lines."""
# ruff: noqa: PLR2004 - the frames' fixed places

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import serial

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, ACTIVE_POWER_IMPORT
from firmware_bridge.simulator.mbus_encoding import device, long_frame, long_header
from firmware_bridge.simulator.meter import VirtualMeter

# Takes what was received so far; gives the answer and how many bytes it used.
Answer = Callable[[bytes], tuple[bytes, int]]
_ACKNOWLEDGE = b"\xe5"
_SHORT, _LONG = 0x10, 0x68
_MASTER_MAX = 300
_ELECTRICITY = 0x02


class VirtualMbus:
    """Slaves on one bus, by primary address; an identification number selects one too.

    Args:
        meters: Primary address to meter.
    """

    def __init__(self, meters: Mapping[int, VirtualMeter]) -> None:
        self._meters = dict(meters)
        self._selected: int | None = None

    def __call__(self, held: bytes) -> tuple[bytes, int]:
        """The bus's answer to what the master sent."""
        if held[0] == _SHORT:
            return (self._short(held[1], held[2]), 5) if len(held) >= 5 else (b"", 0)
        if held[0] == _LONG:
            size = held[1] + 6 if len(held) > 1 else _MASTER_MAX
            return (self._select(held[7:11]), size) if len(held) >= size else (b"", 0)
        return b"", 1

    def _short(self, control: int, address: int) -> bytes:
        if address == 0xFD:
            if control == 0x40:
                self._selected = None
                return b""
            meter = self._meters.get(self._selected or -1)
        elif address == 0xFE:
            meter = next(iter(self._meters.values()))
        else:
            meter = self._meters.get(address)
        if meter is None or meter.faults.silent:
            return b""
        raw = _ACKNOWLEDGE if control == 0x40 else mbus_frame(meter, address)
        return meter.faults.tamper(raw) if meter.faults.tamper else raw

    def _select(self, number: bytes) -> bytes:
        for address, meter in self._meters.items():
            if _identification(meter)[:4] == number:
                self._selected = address
                return _ACKNOWLEDGE
        self._selected = None
        return b""


def _identification(meter: VirtualMeter) -> bytes:
    serial_number = meter.serial_at(meter.clock()).rjust(8, "0")[-8:]
    return device(serial_number, "MTL", 1, _ELECTRICITY)


def mbus_frame(meter: VirtualMeter, address: int) -> bytes:
    """What a slave answers: import, export and power as records."""
    at = meter.clock()
    energy = meter.register_wh(ACTIVE_IMPORT, at).to_bytes(8, "little")
    fed = meter.register_wh(ACTIVE_EXPORT, at).to_bytes(8, "little")
    power = meter.show(ACTIVE_POWER_IMPORT, at).mantissa.to_bytes(4, "little", signed=True)
    records = b"\x07\x03" + energy + b"\x07\x83\x3c" + fed + b"\x04\x2b" + power
    return long_frame(long_header(_identification(meter), 1, 0, records), address)


class VirtualOpticalHead:
    """A meter of IEC 62056-21 in mode A, B or C.

    Args:
        meter: What it shows.
        speed: The identification's third place: a digit in mode C, a letter in mode B, else A.
    """

    _REQUEST = re.compile(rb"/\?[^!\r\n]*!\r\n")
    _CHOICE = re.compile(rb"\x060.0\r\n")

    def __init__(self, meter: VirtualMeter, speed: str = "5") -> None:
        self._meter = meter
        self._speed = speed

    def __call__(self, held: bytes) -> tuple[bytes, int]:
        """The meter's answer to what the reader sent."""
        seven = bytes(byte & 0x7F for byte in held)
        if self._meter.faults.silent:
            return b"", len(held)
        request = self._REQUEST.search(seven)
        if request is not None:
            name = f"/MTL{self._speed}VIRTUAL\r\n".encode()
            return name + (b"" if self._speed.isdigit() else self._block()), request.end()
        choice = self._CHOICE.search(seven)
        return (self._block(), choice.end()) if choice is not None else (b"", 0)

    def _block(self) -> bytes:
        raw = read_out(self._meter)
        tamper = self._meter.faults.tamper
        return tamper(raw) if tamper else raw


def read_out(meter: VirtualMeter) -> bytes:
    """The data block: number, import, export, with its check character."""
    at = meter.clock()
    lines = [f"0.0.0({meter.serial_at(at)})"]
    for code, name in ((ACTIVE_IMPORT, "1.8.0"), (ACTIVE_EXPORT, "2.8.0")):
        number = meter.register_wh(code, at)
        lines.append(f"{name}({number // 1000:08d}.{number % 1000:03d}*kWh)")
    body = "\r\n".join([*lines, "!", ""]).encode() + b"\x03"
    check = 0
    for byte in body:
        check ^= byte
    return b"\x02" + body + bytes([check])


class VirtualAnsweringPort:
    """A line on which something answers: a TCP port, or a serial device.

    Use it as an async context manager; `port` is known inside.

    Args:
        answer: What answers.
        host: Where it listens; nobody else is let in by default.
        serial_port: A serial device to answer on instead.
    """

    def __init__(
        self, answer: Answer, *, host: str = "127.0.0.1", serial_port: str | None = None
    ) -> None:
        self._answer = answer
        self.host = host
        self.port = 0
        self._path = serial_port
        self._device: serial.Serial | None = None
        self._held = b""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        if self._path is not None:
            self._device = serial.Serial(self._path, timeout=0, write_timeout=0)
            asyncio.get_running_loop().add_reader(self._device.fileno(), self._on_serial)
            return self
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._device is not None:
            asyncio.get_running_loop().remove_reader(self._device.fileno())
            self._device.close()
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.close()
            await asyncio.gather(*self._conversations)
            await self._server.wait_closed()

    def _on_serial(self) -> None:
        if self._device is None:
            return
        with suppress(BlockingIOError):
            answers = self._replies(os.read(self._device.fileno(), 4096))
            os.write(self._device.fileno(), answers)

    def _replies(self, data: bytes) -> bytes:
        self._held = (self._held + data)[-4096:]
        answers = b""
        while self._held:
            answer, used = self._answer(self._held)
            if not used:
                break
            answers += answer
            self._held = self._held[used:]
        return answers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        done = asyncio.get_running_loop().create_future()
        self._conversations.add(done)
        try:
            while data := await reader.read(4096):
                writer.write(self._replies(data))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            done.set_result(None)
