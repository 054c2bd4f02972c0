"""What taking customers over from another billing system needs of a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from central.domain.billing.cutover_opening import CutoverOpening
from firmware_bridge.contract.obis import Obis


@dataclass(frozen=True, slots=True)
class ShownRegister:
    """What a meter's register showed.

    Args:
        at: When, aware.
        value: In the unit of the meter.
    """

    at: datetime
    value: Decimal


class CutoverTransaction(Protocol):
    """Openings of claim chains and numbers of invoices, in one transaction."""

    async def opening(self, occupancy: int) -> CutoverOpening | None:
        """What an occupancy was taken over with."""

    async def save_opening(self, occupancy: int, opening: CutoverOpening | None) -> None:
        """Set what an occupancy that is not billed yet opens with; None takes it away."""

    async def first_register(self, meter: str, obis: Obis, since: datetime) -> ShownRegister | None:
        """The first register of a meter from an instant on; None where none is stored.

        Args:
            meter: Manufacturer and serial number, as in `MTL/1001`.
            obis: Which register.
            since: Aware.
        """

    async def last_number(self, series: str) -> int:
        """The last number given in a series, 0 where none was; held until the end."""

    async def save_number(self, series: str, last: int) -> None:
        """Set the last number given in a series."""
