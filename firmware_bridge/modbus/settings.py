"""A Modbus meter's table in the agent's configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.naming import MakersName, SerialNumber
from firmware_bridge.driver.table_faults import setting_error
from firmware_bridge.modbus.endpoint import Endpoint, SerialEndpoint, TcpEndpoint

_Text = Annotated[str, StringConstraints(min_length=1)]
_ObisCode = Annotated[Obis, BeforeValidator(lambda text: Obis.parse(str(text)))]


class ModbusSettings(BaseModel):
    """What a Modbus meter needs to be read. Either `host` or `serial_port` says where it is.

    Meters with the same `host` and `port`, or the same `serial_port`, are on one bus and take
    turns.

    Args:
        host: Name or address of the meter or its gateway.
        port: TCP port.
        framing: `rtu` for a gateway that passes bare RTU frames through TCP.
        serial_port: The serial device of an RS-485 adapter; always RTU.
        baudrate: Of the serial line.
        parity: Of the serial line: N, E or O.
        stopbits: Of the serial line.
        unit_id: The device on the bus; 1 or 255 where there is only one behind TCP.
        profile: A model's name (`meterline-bridge profiles`), or the path of a profile file.
        timeout_s: Longest wait for a connection, and for each answer. [s]
        serial: The number on the plate; for models that do not tell theirs, or tell it wrongly.
        manufacturer: Its maker, instead of the profile's.
        registers: OBIS codes to read live; empty reads those that the profile polls.
        sunspec_meter: Which of a SunSpec device's meters, counted from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    host: _Text | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] = 502
    framing: Literal["tcp", "rtu"] = "tcp"
    serial_port: _Text | None = None
    baudrate: Annotated[int, Field(ge=300, le=1_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    profile: _Text
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    serial: SerialNumber | None = None
    manufacturer: MakersName | None = None
    registers: tuple[_ObisCode, ...] = ()
    sunspec_meter: Annotated[int, Field(ge=1, le=16)] = 1

    @model_validator(mode="after")
    def _one_place(self) -> ModbusSettings:
        if (self.host is None) == (self.serial_port is None):
            message = "set either `host` or `serial_port`"
            raise ValueError(message)
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where the meter's bus begins."""
        if self.host is not None:
            return TcpEndpoint(self.host, self.port, self.framing == "rtu")
        return SerialEndpoint(self.serial_port or "", self.baudrate, self.parity, self.stopbits)

    @classmethod
    def parse(
        cls, settings: Mapping[str, object], files: Iterable[Callable[[], object]] = ()
    ) -> ModbusSettings:
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
