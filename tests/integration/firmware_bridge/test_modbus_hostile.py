"""Dead, deaf, drunken and lying meters: each has its name, and none hangs or crashes the driver."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterBusyError,
    MeterConnectionError,
    MeterRefusalError,
    MeterTimeoutError,
    TransactionMismatchError,
)
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.endpoint import TcpEndpoint
from firmware_bridge.modbus.frames import RegisterSpan
from firmware_bridge.modbus.link import ModbusLink, SharedLink
from tests.support.size import within

from .conftest import TIMEOUT_S, Bench, Rogue, answer, rogue

SPAN = RegisterSpan(4, 16, 4)
REGISTERS = bytes.fromhex("0000000000001234")
# For what is answered, however busy the machine is.
PATIENCE_S = 60.0


class Asker:
    """A link and its time limit."""

    def __init__(self, link: ModbusLink, timeout_s: float) -> None:
        self._link = link
        self.timeout_s = timeout_s

    async def read(self, span: RegisterSpan, unit: int) -> tuple[int, ...]:
        return await self._link.read(span, unit, self.timeout_s)


@asynccontextmanager
async def link(server: Rogue, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Asker]:
    async with SharedLink(TcpEndpoint("127.0.0.1", server.port)) as found:
        yield Asker(found, timeout_s)


async def ask(server: Rogue, expected: type[DeviceError], within_s: float) -> DeviceError:
    async with link(server) as connection:
        with within(within_s), pytest.raises(expected) as caught:
            await connection.read(SPAN, 1)
    assert type(caught.value) is expected
    return caught.value


async def test_nothing_listening_is_a_connection_error(unused_tcp_port: int) -> None:
    driver = ModbusDriver.from_settings(
        {"host": "127.0.0.1", "port": unused_tcp_port, "profile": "meterline-virtual"}
    )
    async with driver:
        with pytest.raises(MeterConnectionError) as caught:
            await driver.read()
    assert caught.value.retryable


async def test_entering_a_driver_of_a_dead_meter_takes_no_time(unused_tcp_port: int) -> None:
    settings = {"host": "192.0.2.1", "port": unused_tcp_port, "profile": "meterline-virtual"}
    with within(0.1):
        async with ModbusDriver.from_settings(settings):
            pass


async def test_a_deaf_meter_is_a_timeout() -> None:
    async def deaf(_: bytes, __: asyncio.StreamWriter) -> None:
        return

    async with rogue(deaf) as server:
        await ask(server, MeterTimeoutError, 1)


async def test_a_connection_closed_in_mid_request_is_noticed_at_once() -> None:
    async def hang_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, REGISTERS)[:5])
        writer.close()

    async with rogue(hang_up) as server, link(server, 30) as connection:
        with within(1), pytest.raises(MeterConnectionError, match="closed"):
            await connection.read(SPAN, 1)


async def test_a_slow_drip_ends_at_the_time_limit() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in answer(request, REGISTERS):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(TIMEOUT_S / 3)

    async with rogue(drip) as server:
        await ask(server, MeterTimeoutError, 1)


async def test_an_answer_in_pieces_is_read() -> None:
    async def pieces(request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in answer(request, REGISTERS):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)

    async with rogue(pieces) as server, link(server, PATIENCE_S) as connection:
        assert await connection.read(SPAN, 1) == (0, 0, 0, 0x1234)


async def test_a_foreign_transaction_drops_the_connection_and_the_next_read_works() -> None:
    strange = True

    async def mixed_up(request: bytes, writer: asyncio.StreamWriter) -> None:
        right = answer(request, REGISTERS)
        writer.write((b"\x7f\xff" + right[2:]) if strange else right)

    async with rogue(mixed_up) as server, link(server, PATIENCE_S) as connection:
        with pytest.raises(TransactionMismatchError):
            await connection.read(SPAN, 1)
        strange = False
        assert await connection.read(SPAN, 1) == (0, 0, 0, 0x1234)
        assert server.connections == 2


async def test_a_late_answer_is_never_taken_for_the_next() -> None:
    late = True

    async def tardy(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal late
        if late:
            late = False
            await asyncio.sleep(1.5 * TIMEOUT_S)
            writer.write(answer(request, bytes(8)))
        else:
            writer.write(answer(request, REGISTERS))

    async with rogue(tardy) as server, link(server) as connection:
        with pytest.raises(MeterTimeoutError):
            await connection.read(SPAN, 1)
        connection.timeout_s = PATIENCE_S
        assert await connection.read(SPAN, 1) == (0, 0, 0, 0x1234)
        assert server.connections == 2


async def test_a_cancelled_read_leaves_no_answer_behind() -> None:
    async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
        address = request[8:10]
        if address == b"\0\1":
            asked.set()
            await asyncio.sleep(0.05)
        writer.write(answer(request, address * 4))

    asked = asyncio.Event()
    async with rogue(slow) as server, link(server, PATIENCE_S) as connection:
        first = asyncio.create_task(connection.read(RegisterSpan(4, 1, 4), 1))
        await asked.wait()
        first.cancel()
        assert await connection.read(RegisterSpan(4, 2, 4), 1) == (2, 2, 2, 2)
        with pytest.raises(asyncio.CancelledError):
            await first


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (2, MeterRefusalError),
        (4, MeterRefusalError),
        (6, MeterBusyError),
        (10, MeterTimeoutError),
        (11, MeterTimeoutError),
        (0xEE, MeterRefusalError),
    ],
)
async def test_each_exception_code_has_its_error(code: int, expected: type[DeviceError]) -> None:
    async def refuse(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(request[:4] + b"\x00\x03" + request[6:7] + bytes([request[7] | 0x80, code]))

    async with rogue(refuse) as server:
        await ask(server, expected, 1)
        assert server.connections == 1


async def test_two_answers_at_once_are_refused() -> None:
    async def twice(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, REGISTERS) * 2)

    async with rogue(twice) as server:
        await ask(server, MeterAnswerError, 1)


async def test_an_endless_answer_is_refused_in_bounded_memory() -> None:
    async def flood(_: bytes, writer: asyncio.StreamWriter) -> None:
        for _round in range(160):
            writer.write(b"\x00" * 65_536)
            await writer.drain()

    async with rogue(flood) as server, link(server) as connection:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with within(1), pytest.raises(DeviceError):
            await connection.read(SPAN, 1)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20_000


async def test_an_answer_cut_at_any_byte_ends_in_time() -> None:
    cut = 0

    async def truncate(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, REGISTERS)[:cut])

    whole = 9 + len(REGISTERS)
    async with rogue(truncate) as server:
        for cut in range(whole):  # noqa: B007 - the server reads it
            async with link(server, 0.1) as connection:
                with pytest.raises(MeterTimeoutError):
                    await connection.read(SPAN, 1)
        cut = whole
        async with link(server, PATIENCE_S) as connection:
            assert await connection.read(SPAN, 1) == (0, 0, 0, 0x1234)


async def test_any_flipped_bit_is_an_error_or_a_value_never_a_crash() -> None:
    bit = 0

    async def flip(request: bytes, writer: asyncio.StreamWriter) -> None:
        sent = bytearray(answer(request, REGISTERS))
        sent[bit // 8] ^= 0x80 >> bit % 8
        writer.write(bytes(sent))

    outcomes: dict[str, int] = {}
    async with rogue(flip) as server:
        for bit in range(8 * (9 + len(REGISTERS))):
            async with link(server, 0.1) as connection:
                try:
                    with within(1):
                        words = await connection.read(SPAN, 1)
                except DeviceError as error:
                    name = type(error).__name__
                else:
                    # Modbus TCP has no checksum of its own: only register bits may pass.
                    assert bit >= 72
                    assert words != (0, 0, 0, 0x1234)
                    name = "value"
            outcomes[name] = outcomes.get(name, 0) + 1
    assert outcomes["value"] == 64
    assert outcomes["TransactionMismatchError"] == 16


async def test_random_bytes_never_crash_or_hang(caplog: pytest.LogCaptureFixture) -> None:
    seeded = random.Random(20261)  # noqa: S311 - repeatable noise, no secret

    async def noise(request: bytes, writer: asyncio.StreamWriter) -> None:
        head = request[: seeded.choice((0, 2, 4, 7, 8))]
        writer.write(head + seeded.randbytes(seeded.randrange(1, 300)))

    async with rogue(noise) as server:
        for _ in range(300):
            async with link(server, 0.02) as connection:
                with pytest.raises(DeviceError):
                    await connection.read(SPAN, 1)
    fatal = [record for record in caplog.records if record.name == "asyncio"]
    assert [record.getMessage() for record in fatal if record.levelno >= logging.ERROR] == []


async def test_a_whole_read_out_survives_a_tampering_meter(bench: Bench) -> None:
    seeded = random.Random(7)  # noqa: S311 - repeatable noise, no secret

    def tamper(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[seeded.randrange(9)] ^= 1 << seeded.randrange(8)
        return bytes(changed)

    async with bench.driver(timeout_s=0.1) as driver:
        right = await driver.read()
        bench.meter.faults.tamper = tamper
        for _ in range(50):
            with pytest.raises(DeviceError):
                await driver.read()
        bench.meter.faults.tamper = None
        assert await driver.read() == right
