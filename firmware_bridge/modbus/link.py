"""One connection to a Modbus TCP meter or gateway: one request at a time, and every end has a name.

Whatever goes wrong drops the connection, a cancelled request too: an answer that comes late would
otherwise be taken for the answer to the next question. The next request connects again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.modbus.answer import Request, judge
from firmware_bridge.modbus.frames import Span
from firmware_bridge.ports import (
    MeterAnswerError,
    MeterBusyError,
    MeterConnectionError,
    MeterRefusalError,
    MeterTimeoutError,
)

HOLDING: Final = 3
# Our errors say what pymodbus would print; an application that wants its log adds a handler.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())
_BUSY = frozenset({ExcCodes.ACKNOWLEDGE, ExcCodes.DEVICE_BUSY, ExcCodes.NEGATIVE_ACKNOWLEDGE})
_UNREACHED = frozenset({ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE})


class ModbusLink:
    """A serialised Modbus TCP connection.

    Args:
        host: Name or address.
        port: TCP port.
        timeout_s: Longest wait for a connection, and for a whole answer. [s]
    """

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._request: Request | None = None
        self._failure: asyncio.Future[DeviceError] | None = None

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    def close(self) -> None:
        """Drop the connection, if there is one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def read(self, span: Span, unit: int) -> tuple[int, ...]:
        """The registers of a span.

        Args:
            span: At most 125 registers of function 3 or 4.
            unit: The device on the bus, 0 .. 255.

        Raises:
            MeterConnectionError: No connection, or it was closed before the answer.
            MeterTimeoutError: No whole answer within the time limit.
            MeterAnswerError: The answer is garbled or another's.
            MeterRefusalError: The device refused the request.
        """
        async with self._lock:
            answered = False
            try:
                response = await self._exchange(await self._connected(), span, unit)
                answered = True
            finally:
                self._request = self._failure = None
                if not answered:
                    self.close()
        if response.isError():
            raise _refusal(response, span, unit)
        return tuple(response.registers)

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None:
            self._client = AsyncModbusTcpClient(
                self._host,
                port=self._port,
                timeout=2 * self._timeout_s,  # ours comes first, with our name for it
                retries=0,
                reconnect_delay=0,
                trace_packet=self._on_packet,
                trace_connect=self._on_connect,
            )
            try:
                async with asyncio.timeout(self._timeout_s):
                    reached = await self._client.connect()
            except TimeoutError:
                reached = False
            if not reached:
                message = f"No Modbus meter can be reached at {self}."
                raise MeterConnectionError(
                    message, value=str(self), remedy="Check host, port, power and network."
                )
        return self._client

    async def _exchange(self, client: AsyncModbusTcpClient, span: Span, unit: int) -> ModbusPDU:
        failure = self._failure = asyncio.get_running_loop().create_future()
        holding = span.function == HOLDING
        ask = client.read_holding_registers if holding else client.read_input_registers
        answer = asyncio.ensure_future(ask(span.address, count=span.count, device_id=unit))
        try:
            await asyncio.wait(
                (answer, failure), timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if failure.done():
                raise failure.result()
            if answer.done():
                return answer.result()
        except ModbusException as error:
            message = f"The meter at {self}, unit {unit}, gave no usable answer: {error}"
            raise MeterAnswerError(message, value=span) from error
        finally:
            # A task that lost the race still has to be asked for its exception.
            if not answer.cancel() and not answer.cancelled():
                answer.exception()
        message = f"The meter at {self}, unit {unit}, did not answer within {self._timeout_s} s."
        raise MeterTimeoutError(message, value=span)

    def _on_packet(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        if sending:
            self._request = Request.parse(data)
            return data
        if self._request is None:
            return b""
        wrong = judge(self._request, data)
        if wrong is None:
            return data
        self._fail(wrong)
        return b""

    def _on_connect(self, connected: bool) -> None:  # noqa: FBT001 - pymodbus calls it so
        if not connected:
            message = f"The meter at {self} closed the connection."
            self._fail(MeterConnectionError(message, value=str(self)))
            self.close()

    def _fail(self, error: DeviceError) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_result(error)


def _refusal(response: ModbusPDU, span: Span, unit: int) -> DeviceError:
    code = response.exception_code
    where = f"function {span.function}, registers {span.address} .. {span.end - 1}"
    if code in _UNREACHED:
        message = f"The gateway reached no unit {unit} ({where})."
        return MeterTimeoutError(message, value=code)
    if code in _BUSY:
        message = f"Unit {unit} is busy ({where}, exception {code})."
        return MeterBusyError(message, value=code)
    message = f"Unit {unit} refused {where} with exception {code}."
    return MeterRefusalError(
        message, value=code, remedy="Check that the configured profile is that of this model."
    )
