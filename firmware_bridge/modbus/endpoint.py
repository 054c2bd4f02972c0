"""Where a Modbus bus begins: a TCP address, or a serial port."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.driver.interface import DriverSettingError
from firmware_bridge.modbus.answer import ModbusRequest, judge, judge_rtu

OnPacket = Callable[[bool, bytes], bytes]
OnConnect = Callable[[bool], None]


class Endpoint(Protocol):
    """What a link needs to know of its transport. Equal endpoints share one connection."""

    @property
    def rtu(self) -> bool:
        """Whether frames are RTU: no transaction number, a CRC instead."""
        ...

    def __hash__(self) -> int: ...

    def client(
        self, timeout_s: float, on_packet: OnPacket, on_connect: OnConnect
    ) -> ModbusBaseClient:
        """A pymodbus client that neither retries nor reconnects by itself."""
        ...


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """A Modbus TCP server, or a gateway that passes RTU frames through TCP.

    Args:
        host: Name or address.
        port: TCP port.
        rtu: Whether the gateway passes bare RTU frames.
    """

    host: str
    port: int
    rtu: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(
        self, timeout_s: float, on_packet: OnPacket, on_connect: OnConnect
    ) -> ModbusBaseClient:
        """See `Endpoint.client`."""
        return AsyncModbusTcpClient(
            self.host,
            port=self.port,
            framer=FramerType.RTU if self.rtu else FramerType.SOCKET,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=on_packet,
            trace_connect=on_connect,
        )


@dataclass(frozen=True, slots=True)
class SerialEndpoint:
    """An RS-485 line with one or more meters.

    Args:
        path: The serial device.
        baudrate: Bits per second.
        parity: N, E or O.
        stopbits: 1 or 2.
    """

    path: str
    baudrate: int
    parity: str
    stopbits: int

    @property
    def rtu(self) -> bool:
        """A serial line always carries RTU frames."""
        return True

    def __str__(self) -> str:
        return self.path

    def client(
        self, timeout_s: float, on_packet: OnPacket, on_connect: OnConnect
    ) -> ModbusBaseClient:
        """See `Endpoint.client`.

        Raises:
            DriverSettingError: pyserial is not installed.
        """
        try:
            return AsyncModbusSerialClient(
                self.path,
                framer=FramerType.RTU,
                baudrate=self.baudrate,
                parity=_parity(self.path, self.parity),
                stopbits=self.stopbits,
                timeout=timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=on_packet,
                trace_connect=on_connect,
            )
        except RuntimeError as error:
            message = "A serial port needs pyserial, which is not installed."
            remedy = "Install meterline[edge]."
            raise DriverSettingError(message, value=self.path, remedy=remedy) from error


def _parity(path: str, parity: str) -> str:
    """The parity to ask for: a pseudo-terminal has none, and refuses it when set again."""
    return "N" if os.path.realpath(path).startswith("/dev/pts/") else parity


def parse_request(endpoint: Endpoint, frame: bytes) -> ModbusRequest:
    """The request in an outgoing frame of this endpoint."""
    return ModbusRequest.parse_rtu(frame) if endpoint.rtu else ModbusRequest.parse(frame)


def judge_answer(endpoint: Endpoint, request: ModbusRequest, data: bytes) -> DeviceError | None:
    """What is wrong with an answer of this endpoint so far."""
    return judge_rtu(request, data) if endpoint.rtu else judge(request, data)
