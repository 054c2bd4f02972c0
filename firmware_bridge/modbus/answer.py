"""Judge the bytes that come back from a Modbus meter, before anything trusts them.

pymodbus skips an answer with a foreign transaction number and waits on, looks for an RTU frame in
the middle of noise, and raises inside its protocol object for a garbled one. Here each has its
name, so that the driver can drop the connection at once. Sources: Modbus Messaging on TCP/IP
Implementation Guide V1.0b, 3.1.3; Modbus over Serial Line V1.02, 2.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymodbus.framer.rtu import FramerRTU

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import MeterAnswerError, TransactionMismatchError

HEADER_BYTES = 8
_LENGTH_MAX = 254
_EXCEPTION_LENGTH = 3
_EXCEPTION_BIT = 0x80
_RTU_OVERHEAD = 5
_RTU_EXCEPTION_BYTES = 5
_CRC_BYTES = 2


@dataclass(frozen=True, slots=True)
class ModbusRequest:
    """What an answer must match.

    Args:
        transaction: The number that the answer must repeat.
        unit: The device on the bus.
        function: The function code asked for.
        count: How many registers were asked for.
    """

    transaction: int
    unit: int
    function: int
    count: int

    @classmethod
    def parse(cls, frame: bytes) -> ModbusRequest:
        """The request in an outgoing Modbus TCP frame of our own."""
        return cls(
            transaction=int.from_bytes(frame[0:2], "big"),
            unit=frame[6],
            function=frame[7],
            count=int.from_bytes(frame[10:12], "big"),
        )

    @classmethod
    def parse_rtu(cls, frame: bytes) -> ModbusRequest:
        """The request in an outgoing RTU frame of our own, which has no transaction number."""
        return cls(0, frame[0], frame[1], int.from_bytes(frame[4:6], "big"))


def judge(request: ModbusRequest, data: bytes) -> DeviceError | None:
    """What is wrong with a Modbus TCP answer so far; None while it may still be right.

    Args:
        request: What was asked.
        data: All bytes received since.
    """
    if len(data) < 2:  # noqa: PLR2004 - the transaction number is two bytes
        return None
    transaction = int.from_bytes(data[0:2], "big")
    if transaction != request.transaction:
        message = f"The meter answered request {transaction} instead of {request.transaction}."
        return TransactionMismatchError(message, value=data)
    if len(data) < HEADER_BYTES:
        return None
    length = int.from_bytes(data[4:6], "big")
    wrong = _wrong_header(request, data, length)
    if wrong is None and len(data) >= 6 + length:
        wrong = _wrong_body(request, data, length)
    return None if wrong is None else MeterAnswerError(wrong, value=data)


def _wrong_header(request: ModbusRequest, data: bytes, length: int) -> str | None:
    unit, function = data[6], data[7]
    if data[2:4] != b"\x00\x00":
        return "The answer is not Modbus: its protocol identifier is not 0."
    if not _EXCEPTION_LENGTH <= length <= _LENGTH_MAX:
        return f"The answer's length field is {length} bytes, which Modbus does not allow."
    if unit != request.unit:
        return f"Unit {unit} answered instead of unit {request.unit}."
    if function & ~_EXCEPTION_BIT != request.function:
        return f"The answer is to function {function} instead of {request.function}."
    return None


def _wrong_body(request: ModbusRequest, data: bytes, length: int) -> str | None:
    if len(data) > 6 + length:
        return "Bytes follow the end of the answer."
    if data[7] & _EXCEPTION_BIT:
        return None if length == _EXCEPTION_LENGTH else "The exception response has a wrong length."
    wanted = 2 * request.count
    if length != wanted + 3 or data[8] != wanted:
        return f"The answer has {data[8]} bytes of registers instead of {wanted}."
    return None


def judge_rtu(request: ModbusRequest, data: bytes) -> DeviceError | None:
    """What is wrong with an RTU answer so far; None while it may still be right.

    An RTU answer names no request. Unit, function and length are all that tell whose it is, so the
    caller keeps the line quiet after a failure until a late answer has gone by.

    Args:
        request: What was asked.
        data: All bytes received since.
    """
    wrong = _wrong_rtu(request, data)
    return None if wrong is None else MeterAnswerError(wrong, value=data)


def _wrong_rtu(request: ModbusRequest, data: bytes) -> str | None:
    if len(data) < 2:  # noqa: PLR2004 - unit and function come first
        return None
    if data[0] != request.unit:
        return f"Unit {data[0]} answered instead of unit {request.unit}."
    if data[1] & ~_EXCEPTION_BIT != request.function:
        return f"The answer is to function {data[1]} instead of {request.function}."
    if data[1] & _EXCEPTION_BIT:
        return _wrong_end(data, _RTU_EXCEPTION_BYTES)
    if len(data) > 2 and data[2] != 2 * request.count:  # noqa: PLR2004 - the third byte counts
        return f"The answer has {data[2]} bytes of registers instead of {2 * request.count}."
    return _wrong_end(data, _RTU_OVERHEAD + 2 * request.count)


def _wrong_end(data: bytes, size: int) -> str | None:
    if len(data) > size:
        return "Bytes follow the end of the answer."
    if len(data) == size:
        check = int.from_bytes(data[-_CRC_BYTES:], "big")
        if not FramerRTU.check_CRC(data[:-_CRC_BYTES], check):
            return "The answer's checksum is wrong."
    return None
