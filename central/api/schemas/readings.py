"""Register readings that a system sends, and what became of them."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from central.api.schemas.base import When, rfc3339
from central.api.schemas.writes import NameplateText, Order
from central.service.ingest.import_readings import ImportedReadings, reading_of
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading

Code = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Exactly = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$")]


class ReadingIn(Order):
    """What a register showed."""

    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    serial: NameplateText
    obis: Code
    at: When
    value: Exactly = Field(description="A text, exact, such as 1234.567.")
    unit: Unit
    source: Annotated[str, StringConstraints(pattern="^(profile|live)$")] = "profile"
    period_s: Annotated[int, Field(gt=0, le=86_400)] = 900

    def row(self) -> dict[str, str]:
        """As a line of a file has it."""
        return {
            "manufacturer": self.manufacturer,
            "serial": self.serial,
            "obis": self.obis,
            "at": rfc3339(self.at),
            "value": self.value,
            "unit": self.unit.value,
            "source": self.source,
            "period_s": str(self.period_s),
        }


class ReadingsIn(Order):
    """Readings, and the gateway under whose name they are stored."""

    gateway: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    readings: Annotated[list[ReadingIn], Field(min_length=1, max_length=900)]

    def rows(self) -> list[Reading]:
        """The readings.

        Raises:
            InvalidValueError: Some are none; says which and why.
        """
        read: list[Reading] = []
        for number, each in enumerate(self.readings):
            try:
                read.append(reading_of(each.row()))
            except (ValueError, InvalidValueError) as error:
                message = f"readings.{number}: {str(error).rstrip('.')}."
                raise InvalidValueError(message, value=number) from error
        return read

    def digest(self) -> bytes:
        """What tells these readings from all others."""
        texts = "\n".join(",".join(each.row().values()) for each in self.readings)
        return sha256(f"{self.gateway}\n{texts}".encode()).digest()


class ReadingsOut(BaseModel):
    """What became of readings that were sent together."""

    readings: int
    stored: int
    duplicate: int = Field(description="Stored before, with the same value.")
    conflict: int = Field(description="Stored before, with another value: somebody decides.")
    quarantined: int
    reasons: dict[str, int] = Field(description="Those that are not stored, by code.")

    @classmethod
    def of(cls, done: ImportedReadings) -> ReadingsOut:
        """What an import says. A batch that came before is a duplicate as a whole."""
        again = done.readings - sum(done.rows.values()) - sum(done.reasons.values())
        return cls(
            readings=done.readings,
            stored=done.rows["stored"],
            duplicate=done.rows["duplicate"] + max(again, 0),
            conflict=done.rows["conflict"],
            quarantined=done.rows["quarantined"],
            reasons=dict(done.reasons),
        )
