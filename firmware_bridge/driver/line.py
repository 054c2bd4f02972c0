"""Byte lines to meters that are no Modbus: a serial port, or a TCP gateway that passes bytes.

Both ends of a line speak when they like. Receiving holds at most `HELD_MAX` bytes, so a line that
babbles faster than it is read costs no memory.
"""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, Self

import serial
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as check_model

from firmware_bridge.driver.interface import MeterConnectionError
from firmware_bridge.driver.naming import ConfiguredIdentity, MakersName, SerialNumber
from firmware_bridge.driver.table_faults import setting_error
from firmware_bridge.driver.telegram import Keys

HELD_MAX = 65_536
_READ_SIZE = 4096
_SEVEN = 7
_Text = Annotated[str, StringConstraints(min_length=1)]
_Key = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})$")]


class MeterLine(Protocol):
    """An open line."""

    async def receive(self) -> bytes:
        """The next bytes, at least one.

        Raises:
            MeterConnectionError: The far end or the device is gone.
        """
        ...

    async def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            MeterConnectionError: The far end or the device is gone.
        """
        ...

    def set_speed(self, baudrate: int) -> None:
        """Change the speed; a TCP gateway keeps its own."""
        ...

    def close(self) -> None:
        """Give the line up."""
        ...


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP gateway.

    Args:
        host: Name or address.
        port: TCP port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def open(self, timeout_s: float) -> MeterLine:
        """Connect.

        Raises:
            MeterConnectionError: Nothing listens there.
        """
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(self.host, self.port, limit=HELD_MAX)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise _unreachable(str(self)) from error
        return _TcpLine(str(self), reader, writer)


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial device.

    Args:
        path: The device.
        baudrate: Bits per second.
        parity: N, E or O.
        bytesize: 7 or 8.
        stopbits: 1 or 2.
    """

    path: str
    baudrate: int = 115_200
    parity: str = "N"
    bytesize: int = 8
    stopbits: int = 1

    def __str__(self) -> str:
        return self.path

    async def open(self, timeout_s: float) -> MeterLine:  # noqa: ARG002 - opens at once or not at all
        """Open the device.

        Raises:
            MeterConnectionError: It is not there, or does not have that speed.
        """
        try:
            try:
                port = self._configured(self.parity, self.bytesize)
            except termios.error:
                port = self._configured("N", 8)
            if not _took(port):
                # A pseudo-terminal has neither parity nor seven bits, and passes bytes as they are;
                # asked for them again at a change of speed it would fail.
                port.close()
                port = self._configured("N", 8)
        except (OSError, ValueError, termios.error) as error:  # pyserial's own is an OSError
            raise _unreachable(self.path) from error
        return _SerialLine(self.path, port)

    def _configured(self, parity: str, bytesize: int) -> serial.Serial:
        return serial.Serial(
            self.path,
            baudrate=self.baudrate,
            parity=parity,
            bytesize=bytesize,
            stopbits=self.stopbits,
            timeout=0,
            write_timeout=0,
        )


def _took(port: serial.Serial) -> bool:
    """Whether the device works with the parity and bits that it was opened with."""
    flags: int = termios.tcgetattr(port.fileno())[2]
    parity = bool(flags & termios.PARENB) == (port.parity != "N")
    return parity and (flags & termios.CSIZE == termios.CS7) == (port.bytesize == _SEVEN)


class LineAddress(Protocol):
    """Where a line begins."""

    def __hash__(self) -> int: ...

    async def open(self, timeout_s: float) -> MeterLine:
        """Open the line.

        Raises:
            MeterConnectionError: It cannot be opened.
        """
        ...


def _unreachable(where: str) -> MeterConnectionError:
    message = f"The meter at {where} cannot be reached."
    remedy = "Check the address, the power and the wiring or network."
    return MeterConnectionError(message, value=where, remedy=remedy)


def _gone(where: str) -> MeterConnectionError:
    message = f"The line at {where} was closed."
    return MeterConnectionError(message, value=where)


