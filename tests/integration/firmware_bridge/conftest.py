"""Virtual meters on free loopback ports, and servers that misbehave on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.frames import RegisterSpan
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.modbus.server import VirtualModbusServer

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUT_S = 0.3
ILLEGAL_ADDRESS = 2
Behaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Bench:
    """A virtual meter on the wire, its clock, and a driver for it."""

    meter: VirtualMeter
    clock: ManualClock
    server: VirtualModbusServer
    profile: str

    def driver(self, **settings: object) -> ModbusDriver:
        base = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "profile": self.profile,
            "timeout_s": TIMEOUT_S,
        }
        return ModbusDriver.from_settings(base | settings)


@asynccontextmanager
async def running(profile: str) -> AsyncIterator[Bench]:
    clock = ManualClock(START + timedelta(hours=30))
    load = from_kw([Decimal("1.2345"), Decimal("-0.5"), Decimal("3.75"), Decimal(0)], 3600)
    meter = compose("4711", load, script=Script(start=START, loop=True), clock=clock)
    async with VirtualModbusServer({1: (meter, load_profile(profile))}) as server:
        yield Bench(meter, clock, server, profile)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running("meterline-virtual") as found:
        yield found


@dataclass
class Rogue:
    """A TCP server that answers each request as `behaviour` does, and counts connections."""

    behaviour: Behaviour
    port: int = 0
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while request := await reader.read(260):
                await self.behaviour(request, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def driver(self, **settings: object) -> ModbusDriver:
        base = {
            "host": "127.0.0.1",
            "port": self.port,
            "profile": "meterline-virtual",
            "timeout_s": TIMEOUT_S,
        }
        return ModbusDriver.from_settings(base | settings)


@asynccontextmanager
async def rogue(behaviour: Behaviour) -> AsyncIterator[Rogue]:
    found = Rogue(behaviour)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for writer in found.writers:
            writer.close()
        await server.wait_closed()
        # Let the connections' own tasks see their ends.
        await asyncio.sleep(0)


def answer(request: bytes, registers: bytes) -> bytes:
    """A right Modbus TCP answer to a request."""
    body = request[6:8] + bytes([len(registers)]) + registers
    return request[:4] + len(body).to_bytes(2, "big") + body


class Device:
    """A Modbus TCP device that has these registers and refuses the others."""

    def __init__(self, words: Mapping[int, int], code: int = ILLEGAL_ADDRESS) -> None:
        self.words = dict(words)
        self.code = code
        self.asked: list[RegisterSpan] = []

    async def __call__(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        function, address = request[7], int.from_bytes(request[8:10], "big")
        span = RegisterSpan(function, address, int.from_bytes(request[10:12], "big"))
        self.asked.append(span)
        places = range(span.address, span.end)
        if all(place in self.words for place in places):
            data = b"".join(self.words[place].to_bytes(2, "big") for place in places)
            writer.write(answer(request, data))
        else:
            refusal = bytes([request[6], function | 0x80, self.code])
            writer.write(request[:4] + len(refusal).to_bytes(2, "big") + refusal)
        await writer.drain()
