"""Judge the bytes that come back from a Modbus TCP meter, before anything trusts them.

pymodbus skips an answer with a foreign transaction number and waits on, and raises inside its
protocol object for a garbled one. Here each has its name, so that the driver can drop the
connection at once. Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.ports import MeterAnswerError, TransactionMismatchError

HEADER_BYTES = 8
_LENGTH_MAX = 254
_EXCEPTION_LENGTH = 3
_EXCEPTION_BIT = 0x80


@dataclass(frozen=True, slots=True)
class Request:
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
    def parse(cls, frame: bytes) -> Request:
        """The request in an outgoing frame of our own."""
        return cls(
            transaction=int.from_bytes(frame[0:2], "big"),
            unit=frame[6],
            function=frame[7],
            count=int.from_bytes(frame[10:12], "big"),
        )


def judge(request: Request, data: bytes) -> DeviceError | None:
    """What is wrong with an answer, as far as it has come; None while it may still be right.

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


def _wrong_header(request: Request, data: bytes, length: int) -> str | None:
    unit, function = data[6], data[7]
    if data[2:4] != b"\x00\x00":
        return "The answer is not Modbus: its protocol number is not 0."
    if not _EXCEPTION_LENGTH <= length <= _LENGTH_MAX:
        return f"The answer claims {length} bytes, which Modbus does not allow."
    if unit != request.unit:
        return f"Unit {unit} answered instead of unit {request.unit}."
    if function & ~_EXCEPTION_BIT != request.function:
        return f"The answer is to function {function} instead of {request.function}."
    return None


def _wrong_body(request: Request, data: bytes, length: int) -> str | None:
    if len(data) > 6 + length:
        return "More bytes came than the answer has."
    if data[7] & _EXCEPTION_BIT:
        return None if length == _EXCEPTION_LENGTH else "The refusal has a wrong length."
    wanted = 2 * request.count
    if length != wanted + 3 or data[8] != wanted:
        return f"The answer holds {data[8]} bytes of registers instead of {wanted}."
    return None
