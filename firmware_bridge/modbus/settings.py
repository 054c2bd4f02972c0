"""A Modbus meter's table in the agent's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from firmware_bridge.contract.reading import SERIAL_MAX
from firmware_bridge.ports import DriverSettingError


class ModbusSettings(BaseModel):
    """What a Modbus meter needs to be read.

    Args:
        host: Name or address of the meter or its gateway.
        port: TCP port.
        unit_id: The device on the bus behind a gateway; 1 or 255 where there is only one.
        profile: A model's name (`meterline-bridge profiles`), or the path of a profile file.
        timeout_s: Longest wait for a connection, and for each answer. [s]
        serial: The number on the plate; for models that do not tell theirs, or tell it wrongly.
        registers: OBIS codes to read live; empty reads those that the profile polls.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, StringConstraints(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 502
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    profile: Annotated[str, StringConstraints(min_length=1)]
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    serial: (
        Annotated[str, StringConstraints(min_length=1, max_length=SERIAL_MAX, pattern=r"^[ -~]+$")]
        | None
    ) = None
    registers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, settings: Mapping[str, object]) -> ModbusSettings:
        """The settings in a table.

        Raises:
            DriverSettingError: A key is missing, unknown or wrong; names it.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            message = f"Modbus setting `{key}`: {first['msg']}."
            known = ", ".join(cls.model_fields)
            raise DriverSettingError(
                message, value=first.get("input"), remedy=f"Known settings: {known}."
            ) from error
