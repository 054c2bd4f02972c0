"""One connection to a Modbus bus: one request at a time, and every end has a name.

Whatever goes wrong drops the connection, a cancelled request too: an answer that comes late would
otherwise be taken for the answer to the next question. The next request connects again. RTU answers
do not say which question they answer, so there the line is also left quiet for a while, and what
comes meanwhile is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
import termios
from typing import Final

from pymodbus.client.base import ModbusBaseClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterBusyError,
    MeterConnectionError,
    MeterRefusalError,
    MeterTimeoutError,
)
from firmware_bridge.modbus.answer import ModbusRequest
from firmware_bridge.modbus.endpoint import Endpoint, judge_answer, parse_request
from firmware_bridge.modbus.frames import RegisterSpan

HOLDING: Final = 3
# Our errors say what pymodbus would print; an application that wants its log adds a handler.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())
logging.getLogger("pymodbus").propagate = False
_BUSY = frozenset({ExcCodes.ACKNOWLEDGE, ExcCodes.DEVICE_BUSY, ExcCodes.NEGATIVE_ACKNOWLEDGE})
_UNREACHED = frozenset({ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE})


class ModbusLink:
    """A serialised connection; all units of the bus take turns.

    Args:
        endpoint: Where it leads.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lock = asyncio.Lock()
        self._client: ModbusBaseClient | None = None
        self._request: ModbusRequest | None = None
        self._failure: asyncio.Future[DeviceError] | None = None
        self._quiet_until = 0.0

    def __str__(self) -> str:
        return str(self._endpoint)

    def close(self) -> None:
        """Drop the connection, if there is one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def read(self, span: RegisterSpan, unit: int, timeout_s: float) -> tuple[int, ...]:
        """The registers of a span.

        Args:
            span: At most 125 registers of function 3 or 4.
            unit: The device on the bus, 0 .. 255.
            timeout_s: Longest wait for a connection, and for the whole answer. [s]

        Raises:
            MeterConnectionError: No connection, or it was closed before the answer.
            MeterTimeoutError: No whole answer within the time limit.
            MeterAnswerError: The answer is garbled or another's.
            MeterRefusalError: The device refused the request.
        """
        async with self._lock:
            answered = False
            try:
                client = await self._connected(timeout_s)
                response = await self._exchange(client, span, unit, timeout_s)
                answered = True
            finally:
                self._request = self._failure = None
                if not answered:
                    self.close()
                    self._keep_quiet(timeout_s)
        if response.isError():
            raise _refusal(response, span, unit)
        return tuple(response.registers)

    def _keep_quiet(self, quiet_s: float) -> None:
        if self._endpoint.rtu:
            self._quiet_until = asyncio.get_running_loop().time() + quiet_s

    async def _connected(self, timeout_s: float) -> ModbusBaseClient:
        if self._client is not None:
            return self._client
        await asyncio.sleep(self._quiet_until - asyncio.get_running_loop().time())
        # Our own time limit ends first, with our name for it.
        client = self._endpoint.client(2 * timeout_s, self._on_packet, self._on_connect)
        self._client = client
        try:
            async with asyncio.timeout(timeout_s):
                reached = await client.connect()
        except (TimeoutError, ValueError, termios.error):
            # A name that cannot be encoded; a speed or parity that the serial device does not have.
            reached = False
        if not reached:
            message = f"The Modbus meter at {self} cannot be reached."
            remedy = "Check the address, the power and the wiring or network."
            raise MeterConnectionError(message, value=str(self), remedy=remedy)
        return client

    async def _exchange(
        self, client: ModbusBaseClient, span: RegisterSpan, unit: int, timeout_s: float
    ) -> ModbusPDU:
        failure = self._failure = asyncio.get_running_loop().create_future()
        holding = span.function == HOLDING
        ask = client.read_holding_registers if holding else client.read_input_registers
        answer = asyncio.ensure_future(ask(span.address, count=span.count, device_id=unit))
        try:
            await asyncio.wait(
                (answer, failure), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if failure.done():
                raise failure.result()
            if answer.done():
                return answer.result()
        except ModbusException as error:
            message = f"The meter at {self}, unit {unit}, sent an answer that is not valid: {error}"
            raise MeterAnswerError(message, value=span) from error
        finally:
            # A task that lost the race still has to be asked for its exception.
            if not answer.cancel() and not answer.cancelled():
                answer.exception()
        message = f"The meter at {self}, unit {unit}, did not answer within {timeout_s} s."
        raise MeterTimeoutError(message, value=span)

    def _on_packet(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        if sending:
            self._request = parse_request(self._endpoint, data)
            return data
        if self._request is None:
            return b""
        wrong = judge_answer(self._endpoint, self._request, data)
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


class SharedLink:
    """The one link to an endpoint that all its drivers in an event loop use together.

    An RS-485 line carries one question at a time, and many gateways serve one connection only.
    The last user that leaves closes it.

    Args:
        endpoint: Where it leads; equal endpoints share.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._key: tuple[asyncio.AbstractEventLoop, Endpoint] | None = None

    async def __aenter__(self) -> ModbusLink:
        self._key = (asyncio.get_running_loop(), self._endpoint)
        link, users = _links.get(self._key) or (ModbusLink(self._endpoint), 0)
        _links[self._key] = (link, users + 1)
        return link

    async def __aexit__(self, *_: object) -> None:
        key, self._key = self._key, None
        if key is None:
            return
        link, users = _links.pop(key)
        if users > 1:
            _links[key] = (link, users - 1)
        else:
            link.close()


_links: dict[tuple[asyncio.AbstractEventLoop, Endpoint], tuple[ModbusLink, int]] = {}


def _refusal(response: ModbusPDU, span: RegisterSpan, unit: int) -> DeviceError:
    code = response.exception_code
    where = f"function {span.function}, registers {span.address} .. {span.end - 1}"
    if code in _UNREACHED:
        message = f"The Modbus gateway did not reach unit {unit} ({where})."
        return MeterTimeoutError(message, value=code)
    if code in _BUSY:
        message = f"Unit {unit} is busy ({where}, exception {code})."
        return MeterBusyError(message, value=code)
    message = f"Unit {unit} refused {where} with exception {code}."
    return MeterRefusalError(
        message, value=code, remedy="Check that the configured profile is that of this model."
    )