class _TcpLine:
    def __init__(
        self, where: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._where = where
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        try:
            data = await self._reader.read(_READ_SIZE)
        except OSError as error:
            raise _gone(self._where) from error
        if not data:
            raise _gone(self._where)
        return data

    async def send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise _gone(self._where) from error

    def set_speed(self, baudrate: int) -> None:
        """The gateway's speed is its own matter."""

    def close(self) -> None:
        with suppress(OSError):
            self._writer.close()


class _SerialLine:
    """A serial port on the event loop's selector."""

    def __init__(self, where: str, port: serial.Serial) -> None:
        self._where = where
        self._port = port
        self._file: int = port.fileno()
        self._held = bytearray()
        self._arrived = asyncio.Event()
        self._failed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._file, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._file, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._failed = True
            self._loop.remove_reader(self._file)
        self._held += data
        # A UART that nobody empties loses what comes last too.
        del self._held[HELD_MAX:]
        self._arrived.set()

    async def receive(self) -> bytes:
        while not self._held:
            if self._failed:
                raise _gone(self._where)
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._held)
        self._held.clear()
        return data

    async def send(self, data: bytes) -> None:
        sent = 0
        while sent < len(data):
            try:
                sent += os.write(self._file, data[sent:])
            except BlockingIOError:
                await asyncio.sleep(0.005)
            except OSError as error:
                raise _gone(self._where) from error

    def set_speed(self, baudrate: int) -> None:
        try:
            self._port.baudrate = baudrate
        except (OSError, ValueError, termios.error) as error:
            raise _gone(self._where) from error

    def close(self) -> None:
        if not self._failed:
            self._loop.remove_reader(self._file)
        self._failed = True
        with suppress(OSError):
            self._port.close()


class LineSettings(BaseModel):
    """Where a line begins. Either `host` with `port`, or `serial_port`, says it.

    Args:
        host: Name or address of a gateway that passes bytes through TCP.
        port: Its TCP port.
        serial_port: A serial device.
        baudrate: Of the serial line.
        parity: Of the serial line: N, E or O.
        bytesize: Of the serial line.
        stopbits: Of the serial line.
        timeout_s: Longest wait for a connection, and for a telegram or answer. [s]
        zone: IANA zone of the meter's clock, where it is not the protocol's usual one.
        key: Encryption key, 32 hex digits.
        auth_key: Authentication key, 32 hex digits.
        serial: The number on the meter's plate, instead of what its telegrams say.
        manufacturer: Its maker, instead of what its telegrams say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: _Text | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    serial_port: _Text | None = None
    baudrate: Annotated[int, Field(ge=300, le=1_000_000)] = 115_200
    parity: Literal["N", "E", "O"] = "N"
    bytesize: Literal[7, 8] = 8
    stopbits: Literal[1, 2] = 1
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    zone: _Text | None = None
    key: _Key | None = Field(default=None, repr=False)
    auth_key: _Key | None = Field(default=None, repr=False)
    serial: SerialNumber | None = None
    manufacturer: MakersName | None = None

    @check_model(mode="after")
    def _one_place(self) -> Self:
        if (self.host is None) == (self.serial_port is None):
            message = "set either `host` or `serial_port`"
            raise ValueError(message)
        if (self.host is None) != (self.port is None):
            message = "`host` and `port` need each other"
            raise ValueError(message)
        return self

    @property
    def place(self) -> TcpAddress | SerialAddress:
        """Where the line begins."""
        if self.host is not None and self.port is not None:
            return TcpAddress(self.host, self.port)
        path = self.serial_port or ""
        return SerialAddress(path, self.baudrate, self.parity, self.bytesize, self.stopbits)

    @property
    def configured(self) -> ConfiguredIdentity:
        """Who the meter is, as far as its table says."""
        return ConfiguredIdentity(self.serial, self.manufacturer)

    @property
    def keys(self) -> Keys:
        """The meter's secrets."""
        encryption = bytes.fromhex(self.key) if self.key else None
        return Keys(encryption, bytes.fromhex(self.auth_key) if self.auth_key else None)

    @classmethod
    def parse(
        cls, settings: Mapping[str, object], files: Iterable[Callable[[], object]] = ()
    ) -> Self:
        """The settings in a table.

        Args:
            settings: The table.
            files: Read what it names; what they refuse is said beside its own faults.

        Raises:
            DriverSettingError: A key is missing, unknown or wrong; names it.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            raise setting_error(error, cls, "host", files) from None
